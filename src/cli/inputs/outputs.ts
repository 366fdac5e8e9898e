import { resolve } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/**
 * Refuses files to write that would overwrite each other, or what is read: the private key among it, or the very file that is
 * signed. cosign writes. Devices may be named as often as one likes.
 *
 * @param outputs - paths by the flag that names them; an empty one is none
 * @param inputs - paths, and references that are none and so are no file's
 * @throws CountersignError `USAGE`
 */
export function checkOutputs(outputs: Readonly<Record<string, string>>, inputs: readonly string[]): void {
  const named = Object.entries(outputs).filter(([, path]) => path !== '' && !path.startsWith('/dev/'))
  const taken = new Map(inputs.filter(path => path !== '').map(path => [resolve(path), 'which is read']))
  for (const [flag, path] of named) {
    const by = taken.get(resolve(path))
    if (by !== undefined) throw new CountersignError('USAGE', `--${flag} would overwrite ${quote(path)}, ${by}`)
    taken.set(resolve(path), `which --${flag} names too`)
  }
}
