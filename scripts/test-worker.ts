/**
 * Runs the test files that the parent process (scripts/test-workers.ts) hands out, one after the other, in this one process:
 * sources and packages are loaded and compiled once, not once for each file. A file is a suite, so that what it sets up is
 * its own, what it throws fails it, and it is loaded when the file before it is done.
 */
import hooks from 'node:async_hooks'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './process.ts'

// The runner follows every promise to know which test it belongs to, and that took a third of the suite's time. It must while a file loads,
// for there `test` and `after` ask where they stand. Later it would only name the test behind an error that nobody awaited: such an error
// fails the run all the same, and `node --test FILE` names the test.
const { createHook } = hooks
let [following, light]: hooks.AsyncHook[] = []
hooks.createHook = callbacks => {
  hooks.createHook = createHook // the runner asks once
  following = createHook(callbacks)
  light = createHook({ ...callbacks, trackPromises: false } as hooks.HookCallbacks)
  return light
}
const { suite } = await import('node:test')

async function load(file: string): Promise<void> {
  following?.enable()
  try {
    await import(pathToFileURL(resolve(root, file)).href)
  } finally {
    following?.disable()
    light?.disable().enable() // promises are followed until all hooks were off once
  }
}

process.channel?.ref() // were there nothing to wait for, the runner would close its books: at a test that never ends, before the next file
for (;;) {
  process.send?.('next')
  const [{ file }] = (await once(process, 'message')) as [{ readonly file?: string }]
  if (file === undefined) break
  await suite(file, () => load(file))
}
process.disconnect?.()
