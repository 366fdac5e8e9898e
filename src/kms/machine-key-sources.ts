import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { ProcessEnvironment, World } from '../codec/world.ts'
import { machineEffects } from '../oci/credentials/credential-effects.ts'
import { createTransport } from '../oci/transport.ts'
import type { KeySources } from './load-key.ts'

/**
 * What `loadSigner` and `loadPublicKeys` read keys from and ask for them, on this machine, for programs that are not our command. A PIN is
 * taken from the reference or the environment: nobody is asked for one.
 *
 * @param environment - `process.env`, as a rule
 * @param loadPackage - `name => import(name)`, so that packages of providers are the program's own
 */
export function machineKeySources(
  environment: ProcessEnvironment,
  world: World,
  loadPackage: KeySources['loadPackage'],
  signal: AbortSignal,
): KeySources {
  const { readFile, run } = machineEffects(environment)
  return {
    environment: new Map(Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    fetch: world.fetch,
    connect: options => createTransport({ ...options, environment }),
    world,
    signal,
    readFile: async (path, limitBytes) => {
      const bytes = await readFile(path, limitBytes)
      if (bytes === undefined) throw new CountersignError('FILE_UNREADABLE', `file ${quote(path)}: no such file or folder`)
      return bytes
    },
    loadPackage,
    runProgram: run,
    askPin: async question => {
      throw new CountersignError('USAGE', `${question}: want a PIN in the reference or the environment, for nobody can be asked here`)
    },
  }
}
