import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/**
 * `-a NAME=VALUE` flags as a map: split at the first `=`, the last of several values for one name counts.
 *
 * @throws CountersignError `USAGE`
 */
export function annotationsFromFlag(values: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    values.map(value => {
      const at = value.indexOf('=')
      if (at < 0) throw new CountersignError('USAGE', `unable to parse annotation: ${quote(value)}: want NAME=VALUE`)
      return [value.slice(0, at), value.slice(at + 1)] as const
    }),
  )
}
