import { reasonOf } from '../codec/error.ts'
import type { World } from '../codec/world.ts'

/** When something is done again. */
export type Repetition = {
  readonly restMs: number // before each time
  readonly afterFailureMs?: number // instead, after one that failed
  readonly atOnce?: boolean // no rest before the first time
  /** Is told why it failed; it is done again all the same. */
  readonly onFailure: (reason: string) => void
}

/**
 * Does something again and again until the signal aborts. A failure ends nothing, and none is told that the signal caused.
 *
 * @returns when the signal aborts, after what was under way then
 */
export async function repeatedly(
  act: () => Promise<unknown>,
  { restMs, afterFailureMs = restMs, atOnce = false, onFailure }: Repetition,
  { sleep }: Pick<World, 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  let nextMs = atOnce ? 0 : restMs
  while (!signal.aborted) {
    if (nextMs > 0) await sleep(nextMs, signal).catch(() => {}) // it ends
    if (signal.aborted) return
    nextMs = restMs
    try {
      await act()
    } catch (cause) {
      if (signal.aborted) return
      nextMs = afterFailureMs
      onFailure(reasonOf(cause))
    }
  }
}
