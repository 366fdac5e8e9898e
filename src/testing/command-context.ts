import type { CommandContext } from '../cli/context.ts'
import { createPrompts } from '../cli/process/prompts.ts'
import { createMemorySystem, type MemorySystemOptions } from './memory-system.ts'

/** What a command is handed, made of memory, for tests of what commands are made of; `said` is standard error line by line. */
export function createTestContext(options: MemorySystemOptions = {}): CommandContext & { readonly said: readonly string[] } {
  const system = createMemorySystem(options)
  const { environment, stdin, keyboard, files, connect, stdout, loadPackage } = system
  const said: string[] = []
  const stderr = (text: string) => void said.push(...text.replace(/\n$/, '').split('\n'))
  const signal = AbortSignal.any([])
  return {
    said,
    world: { ...system.world, fetch: connect({}) },
    environment,
    connect,
    signal,
    stdout: stdout.write,
    stderr,
    warn: line => stderr(`WARNING: ${line}\n`),
    debug: () => {},
    showStatus: () => {},
    loadPackage,
    atEnd: () => {},
    stdin,
    files,
    prompts: createPrompts({ environment, stdin, keyboard, stderr, signal }),
  }
}
