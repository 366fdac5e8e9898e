import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { runOrDie } from '../../../scripts/process.ts'
import type { Place } from './place.ts'

/**
 * Namespaces of a test's own, which need no rights and leave nothing behind: what is mounted in them nobody else sees, and their network has
 * no other machine in it.
 */
export type PrivateMachine = {
  /** Goes before a command that is to run in it, in the place's folder. */
  readonly within: readonly string[]
  /** Runs a shell command in it, as its root. */
  readonly run: (script: string) => Promise<string>
  /** A path in it, as this process reaches it. */
  readonly path: (path: string) => string
  /** It is gone when all that runs in it has ended. */
  readonly end: () => void
}

/** @param script - of a shell, its root's, in the place's folder; run before anything else */
export async function createPrivateMachine(place: Place, kinds: readonly ('mount' | 'net')[], script: string): Promise<PrivateMachine> {
  const flags = kinds.map(kind => `--${kind}`)
  const keeper = spawn('unshare', ['--map-root-user', ...flags, 'sh', '-ec', `${script}\necho ready\nexec cat`], {
    cwd: place.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(keeper, 'exit').then(() => Promise.reject(new Error(`unshare: no namespaces of one's own: ${flags.join(' ')}`)))
  await Promise.race([once(keeper.stdout, 'data'), ended])
  ended.catch(() => {})
  const within = ['nsenter', '--target', String(keeper.pid), '--user', ...flags, '--wd', '--preserve-credentials'] // who enters is where the keeper is, not at the root
  return {
    within,
    run: command => runOrDie(within[0]!, [...within.slice(1), 'sh', '-ec', command]),
    path: path => `/proc/${keeper.pid}/root${path}`,
    end: () => void keeper.kill(),
  }
}
