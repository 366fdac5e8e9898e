import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import type { ProviderEffects } from '../../kms/remote/key-effects.ts'

/** Effects for a provider of keys: an empty environment, no files, pauses that do not wait; whatever else is touched fails. */
export function providerEffects(fetch: Fetch, changes: Partial<ProviderEffects> = {}): ProviderEffects {
  return {
    environment: new Map(),
    fetch,
    connect: () => {
      throw new Error('want no client of its own')
    },
    world: { now: () => new Date(0), sleep: async () => {}, randomBytes: length => new Uint8Array(length).fill(128) },
    signal: new AbortController().signal,
    readFile: async path => {
      throw new CountersignError('FILE_UNREADABLE', `file "${path}": no such file or folder`)
    },
    loadPackage: async name => {
      throw new Error(`want no package, got ${name}`)
    },
    runProgram: async program => {
      throw new Error(`want no program, got ${program}`)
    },
    askPin: async () => {
      throw new Error('want no PIN')
    },
    ...changes,
  }
}

/** The same with files. */
export function filesOf(files: Readonly<Record<string, string>>): Pick<ProviderEffects, 'readFile'> {
  const known = new Map(Object.entries(files))
  return {
    readFile: async path => {
      const text = known.get(path)
      if (text === undefined) throw new CountersignError('FILE_UNREADABLE', `file "${path}": no such file or folder`)
      return encodeUtf8(text)
    },
  }
}
