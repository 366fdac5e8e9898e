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

/**
 * The pairs that a signature must carry. cosign checks the last of two values for one name, and nothing at all for `-a ""`,
 * which is what a script makes of a variable that is not set: demands that would be dropped are refused.
 *
 * @param isGiven - whether the flag stands on the command line, with whatever value
 * @throws CountersignError `USAGE`
 */
export function demandedAnnotations(values: readonly string[], isGiven: boolean): ReadonlyMap<string, string> {
  const annotations = annotationsFromFlag(values)
  if (isGiven && values.length === 0) throw new CountersignError('USAGE', '--annotations: want NAME=VALUE, got nothing')
  for (const value of values) {
    const name = value.slice(0, value.indexOf('='))
    const demanded = `${name}=${annotations.get(name)}`
    if (demanded !== value)
      throw new CountersignError('USAGE', `--annotations: no signature carries both ${quote(value)} and ${quote(demanded)}`)
  }
  return annotations
}
