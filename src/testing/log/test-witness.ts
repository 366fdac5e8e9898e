import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import type { Signer } from '../../crypto/signer.ts'
import { frozenLineOf, parseCheckpoint, type VerifiedCheckpoint, verifyCheckpoint } from '../../formats/log/checkpoint.ts'
import { cosign } from '../../formats/log/cosignature.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import { verifyConsistency } from '../../formats/log/merkle.ts'
import { parseSignedNote } from '../../formats/log/signed-note.ts'
import { encodeCosignatures, parseAddCheckpoint, sizeMediaType } from '../../formats/log/witness/add-checkpoint.ts'
import { encodeWitnessKey } from '../../formats/log/witness/witness-key.ts'

/** A witness that keeps to C2SP tlog-witness in every point. */
export type TestWitness = {
  readonly policyLine: string
  /** What it has seen last of each log, by origin; it outlives whoever answers. */
  readonly seen: Map<string, VerifiedCheckpoint>
  readonly answer: (request: Request) => Promise<Response>
}

/** What answers in place of a witness, which it may ask. */
export type WitnessFault = (request: Request, answer: TestWitness['answer']) => Promise<Response>

/** @param logs - that it knows, by origin */
export function createTestWitness(id: string, signer: Signer, logs: ReadonlyMap<string, LogKey>, now: () => Date): TestWitness {
  const witness = { name: `${id}.example`, key: signer.publicKey }
  const seen = new Map<string, VerifiedCheckpoint>()
  const answer = async (request: Request): Promise<Response> => {
    if (request.method !== 'POST' || new URL(request.url).pathname !== '/add-checkpoint') return new Response(null, { status: 404 })
    const body = await readOr400(async () => parseAddCheckpoint(await request.text()))
    if (body instanceof Response) return body
    const { oldSize, proof, note } = body
    const claimed = await readOr400(async () => parseCheckpoint(parseSignedNote(note).text))
    if (claimed instanceof Response) return claimed
    const log = logs.get(claimed.origin)
    if (!log) return new Response('unknown log', { status: 404 })
    const head = await verifyCheckpoint(note, log).catch(() => undefined)
    if (!head) return new Response('no signature of a known key', { status: 403 })
    if (oldSize > head.size) return new Response('old size is larger', { status: 400 })
    // From here to `set` nothing waits: what is compared is what is exchanged.
    const last = seen.get(head.origin)
    const conflict = new Response(`${last?.size ?? 0n}\n`, { status: 409, headers: { 'content-type': sizeMediaType } })
    if (oldSize !== (last?.size ?? 0n)) return conflict
    if (last?.size === head.size && !bytesEqual(last.root, head.root)) return conflict
    if (!isExtended(last, head, proof)) return new Response('bad proof', { status: 422 })
    seen.set(head.origin, head)
    const time = BigInt(Math.floor(now().getTime() / 1000))
    return new Response(encodeCosignatures([await cosign(parseSignedNote(note).text, witness, time, signer.sign)]))
  }
  return { policyLine: `witness ${id} ${encodeWitnessKey(witness)} https://${id}.example`, seen, answer }
}

/** A network on which witnesses are reached by their hosts; `faults` may answer in their place. */
export function witnessNetwork(
  witnesses: Readonly<Record<string, TestWitness>>,
  faults: ReadonlyMap<string, WitnessFault> = new Map(),
): Fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const id = new URL(request.url).hostname.replace(/\.example$/, '')
    const witness = witnesses[id]
    if (!witness) throw new TypeError(`no such host: ${id}`)
    return await (faults.get(id)?.(request, witness.answer) ?? witness.answer(request))
  }
}

async function readOr400<T>(read: () => Promise<T>): Promise<T | Response> {
  try {
    return await read()
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    return new Response(Uint8Array.from(encodeUtf8(cause.message)), { status: 400 })
  }
}

function isExtended(
  last: VerifiedCheckpoint | undefined,
  head: VerifiedCheckpoint,
  proof: Parameters<typeof verifyConsistency>[2],
): boolean {
  if (!last || last.size === 0n) return proof.length === 0
  if (frozenLineOf(last) !== undefined && last.size !== head.size) return false // it said that it has ended
  try {
    verifyConsistency(last, head, proof)
    return true
  } catch {
    return false
  }
}
