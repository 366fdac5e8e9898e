import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from './process.ts'
import { type Counts, readCounts } from './test-counts.ts'

export type WorkersOptions = {
  readonly workers: number
  readonly timeoutMs: number // for each test
  readonly env: NodeJS.ProcessEnv
  readonly print: (text: string) => void
}

/**
 * Runs test files in a few processes, each of which takes the next file when it is done with one (scripts/test-worker.ts), and prints what
 * they print, file by file. A process that dies fails the file it was at, and the others go on with the rest.
 */
export async function testInWorkers(node: string, files: readonly string[], options: WorkersOptions): Promise<Counts> {
  const waiting = [...files]
  const workers = Array.from({ length: Math.min(options.workers, files.length) }, () => work(node, waiting, options))
  const counts = await Promise.all(workers)
  for (const file of waiting) options.print(`${file}: not run, for all processes have died\n`)
  const sum = (name: keyof Counts) => counts.reduce((total, each) => total + (each[name] ?? 0), 0)
  return { passed: sum('passed'), failed: sum('failed') + waiting.length, skipped: sum('skipped') }
}

async function work(node: string, waiting: string[], { timeoutMs, env, print }: WorkersOptions): Promise<Counts> {
  const worker = fork(join(root, 'scripts/test-worker.ts'), {
    cwd: root,
    env,
    execPath: node,
    execArgv: ['--test-reporter=spec', `--test-timeout=${timeoutMs}`],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const taken: string[] = []
  worker.on('message', () => {
    const file = waiting.shift()
    if (file !== undefined) taken.push(file)
    worker.send({ file })
  })
  worker.stderr?.setEncoding('utf8').on('data', print)
  const [output, [code]] = await Promise.all([printFileByFile(worker.stdout!, print), once(worker, 'close')])
  const counts = readCounts(output) ?? { passed: 0, failed: 0 }
  const ended = new Set([...output.matchAll(/^[✔✖] (.*) \([\d.]+ms\)$/gm)].map(([, name]) => name))
  const lost = taken.filter(file => !ended.has(file))
  for (const file of lost)
    print(`${file}: its process ended ${code === null ? 'by a signal' : `with exit code ${code}`} before its tests did\n`)
  const failed = counts.failed + lost.length
  if (code === 0 || failed > 0) return { ...counts, failed }
  print('a file did not load, a hook failed, or an error came after its test had ended\n')
  return { ...counts, failed: 1 }
}

/** Prints what a reporter says, but only up to a line that ends a file, so that the files of two processes do not mix. Gives all of it. */
async function printFileByFile(stream: NodeJS.ReadableStream, print: (text: string) => void): Promise<string> {
  let [output, printed] = ['', 0]
  stream.setEncoding('utf8')
  for await (const text of stream) {
    output += text
    const whole = output.slice(printed, output.lastIndexOf('\n') + 1)
    const end = Math.max(...[...whole.matchAll(/^[✔✖ℹ] .*\n/gm)].map(({ 0: line, index }) => index + line.length), 0)
    print(whole.slice(0, end))
    printed += end
  }
  print(output.slice(printed))
  return output
}
