import type { World } from '../codec/world.ts'

const restMs = 10_000

/** Whether a published head lacks something, and what tries once to have it. */
export type Completing = { readonly isLacking: () => boolean; readonly ask: () => Promise<void> }

/**
 * Tries from time to time to have what a published head lacks, cosignatures or its word of the log's end: a log that nobody appends to would go
 * without for as long.
 *
 * @returns `look`, to be called when a head is published, and `finish`, after which nothing is tried
 */
export function createCompleting({ isLacking, ask }: Completing, sleep: World['sleep']) {
  const ending = new AbortController()
  let running: Promise<void> | undefined
  const run = async (): Promise<void> => {
    while (isLacking()) {
      await sleep(restMs, ending.signal).catch(() => {}) // it ends
      if (ending.signal.aborted) return
      await ask()
    }
  }
  return {
    look: (): void => {
      if (isLacking())
        running ??= run().finally(() => {
          running = undefined
        })
    },
    finish: async (): Promise<void> => {
      ending.abort()
      await running
    },
  }
}
