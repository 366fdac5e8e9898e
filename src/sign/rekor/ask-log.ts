import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import type { Json } from '../../codec/json.ts'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { type HashName, sha256 } from '../../crypto/digest.ts'
import { parseDsseEnvelope } from '../../formats/dsse.ts'
import { hexDigestJson } from '../../formats/log/kinds/entry-digest.ts'
import { pemVerifierJson } from '../../formats/log/kinds/entry-verifier.ts'
import { hashedRekordSpec } from '../../formats/log/kinds/hashedrekord.ts'
import { parseLogAnswer } from '../../formats/log/log-answer.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import { describeFailure } from '../../oci/transport/failure.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'

/** Which kind of entry a Rekor v1 makes of an envelope: intoto is what it had before dsse, and what some readers still look for. */
export type EnvelopeEntryKind = 'dsse' | 'intoto'

/** A signature that a log may have recorded. */
export type SearchedSignature = {
  readonly signature: Uint8Array
  readonly content:
    | { readonly kind: 'digest'; readonly hash: HashName; readonly digest: Uint8Array } // of what was signed, by the hash it was signed by
    | { readonly kind: 'envelope'; readonly json: Uint8Array; readonly entryKind?: EnvelopeEntryKind } // as it was uploaded, to the byte
  readonly signer: { readonly kind: 'key'; readonly spki: Uint8Array } | { readonly kind: 'certificate'; readonly der: Uint8Array }
}

/** Where a log is and how to reach it. */
export type LogAccess = { readonly fetch: Fetch; readonly url: URL; readonly signal: AbortSignal }

const answerLimitBytes = 4 << 20
const timeoutMs = 30_000

/**
 * Asks a Rekor v1 for the entries that record a signature. What it answers is evidence like any other: nothing is believed of it.
 *
 * @returns nothing where the log has none
 * @throws CountersignError `TLOG_UNAVAILABLE` for no usable answer within 30 s, `LOG_ENTRY_MALFORMED`, `LIMIT_EXCEEDED`; the signal's own reason
 * @see services.md §3.1, `POST /api/v1/log/entries/retrieve`
 */
export async function searchLog(access: LogAccess, searched: SearchedSignature): Promise<readonly LogEntry[]> {
  const body = encodeUtf8(serializeGoJson({ entries: [proposedEntry(searched)] })).slice()
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  return (await ask(access, 'api/v1/log/entries/retrieve', { method: 'POST', headers, body })) ?? []
}

/**
 * Asks a Rekor v1 for the entry with this index, counted over all its trees: with a proof of inclusion in the tree as it is now.
 *
 * @returns nothing where the log has none
 * @throws CountersignError as `searchLog`
 * @see services.md §3.1, `GET /api/v1/log/entries?logIndex=N`
 */
export async function fetchLogEntry(access: LogAccess, logIndex: bigint): Promise<LogEntry | undefined> {
  const entries = await ask(access, `api/v1/log/entries?logIndex=${logIndex}`, { method: 'GET', headers: { accept: 'application/json' } })
  return entries?.find(entry => entry.logIndex === logIndex)
}

/**
 * Of several entries of one signature the one to take: the earliest. Anybody can have a signature that was public recorded once more, after
 * its certificate expired.
 */
export function earliestOf(entries: readonly LogEntry[]): LogEntry | undefined {
  return entries.toSorted((a, b) => Number((a.integratedTime ?? 0n) - (b.integratedTime ?? 0n)))[0]
}

async function ask({ fetch, url, signal }: LogAccess, path: string, init: RequestInit): Promise<readonly LogEntry[] | undefined> {
  const at = new URL(path, url.href.endsWith('/') ? url : `${url.href}/`)
  const what = `${init.method} ${at.origin}${at.pathname}`
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    const response = await fetch(at, { ...init, redirect: 'error', signal: deadline })
    if (response.status !== 200) {
      await response.body?.cancel()
      if (response.status === 404) return undefined
      throw new CountersignError('TLOG_UNAVAILABLE', `${what}: want status 200, got ${response.status}`)
    }
    return parseLogAnswer(await readAtMost(response, answerLimitBytes, what, signal), what)
  } catch (cause) {
    signal.throwIfAborted() // the caller's own reason passes through unchanged
    if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') throw cause
    const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : describeFailure(cause).words
    throw new CountersignError('TLOG_UNAVAILABLE', `${what}: ${reason}`, { cause })
  }
}

/** A signature as a Rekor v1 is given it. An envelope is proposed as it was uploaded; the entry then holds its digest. */
export function proposedEntry({ signature, content, signer }: SearchedSignature): Json {
  const [verifier, version] = [{ ...signer, details: undefined }, '0.0.1'] as const
  if (content.kind === 'envelope' && content.entryKind === 'intoto') return proposedIntoto(content.json, pemVerifierJson(verifier))
  if (content.kind === 'envelope') {
    const proposedContent = { envelope: decodeUtf8(content.json, 'envelope'), verifiers: [pemVerifierJson(verifier)] }
    return { apiVersion: version, kind: 'dsse', spec: { proposedContent } }
  }
  const { hash, digest } = content
  const spec = hashedRekordSpec({ kind: 'hashedrekord', version, artifact: { hash, digest }, signature, verifier })
  return { apiVersion: version, kind: 'hashedrekord', spec }
}

/** Version 0.0.2, whose base64 members hold the base64 text of the envelope. Source: services.md §3.3. */
function proposedIntoto(json: Uint8Array, publicKey: string): Json {
  const { payloadType, payload, signature } = parseDsseEnvelope(json, 'envelope')
  const twice = (bytes: Uint8Array) => encodeBase64(encodeUtf8(encodeBase64(bytes)))
  const envelope = { payloadType, payload: twice(payload), signatures: [{ publicKey, sig: twice(signature) }] }
  const digest = (bytes: Uint8Array) => hexDigestJson({ hash: 'sha256', digest: sha256(bytes) })
  return { apiVersion: '0.0.2', kind: 'intoto', spec: { content: { envelope, hash: digest(json), payloadHash: digest(payload) } } }
}
