import { CountersignError } from '../../../../codec/error.ts'
import { parseJson, readObject } from '../../../../codec/json.ts'
import { encodeUtf8, quote } from '../../../../codec/text.ts'
import { parseTrustedRoot } from '../../../../trust/trusted-root.ts'
import { metadataLimits } from '../../../../trust/tuf/metadata.ts'
import { parseMirror } from '../../../../trust/tuf/repository.ts'
import { invalidValue, missingFields, renderFieldErrors, wantExactlyOne } from '../read/field-error.ts'
import { FieldProblems, type ObjectReader, readWhole } from '../read/object-reader.ts'
import { readBytes } from '../read/read-bytes.ts'
import { readKind, readName } from '../read/read-metadata.ts'
import { readSigstoreKeys } from './read-sigstore-keys.ts'
import type { TrustRoot, TrustRootSource, TufPlace } from './trust-root.ts'

const sources = ['remote', 'repository', 'sigstoreKeys', 'trustedRootJSON']
const limitArchiveBytes = 8 << 20 // compressed; an object in a cluster has 1.5 MiB at most

/**
 * Reads a TrustRoot out of a value of JSON or of `parseYamlDocuments`. All that is wrong with it is told at once (spec admission §0.1 D16),
 * and unknown fields are refused.
 *
 * @throws CountersignError `POLICY_MALFORMED`, `LIMIT_EXCEEDED`
 * @see spec admission §1.9
 */
export function readTrustRoot(value: unknown): TrustRoot {
  const problems = new FieldProblems()
  const read = readWhole(value, '', problems, object => {
    readKind(object, 'TrustRoot', ['policy.sigstore.dev/v1alpha1'])
    const name = readName(object)
    object.passOver('status')
    if (!object.has('spec')) problems.add(missingFields('spec'))
    return { name, source: object.object('spec', readSource) }
  })
  if (problems.errors.length === 0 && read?.source) return { name: read.name, ...read.source }
  throw new CountersignError(
    'POLICY_MALFORMED',
    `TrustRoot ${quote(read?.name ?? '')}: validation failed: ${renderFieldErrors(problems.errors)}`,
  )
}

function readSource(spec: ObjectReader): TrustRootSource | undefined {
  const given = sources.filter(name => spec.has(name))
  const found = [
    spec.object('repository', readRepository),
    spec.object('remote', readRemote),
    spec.object('sigstoreKeys', readSigstoreKeys),
    readTrustedRootJson(spec),
  ].flatMap(source => source ?? [])
  if (given.length !== 1)
    spec.problems.add(
      wantExactlyOne(
        given.length === 0 ? 'neither' : 'both',
        sources.map(name => spec.at(name)),
      ),
    )
  return found[0]
}

function readRepository(repository: ObjectReader): TrustRootSource | undefined {
  const place = readPlace(repository)
  const archive = readBytes(repository, 'mirrorFS', limitArchiveBytes)
  return archive && place && { kind: 'repository', archive, ...place }
}

function readRemote(remote: ObjectReader): TrustRootSource | undefined {
  const place = readPlace(remote)
  const mirror = remote.text('mirror')
  if (mirror === '') remote.problems.add(missingFields(remote.at('mirror')))
  else remote.parsed('mirror', mirror, () => parseMirror(mirror))
  return place && { kind: 'remote', mirror, ...place }
}

function readPlace(reader: ObjectReader): TufPlace | undefined {
  const root = readBytes(reader, 'root', metadataLimits.root.bytes)
  const targets = reader.text('targets') || 'targets'
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(targets) || targets.split('/').some(part => /^\.+$/.test(part)))
    reader.problems.add(invalidValue(targets, reader.at('targets'), 'want the path of a folder within the repository'))
  const trustedRootTarget = reader.text('trustedRootTarget')
  const isRoot = root && reader.parsed('root', 'root.json', () => checkRoot(root))
  return isRoot && { root, targets, ...(trustedRootTarget !== '' && { trustedRootTarget }) }
}

function checkRoot(root: Uint8Array): true {
  const { signatures } = readObject(parseJson(root, 'root.json', metadataLimits.root), 'root.json')
  if (!Array.isArray(signatures)) throw new CountersignError('TUF_MALFORMED', 'root.json: want signatures, got none')
  return true
}

function readTrustedRootJson(spec: ObjectReader): TrustRootSource | undefined {
  const text = spec.text('trustedRootJSON')
  if (text === '') return undefined
  const trust = spec.parsed('trustedRootJSON', text, () => parseTrustedRoot(encodeUtf8(text)))
  return trust && { kind: 'keys', trust }
}
