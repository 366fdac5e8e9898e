import type { World } from '../../codec/world.ts'
import { createTransport } from '../../oci/transport.ts'
import type { Environment } from '../context.ts'
import type { System } from '../system.ts'
import { createFiles } from './files.ts'
import type { Keyboard } from './prompts.ts'
import { isTerminal, SinkQueue } from './sinks.ts'
import { createStandardInput } from './standard-input.ts'

/** The real process. Nothing is loaded or opened before it is used: start-up is part of every command. */
export function createProcessSystem(): System {
  const sinks = new SinkQueue()
  const environment: Environment = new Map(Object.entries(process.env).map(([name, value]) => [name, value ?? '']))
  return {
    world: { now: () => new Date(), randomBytes, sleep },
    connect: options => createTransport({ ...options, environment: process.env }),
    environment,
    stdout: sinks.sink(1),
    stderr: sinks.sink(2),
    stdin: createStandardInput(
      () => isTerminal(0),
      () => process.stdin,
    ),
    keyboard: processKeyboard(),
    files: createFiles(() => Buffer.from(randomBytes(8)).toString('hex')),
    openOutputFile: path => sinks.openFile(path),
    startProving,
    loadPackage: async name => (await import('./load-package.ts')).loadPackage(name, environment),
    onInterrupt,
    graceMs: 2_000,
  }
}

const randomBytes: World['randomBytes'] = length => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536)) // the most it fills at once
  return bytes
}

const sleep: World['sleep'] = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })

/** What the program is started with as a thread that proves entries. No command is called so. */
export const provingArgument = '#prove-entries'

/** Not where there is one core: a second thread would only take turns with the first. */
const startProving: System['startProving'] = async () => {
  const [{ Worker }, { availableParallelism }] = await Promise.all([import('node:worker_threads'), import('node:os')])
  const [, program] = process.argv
  return program === undefined || availableParallelism() < 2 ? undefined : new Worker(program, { argv: [provingArgument] })
}

/** The first request to stop is the command's to answer; a second one ends the process as if nobody listened. */
function onInterrupt(callback: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const
  const listener = () => {
    ignore()
    callback()
  }
  const ignore = () => {
    for (const signal of signals) process.removeListener(signal, listener)
  }
  for (const signal of signals) process.on(signal, listener)
  return ignore
}

function processKeyboard(): Keyboard {
  return {
    setRaw: raw => {
      process.stdin.setRawMode(raw)
    },
    read: signal =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const { stdin } = process
        const settle = (act: () => void) => {
          stdin.pause().off('data', onData).off('end', onEnd).off('error', onError)
          signal.removeEventListener('abort', onAbort)
          act()
        }
        const onData = (chunk: Uint8Array) => settle(() => resolve(chunk))
        const onEnd = () => settle(() => resolve(undefined))
        const onError = (error: Error) => settle(() => reject(error))
        const onAbort = () => settle(() => reject(signal.reason))
        signal.addEventListener('abort', onAbort, { once: true })
        stdin.on('data', onData).on('end', onEnd).on('error', onError).resume()
      }),
  }
}
