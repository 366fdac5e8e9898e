import { isTag } from '../../../../oci/reference.ts'
import type { CipAttestation, CipAuthority, CipSource, SigningAuthority } from '../cluster-image-policy.ts'
import { disallowedFields, invalidValue, missingFields, wantExactlyOne } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'
import { readKeySigner } from './read-key.ts'
import { readKeylessSigner } from './read-keyless.ts'
import { readOptionalRepository, readOptionalUrl } from './read-place.ts'
import { readPredicateType } from './read-predicate-type.ts'
import { readProgram } from './read-program.ts'

const signers = ['key', 'keyless', 'static']
const ofSignatures = ['attestations', 'source', 'ctlog', 'rfc3161timestamp', 'signatureFormat'] // a verdict has none to look for
const formats = ['legacy', 'bundle', 'auto'] as const
const limits = { attestations: 100, sources: 100, pullSecrets: 20 }

/**
 * Reads one of `authorities`: exactly one of a key, identities and a verdict.
 *
 * @returns nothing where what is wrong with it was noted
 * @see spec admission §1.1
 */
export function readAuthority(
  authority: ObjectReader,
  index: number,
  { systemNamespace }: { readonly systemNamespace: string },
): CipAuthority | undefined {
  const { problems } = authority
  const given = signers.filter(name => authority.has(name))
  const [name, path] = [authority.text('name') || `authority-${index}`, authority.path]
  if (given.length !== 1) {
    // what stands in none or several of them would only hide this
    problems.add(
      wantExactlyOne(
        given.length === 0 ? 'neither' : 'both',
        signers.map(one => authority.at(one)),
      ),
    )
    if (given.includes('keyless')) readKeylessSigner(authority, systemNamespace)
    authority.passOverRest()
    return undefined
  }
  if (given[0] === 'static') {
    const verdict = authority.object('static', readStatic)
    for (const other of ofSignatures)
      if (authority.has(other)) problems.add(wantExactlyOne('both', [authority.at(other), authority.at('static')]))
    authority.passOver(...signers, ...ofSignatures)
    return verdict && { name, path, kind: 'static', ...verdict }
  }
  const signer = given[0] === 'key' ? readKeySigner(authority, systemNamespace) : readKeylessSigner(authority, systemNamespace)
  const evidence = readEvidence(authority)
  if (!signer) return undefined
  if (evidence.format !== 'legacy') checkOneTrustRoot(authority, signer, evidence)
  return { name, path, kind: 'signing', signer, ...evidence }
}

function readStatic(verdict: ObjectReader): { readonly passes: boolean; readonly message?: string } {
  const [action, message] = [verdict.text('action'), verdict.text('message')]
  if (action === '') verdict.problems.add(missingFields(verdict.at('action')))
  else if (action !== 'pass' && action !== 'fail') verdict.problems.add(invalidValue(action, verdict.at('action'), 'unsupported action'))
  if (message !== '' && action !== 'fail') verdict.problems.add(disallowedFields(verdict.at('message'))) // nobody would ever see it
  return { passes: action === 'pass', ...(message !== '' && { message }) }
}

type Evidence = Omit<SigningAuthority, 'kind' | 'signer'>

function readEvidence(authority: ObjectReader): Evidence {
  const { problems } = authority
  const sources = authority.objects('source', limits.sources, readSource)
  if (authority.length('source') > 1) problems.add({ message: 'only single source is supported', paths: [authority.at('source')] })
  const ctlog = authority.object('ctlog', log => {
    const [url, trustRootRef] = [readOptionalUrl(log, 'url'), log.text('trustRootRef')]
    return { ...(url && { url }), ...(trustRootRef !== '' && { trustRootRef }) }
  })
  const timestampTrustRootRef = authority.object('rfc3161timestamp', timestamp => {
    const reference = timestamp.text('trustRootRef')
    if (reference === '') problems.add(missingFields(timestamp.at('trustRootRef')))
    return reference
  })
  if (ctlog && !ctlog.url && ctlog.trustRootRef === undefined)
    problems.warn({ message: 'neither url nor trustRootRef, so that no log entry is asked for', paths: [authority.at('ctlog')] })
  if (ctlog && timestampTrustRootRef !== undefined)
    problems.warn({ message: 'a timestamp is wanted in place of a log entry, so that it changes nothing', paths: [authority.at('ctlog')] })
  const attestations = authority.objects('attestations', limits.attestations, readAttestation)
  const names = attestations.map(({ name }) => name)
  for (const [index, name] of names.entries())
    if (name !== '' && names.indexOf(name) !== index)
      problems.add(invalidValue(name, `${attestations[index]!.path}.name`, 'want another name for each attestation'))
  const format = readFormat(authority)
  return {
    attestations,
    format,
    ...(sources[0] && { source: sources[0] }),
    ...(ctlog && { ctlog }),
    ...(timestampTrustRootRef !== undefined && { timestampTrustRootRef }),
  }
}

function readFormat(authority: ObjectReader): (typeof formats)[number] {
  const text = authority.text('signatureFormat')
  const format = formats.find(name => name === text)
  if (text !== '' && !format)
    authority.problems.add(invalidValue(text, authority.at('signatureFormat'), `want one of ${formats.join(', ')}`))
  return format ?? 'legacy'
}

/** A bundle is verified against one trusted root: two of them, of which each decides a part, are refused as upstream does. */
function checkOneTrustRoot(authority: ObjectReader, signer: SigningAuthority['signer'], evidence: Evidence): void {
  const named = [
    ['keyless.trustRootRef', signer.kind === 'keyless' ? signer.trustRootRef : undefined],
    ['ctlog.trustRootRef', evidence.ctlog?.trustRootRef],
    ['rfc3161timestamp.trustRootRef', evidence.timestampTrustRootRef],
  ].flatMap(([place, name]) => (place === undefined || name === undefined ? [] : [{ place: authority.at(place), name }]))
  if (new Set(named.map(({ name }) => name)).size > 1)
    authority.problems.add({ message: 'want one trustRootRef for all of an authority for bundles', paths: named.map(({ place }) => place) })
}

function readSource(source: ObjectReader): CipSource {
  const { problems } = source
  const repository = readOptionalRepository(source, 'oci')
  const tagPrefix = source.text('tagPrefix')
  if (tagPrefix !== '' && !isTag(`${tagPrefix}-${'a'.repeat(75)}`))
    problems.add(invalidValue(tagPrefix, source.at('tagPrefix'), 'want what a tag can begin with'))
  const pullSecrets = source.objects('signaturePullSecrets', limits.pullSecrets, secret => {
    const name = secret.text('name')
    if (name === '') problems.add(missingFields(secret.at('name')))
    return name
  })
  if (!source.has('oci') && tagPrefix === '' && pullSecrets.length === 0) problems.add(missingFields(source.at('oci')))
  return { pullSecrets, ...(repository && { repository }), ...(tagPrefix !== '' && { tagPrefix }) }
}

function readAttestation(attestation: ObjectReader): CipAttestation {
  const { problems, path } = attestation
  const name = attestation.text('name')
  if (name === '') problems.add(missingFields(attestation.at('name')))
  const predicateType = readPredicateType(attestation)
  const program = attestation.object('policy', policy => readProgram(policy, { isWholeVerdict: false }))
  return { name, path, predicateType, ...(program && { policy: program }) }
}
