import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { describeKeyReference } from '../describe-key-reference.ts'

/** A key in Cloud KMS, as `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/V]` names it. */
export type GoogleReference = {
  readonly location: string // `projects/P/locations/L`
  readonly ring: string
  readonly key: string
  readonly keyName: string // the whole of it, as the API takes it
  readonly version: string | undefined // a number; nothing: the newest that is enabled
}

const parts = [
  { collection: 'projects', name: 'project', pattern: /^(?:[a-z0-9][a-z0-9.-]{0,62}:)?[a-z0-9][a-z0-9-]{0,62}$/ }, // `example.com:id` was made long ago
  { collection: 'locations', name: 'location', pattern: /^[a-z0-9-]{1,63}$/ },
  { collection: 'keyRings', name: 'key ring', pattern: /^[A-Za-z0-9_-]{1,63}$/ },
  { collection: 'cryptoKeys', name: 'key', pattern: /^[A-Za-z0-9_-]{1,63}$/ },
] as const

/**
 * Reads a reference to a key of Google, whole and strictly. A version may be spelt `versions/V` too.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see formats-and-flows §1.3; names: Cloud KMS "resource names"
 */
export function parseGoogleReference(text: string): GoogleReference {
  const malformed = (problem: string) =>
    new CountersignError(
      'REFERENCE_MALFORMED',
      `key reference ${describeKeyReference(text.replace(/#.*/s, ''))}: want gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K, and /cryptoKeyVersions/V after it for one version; ${problem}`,
    )
  const [, path = ''] = /^gcpkms:\/\/(.*)$/s.exec(text) ?? []
  if (path.length > 1024) throw malformed('it is too long')
  const segments = path.split('/')
  for (const [at, { collection, name, pattern }] of parts.entries()) {
    const [given = '', value = ''] = segments.slice(2 * at)
    if (given !== collection)
      throw malformed(`want ${collection}/ before the ${name}, got ${quote(given.replace(/[?#].*/s, '').replace(/^.*@/s, ''))}`)
    if (!pattern.test(value)) throw malformed(`that is no ${name}: ${quote(value.replace(/[?#].*/s, ''))}`)
  }
  const [, project, , location, , ring = '', , key = '', collection, version, ...others] = segments
  if (collection !== undefined && collection !== 'cryptoKeyVersions' && collection !== 'versions')
    throw malformed(`want cryptoKeyVersions/ before the version, got ${quote(collection.replace(/[?#].*/s, ''))}`)
  if (collection !== undefined && !/^[1-9][0-9]{0,9}$/.test(version ?? ''))
    throw malformed(`version: want a number from 1, got ${quote((version ?? '').replace(/[?#].*/s, ''))}`)
  if (others.length > 0) throw malformed('nothing follows the version')
  const place = `projects/${project}/locations/${location}`
  return { location: place, ring, key, keyName: `${place}/keyRings/${ring}/cryptoKeys/${key}`, version }
}
