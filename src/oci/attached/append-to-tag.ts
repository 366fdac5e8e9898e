import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import type { FetchedManifest } from '../manifest.ts'
import type { Precondition, PushedManifest } from '../requests/manifests.ts'

/** What of the world whoever writes to a shared tag needs: time to wait and see, and chance to spread out by. */
export type WriterWorld = Pick<World, 'now' | 'sleep' | 'randomBytes'>

/** One addition to a manifest or index that many writers share under one tag, by way of drafts that `merge` makes for `put`. */
export type TagAddition<D extends Draft = Draft> = {
  readonly what: string // begins messages: `tag r.io/app:sha256-….sig`
  readonly read: (signal: AbortSignal) => Promise<FetchedManifest | undefined>
  readonly put: (draft: D, precondition: Precondition | undefined, signal: AbortSignal) => Promise<PushedManifest>
  /** Whether our entry is in there. */
  readonly holds: (current: FetchedManifest) => boolean
  /** What is there and our entry; nothing when, seeing what is there, nothing need be added. Called again whenever that changed. */
  readonly merge: (current: FetchedManifest | undefined) => Promise<D | undefined>
}

export type Draft = {
  readonly bytes: Uint8Array
  readonly mediaType: string
  readonly prepare?: (signal: AbortSignal) => Promise<void> // uploads what the draft names, before it is put
}

export type Appended = { readonly added: boolean; readonly digest: OciDigest | undefined } // what the tag held at the end

const leastSettleMs = 25
const quickMs = 40 // a read no slower than this is one of now
const mostSpreadMs = 640 // what doubling leads to; a slow registry's own pace may ask for more
const paceFactor = 3
const mostPaceMs = 5_000
const mostStaleReads = 4
const maxTries = 100
const mostFailures = 5 // of the put, before the last one is thrown

/**
 * Adds an entry under a shared tag so that neither it nor anyone else's is lost: read, merge, put, confirm.
 *
 * Where the registry says that it checked the precondition of the put, that was a compare-and-swap and nothing more is
 * needed. Most registries, docker-registry among them, ignore preconditions: a writer that read before our put may then
 * still put after it, without our entry, even after a first confirming read. So:
 * - whatever must be uploaded is uploaded before the last read, and a read that took unusually long is made again, which
 *   makes the window between a writer's read and its put two quick requests long;
 * - we are done when the tag has held one same content with our entry for a whole *settle* time: 25 ms, or three times the
 *   slowest window we saw ourselves, at most 5 s. Any writer whose window is shorter than that has either put by then (and
 *   we saw the change) or has read our entry;
 * - each change seen doubles those 25 ms, up to 640, and adds up to as much again at random, so that crowds spread out. An
 *   entry that is gone is merged again into whatever is there;
 * - a put that fails is never repeated as it was, because it may have landed and others may have built on it: what is there
 *   is read, and merged with if need be.
 *
 * Guaranteed: when every writer's window is shorter than our settle time, ours stays in the tag, and no other writer that
 * follows this protocol loses its entry to us. Not guaranteed, because no client can: survival against a writer that sits on
 * what it read for longer (its process stopped just before the put, or uploading between read and put, as cosign does), or
 * one that never merges.
 *
 * @throws CountersignError `REFERRERS_CONTENDED` after 100 tries, naming what is there; `REGISTRY_UNAVAILABLE` when the put
 *   failed six times
 */
export async function appendToTag<D extends Draft>(world: WriterWorld, addition: TagAddition<D>, signal: AbortSignal): Promise<Appended> {
  const { holds, merge, what } = addition
  const millis = () => world.now().getTime()
  let fastestMs: number | undefined // of our reads before
  let paceMs = 0 // what the slowest of our windows asks for
  const look = async () => {
    for (let again = 0; ; again++) {
      const at = millis()
      const manifest = await addition.read(signal)
      const tookMs = Math.max(0, millis() - at)
      paceMs = Math.max(paceMs, Math.min(mostPaceMs, paceFactor * 2 * tookMs))
      // a read that took unusually long says too little about now: what is put on it could undo what others have confirmed
      const isFresh = tookMs <= quickMs || (fastestMs !== undefined && tookMs <= 3 * fastestMs)
      fastestMs = Math.min(fastestMs ?? tookMs, tookMs)
      if (isFresh || again === mostStaleReads) return { at, manifest }
    }
  }
  let seen = await look()
  if (seen.manifest && holds(seen.manifest)) return { added: false, digest: seen.manifest.digest }
  let spreadMs = leastSettleMs // doubled by each change seen
  let contended = false
  let failures = 0
  let stable: OciDigest | undefined // content with our entry, not seen to change since our put or last look
  for (let tries = 0; tries < maxTries; tries++) {
    if (!seen.manifest || !holds(seen.manifest)) {
      const draft = await merge(seen.manifest)
      if (!draft) return { added: false, digest: seen.manifest?.digest }
      if (draft.prepare) {
        await draft.prepare(signal)
        const again = await look()
        const changed = again.manifest?.digest !== seen.manifest?.digest
        seen = again
        if (changed) {
          contended = true
          continue
        }
      }
      const pushed = await attempt(addition.put, draft, seen.manifest, signal)
      if (pushed instanceof CountersignError) {
        if (++failures > mostFailures) throw pushed
      } else if (pushed === 'changed') {
        await world.sleep(spreadMs * randomFraction(world), signal)
        seen = await look()
        continue
      } else if (pushed.conditional) return { added: true, digest: pushed.digest }
      else {
        stable = pushed.digest
        paceMs = Math.max(paceMs, Math.min(mostPaceMs, paceFactor * (millis() - seen.at)))
      }
    }
    const settleMs = Math.max(spreadMs, paceMs)
    await world.sleep(contended ? settleMs * (1 + randomFraction(world)) : settleMs, signal)
    seen = await look()
    if (seen.manifest && seen.manifest.digest === stable) return { added: true, digest: stable }
    stable = seen.manifest && holds(seen.manifest) ? seen.manifest.digest : undefined
    contended = true
    spreadMs = Math.min(mostSpreadMs, spreadMs * 2)
  }
  throw new CountersignError(
    'REFERRERS_CONTENDED',
    `${what}: other writers kept replacing what was added, ${maxTries} times; it holds ${seen.manifest?.digest ?? 'nothing'} now`,
  )
}

/**
 * Puts on condition that the tag still holds what was merged. `changed` when the registry says that it does not; the error
 * when the registry fails, as docker-registry does when others read and write the tag: whether it was put is not known then.
 */
async function attempt<D extends Draft>(
  put: TagAddition<D>['put'],
  draft: D,
  current: FetchedManifest | undefined,
  signal: AbortSignal,
): Promise<PushedManifest | 'changed' | CountersignError> {
  const etag = current?.etag?.startsWith('"') ? current.etag : undefined // If-Match never matches a weak one, RFC 9110 §13.1.1
  const precondition = current === undefined ? 'absent' : etag === undefined ? undefined : { etag }
  try {
    const pushed = await put(draft, precondition, signal)
    return { ...pushed, conditional: pushed.conditional && precondition !== undefined }
  } catch (error) {
    if (error instanceof CountersignError && error.code === 'MANIFEST_CHANGED') return 'changed'
    if (error instanceof CountersignError && error.code === 'REGISTRY_UNAVAILABLE') return error
    throw error
  }
}

/** A number from 0 up to 1. */
function randomFraction(world: Pick<World, 'randomBytes'>): number {
  const [high = 0, low = 0] = world.randomBytes(2)
  return (high * 256 + low) / 65536
}
