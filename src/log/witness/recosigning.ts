import type { World } from '../../codec/world.ts'

const restMs = 10_000

/** Whether a published head lacks cosignatures, and what asks for them once. */
export type Recosigning = { readonly isLacking: () => boolean; readonly ask: () => Promise<void> }

/**
 * Asks for the cosignatures that a published head lacks, from time to time until it has them: a log that nobody appends to would go without
 * them for as long.
 *
 * @returns `look`, to be called when a head is published, and `finish`, after which nobody is asked
 */
export function createRecosigning({ isLacking, ask }: Recosigning, sleep: World['sleep']) {
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
