import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Command, countersign } from './command.ts'
import type { Place } from './place.ts'

/** `stack up`, as it runs. */
export type StackProcess = {
  readonly url: string
  readonly child: ChildProcess
  /** What it has logged so far. */
  readonly lines: readonly string[]
  /** Its exit status, once it has ended; nothing where a signal killed it. */
  readonly ended: Promise<number | null>
}

/**
 * Starts the stack of the command under test, and comes back when it serves.
 *
 * @param within - goes before the command: to run it in another namespace
 * @throws where it ends first; what it logged is in the message
 */
export async function startStack(
  place: Place,
  args: readonly string[],
  { within = [], env = {} }: { readonly within?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<StackProcess> {
  const [program, ...first] = [...within, ...countersign(), 'stack', 'up', ...args] as unknown as Command
  const child = spawn(program, first, { cwd: place.folder, env: { ...place.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', line => lines.push(line))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const early = ended.then(code => Promise.reject(new Error(`stack up ended with ${code}\n${lines.join('\n')}`)))
  const [url] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), early])) as [string]
  early.catch(() => {}) // from now on it may end
  return { url, child, lines, ended }
}

/** Asks it to stop, and returns its exit status. */
export async function stopStack({ child, ended }: StackProcess): Promise<number | null> {
  child.kill('SIGTERM')
  return await ended
}
