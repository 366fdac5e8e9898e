import { type Json, readAs, readObject, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { parsePurl } from '../purl.ts'
import { malformed, readOptional, readText } from './fields.ts'

/** That the subjects of a statement are the artifacts of one release in a package registry. */
export type Release = {
  readonly purl: string // of one version
  readonly packageId?: string | undefined // stays the same from release to release
}

const what = 'release'

/**
 * Reads a release: of version 0.1, which calls the id of the package `releaseId`, or of 0.2.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`
 * @see in-toto attestation framework, predicates/release.md: the purl must have a version
 */
export function readRelease(predicate: Json | undefined): Release {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const release = readObject(predicate, what)
    const purl = readText(release['purl'], 'purl')
    if (parsePurl(purl)?.version === undefined) throw malformed(`purl: want a package URL with a version, got ${quote(purl)}`)
    const id = readOptional(release['packageId'], 'packageId', readString) ?? readOptional(release['releaseId'], 'releaseId', readString)
    return { purl, packageId: id }
  })
}
