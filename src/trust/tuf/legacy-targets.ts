import { CountersignError } from '../../codec/error.ts'
import { type Certificate, isSelfIssued } from '../../formats/x509/certificate.ts'
import { authoritiesOfFile, isAuthority, logOfKey, parseCertificatesPem, timestampAuthorityOfChain } from '../pem-trust.ts'
import type { TransparencyLog } from '../transparency-log.ts'
import type { CertificateAuthority, TrustedRoot } from '../trusted-root.ts'
import type { OpenRepository } from './client.ts'
import type { TufTarget } from './metadata.ts'

type Usage = 'Fulcio' | 'Rekor' | 'CTFE' | 'TSA'

/** Names from before targets told their usage, as cosign 2 falls back on them. */
const olderNames: Readonly<Record<Usage, readonly string[]>> = {
  Fulcio: ['fulcio.crt.pem', 'fulcio_v1.crt.pem', 'fulcio_intermediate.crt.pem', 'fulcio_intermediate_v1.crt.pem'],
  Rekor: ['rekor.pub'],
  CTFE: ['ctfe.pub', 'ctfe_2022.pub'],
  TSA: ['tsa.crt.pem', 'tsa_leaf.crt.pem', 'tsa_intermediate_0.crt.pem', 'tsa_root.crt.pem'],
}
const maxTargets = 64

type TargetFile = { readonly path: string; readonly bytes: Uint8Array; readonly uri: string }

/**
 * Trust as repositories of cosign 2 distribute it: a target for each certificate and key, with its usage in `custom.sigstore`. Those of
 * status `Expired` are trusted too, for what was signed while they were in use; the repository does not say when that was.
 *
 * @throws CountersignError `TRUST_UNAVAILABLE` where there is neither a certificate authority nor a log; as the readers of PEM files
 * @see formats-and-flows §8, services §7
 */
export async function readLegacyTargets(repository: OpenRepository): Promise<TrustedRoot> {
  const [fulcio, rekor, ctfe, tsa] = [
    await targetsFor(repository, 'Fulcio'),
    await targetsFor(repository, 'Rekor'),
    await targetsFor(repository, 'CTFE'),
    await targetsFor(repository, 'TSA'),
  ]
  if (fulcio.length === 0 && rekor.length === 0)
    throw new CountersignError(
      'TRUST_UNAVAILABLE',
      `TUF repository ${repository.mirror}: it has neither trusted_root.json nor targets for Fulcio or Rekor`,
    )
  return {
    certificateAuthorities: certificateAuthorities(fulcio),
    timestampAuthorities: timestampAuthorities(tsa),
    transparencyLogs: rekor.map(log),
    ctLogs: ctfe.map(log),
    unusable: [],
  }
}

async function targetsFor(repository: OpenRepository, usage: Usage): Promise<readonly TargetFile[]> {
  const { metadata } = repository
  const all = metadata.targetPaths.map(path => metadata.targetOf('targets', path)!)
  const marked = all.filter(target => factsOf(target)['usage'] === usage)
  const named = marked.length > 0 ? marked : all.filter(({ path }) => olderNames[usage].includes(path))
  if (named.length > maxTargets)
    throw new CountersignError(
      'LIMIT_EXCEEDED',
      `TUF repository ${repository.mirror}: want at most ${maxTargets} targets for ${usage}, got ${named.length}`,
    )
  const files: TargetFile[] = []
  for (const target of named) {
    const uri = factsOf(target)['uri']
    files.push({ path: target.path, bytes: (await repository.target(target.path))!, uri: typeof uri === 'string' ? uri : '' })
  }
  return files
}

/** `custom.sigstore` of a target; signed with the metadata, and of whatever shape. */
function factsOf({ custom }: TufTarget): { readonly [name: string]: unknown } {
  const facts = custom['sigstore']
  return typeof facts === 'object' && facts !== null ? { ...facts } : {}
}

function log({ path, bytes, uri }: TargetFile): TransparencyLog {
  return logOfKey(bytes, `TUF target ${path}`, { url: uri })
}

function certificatesOf(files: readonly TargetFile[]): readonly Certificate[] {
  return files.flatMap(({ path, bytes }) => parseCertificatesPem(bytes, `TUF target ${path}`))
}

function certificateAuthorities(files: readonly TargetFile[]): readonly CertificateAuthority[] {
  if (files.length === 0) return []
  const uri = files.find(file => file.uri !== '')?.uri ?? ''
  return authoritiesOfFile(certificatesOf(files), 'TUF targets for Fulcio').map(authority => ({ ...authority, uri }))
}

/** One authority; its certificates may lie in a file each, in whatever order: its own goes first, a root last. */
function timestampAuthorities(files: readonly TargetFile[]): readonly CertificateAuthority[] {
  if (files.length === 0) return []
  const rank = (certificate: Certificate) => {
    if (!isAuthority(certificate)) return 0
    return isSelfIssued(certificate) ? 2 : 1
  }
  const [first, ...others] = certificatesOf(files).toSorted((a, b) => rank(a) - rank(b))
  const url = files.find(file => file.uri !== '')?.uri ?? ''
  return [timestampAuthorityOfChain([first!, ...others], 'TUF targets for TSA', { url })]
}
