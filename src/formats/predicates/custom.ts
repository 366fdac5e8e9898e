import { type Json, readAs, readObject } from '../../codec/json.ts'
import { malformed, readMoment, readOptional } from './fields.ts'

/** What `--type custom` makes of any file: its text, and when that was. */
export type Custom = { readonly data: Json; readonly timestamp?: Date | undefined }

const what = 'custom predicate'

/**
 * Reads cosign's own predicate for whatever has no type.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`
 * @see cosign, specs/COSIGN_PREDICATE_SPEC.md
 */
export function readCustom(predicate: Json | undefined): Custom {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const custom = readObject(predicate, what)
    if (custom['Data'] === undefined) throw malformed('Data: want what is attested, got nothing')
    const timestamp = custom['Timestamp'] === '' ? undefined : custom['Timestamp']
    return { data: custom['Data'], timestamp: readOptional(timestamp, 'Timestamp', readMoment) }
  })
}
