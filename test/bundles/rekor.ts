import assert from 'node:assert/strict'
import { bytesEqual } from '../../src/codec/bytes.ts'
import { serializeCanonicalJson } from '../../src/codec/canonical-json.ts'
import { type GoJson, serializeGoJson } from '../../src/codec/go-json.ts'
import type { Json } from '../../src/codec/json.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { parseEntryBody } from '../../src/formats/log/entry-body.ts'
import { logAnswerJson } from '../../src/formats/log/log-answer.ts'
import type { LogEntry } from '../../src/formats/log/log-entry.ts'
import type { Handler } from '../../src/services/listen.ts'

/** Host of the log in these tests. */
export const rekorHost = 'rekor.test'

/** A face of Rekor v1 on entries of a log in memory; `answer` takes the place of what it would say. */
export type TestRekor = {
  readonly handler: Handler
  readonly entries: LogEntry[]
  answer: Handler | undefined
}

const treeId = 1193050959916656506n

/** Starts one without entries. @see services §3.1 */
export function createTestRekor(): TestRekor {
  const entries: LogEntry[] = []
  const rekor: TestRekor = {
    entries,
    answer: undefined,
    handler: async request => {
      if (rekor.answer) return await rekor.answer(request)
      const url = new URL(request.url)
      const index = url.searchParams.get('logIndex')
      if (request.method === 'GET' && url.pathname === '/api/v1/log/entries' && index !== null) {
        const found = entries.find(({ logIndex }) => String(logIndex) === index)
        return found ? answerOf([found]) : new Response('', { status: 404 })
      }
      assert.deepEqual([request.method, url.pathname], ['POST', '/api/v1/log/entries/retrieve'])
      const { entries: proposed } = (await request.json()) as { readonly entries: readonly ProposedEntry[] }
      return answerOf(entries.filter(entry => proposed.some(one => isOf(one, entry))))
    },
  }
  return rekor
}

/** What Rekor answers with for these entries: one to a look-up by index, a list to a search. */
export function answerOf(entries: readonly LogEntry[], edit: (answer: GoJson) => GoJson = answer => answer): Response {
  return new Response(serializeGoJson(entries.map(entry => edit(logAnswerJson(treeId, entry)))))
}

type ProposedEntry = {
  readonly apiVersion: string
  readonly kind: string
  readonly spec: { readonly proposedContent?: { readonly envelope: string; readonly verifiers: readonly string[] } }
}

/** Rekor makes the canonical entry of what is proposed, and looks for its leaf. */
function isOf(proposed: ProposedEntry, entry: LogEntry): boolean {
  if (proposed.kind !== 'dsse') return bytesEqual(encodeUtf8(serializeCanonicalJson(proposed as unknown as Json)), entry.canonicalizedBody)
  const body = parseEntryBody(entry)
  const { envelope, verifiers } = proposed.spec.proposedContent!
  const stored = JSON.parse(new TextDecoder().decode(entry.canonicalizedBody))
  return (
    body.kind === 'dsse' &&
    stored.spec.envelopeHash.value === Buffer.from(sha256(encodeUtf8(envelope))).toString('hex') &&
    stored.spec.signatures.every(({ verifier }: { readonly verifier: string }) => verifiers.includes(verifier))
  )
}
