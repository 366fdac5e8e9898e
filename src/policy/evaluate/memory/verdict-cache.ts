import { createSingleFlight } from '../../../oci/transport/single-flight.ts'
import type { Trust } from '../../../verify/policy.ts'
import type { Proof } from '../evidence/prove.ts'
import { validUntil } from './valid-until.ts'

/** What verifying evidence gave, kept for requests to come. */
export type VerdictCache = {
  /**
   * What is known, or what `prove` gives, run once for all who ask for the same on behalf of the same workload meanwhile. What `prove` throws is
   * kept by nobody: it could not be found out.
   */
  readonly proof: (asked: AskedProof, signal: AbortSignal, prove: (signal: AbortSignal) => Promise<Proof>) => Promise<Proof>
  readonly size: () => { readonly entries: number; readonly bytes: number }
}

export type AskedProof = {
  readonly key: string // of digest, places, what is demanded and by whose fingerprint
  readonly workload: string
  readonly trust: Trust
  readonly now: Date
  readonly keeps: boolean // a dry run leaves nothing behind
}

/** What a cache may hold, and for how long. */
export type VerdictCacheLimits = {
  readonly entries: number
  readonly bytes: number // of what is kept, as estimated
  readonly proven: number // milliseconds that a proof is kept
  readonly refused: number // milliseconds that a refusal is kept: somebody may be signing just now
}

/** Limits where none are told. Source: admission §5 "Rate limits" */
export const defaultVerdictCacheLimits: VerdictCacheLimits = {
  entries: 10_000,
  bytes: 64 << 20,
  proven: 60 * 60_000,
  refused: 30_000,
}

type Entry = { readonly proof: Proof; readonly from: Date; readonly until: number; readonly bytes: number }

/** Makes an empty one. Of what does not fit any more, what was not asked for longest is let go of. */
export function createVerdictCache(limits: Partial<VerdictCacheLimits> = {}): VerdictCache {
  const { entries, bytes, proven, refused } = { ...defaultVerdictCacheLimits, ...limits }
  const kept = new Map<string, Entry>() // least recently asked for first
  const flight = createSingleFlight<Proof>()
  let total = 0
  const forget = (key: string): void => {
    total -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
  const recall = (key: string, now: Date): Proof | undefined => {
    const entry = kept.get(key)
    if (!entry) return undefined
    if (now.getTime() >= entry.until || now < entry.from) {
      forget(key) // also where a clock was set back: how old it is cannot be told
      return undefined
    }
    kept.delete(key)
    kept.set(key, entry)
    return entry.proof
  }
  const keep = (key: string, proof: Proof, { trust, now }: AskedProof): void => {
    forget(key)
    const size = sizeOf(proof) + 2 * key.length
    if (size > bytes) return
    const limit = now.getTime() + (proof.failure ? refused : proven)
    const until = Math.min(limit, validUntil(proof, trust, now)?.getTime() ?? limit)
    kept.set(key, { proof, from: now, until, bytes: size })
    total += size
    for (const oldest of kept.keys()) {
      if (kept.size <= entries && total <= bytes) break
      forget(oldest)
    }
  }
  return {
    size: () => ({ entries: kept.size, bytes: total }),
    proof: async (asked, signal, prove) => {
      const known = recall(asked.key, asked.now)
      if (known) return known
      const proof = await flight(`${asked.workload}\n${asked.key}`, signal, prove)
      if (asked.keeps) keep(asked.key, proof, asked)
      return proof
    },
  }
}

const proofBytes = 4096 // of what every proof has, and of every signature: parsed certificates, log entries, timestamps

/** Bytes in memory, as an estimate: what was signed is held as bytes and as what was read of them. */
function sizeOf({ signatures, derivation, looked, failure }: Proof): number {
  const words = JSON.stringify([derivation, looked, failure?.message]).length * 2
  const contents = signatures.reduce((sum, { content }) => sum + proofBytes + contentBytes(content), 0)
  return proofBytes + words + contents
}

function contentBytes(content: Proof['signatures'][number]['content']): number {
  switch (content.kind) {
    case 'artifact':
      return 0
    case 'payload':
      return 3 * content.bytes.length
    case 'statement':
      return 5 * content.bytes.length + (content.encoded?.length ?? 0)
    default:
      throw new TypeError(`unhandled content ${content satisfies never}`)
  }
}
