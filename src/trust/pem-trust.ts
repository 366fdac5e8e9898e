import { CountersignError, readAt } from '../codec/error.ts'
import { decodePem } from '../codec/pem.ts'
import { decodeUtf8, quote } from '../codec/text.ts'
import { defaultKeyDetails } from '../crypto/key-details.ts'
import { parsePublicKeyPem } from '../crypto/public-key.ts'
import { noteKeyId } from '../formats/log/note-key.ts'
import { type Certificate, isSelfIssued, parseCertificate } from '../formats/x509/certificate.ts'
import { relativeNamesOf } from '../formats/x509/distinguished-name.ts'
import type { TransparencyLog } from './transparency-log.ts'
import type { CertificateAuthority } from './trusted-root.ts'
import { openValidity, type Validity } from './validity.ts'

// Trust as cosign's flags and variables give it: PEM files of certificates and keys, which say nothing of how long they are trusted.

/** Bytes of a file of certificates at most. */
export const pemFileLimitBytes = 1 << 20
const maxCertificates = 64

/** What a PEM file does not say of an authority or a log. */
export type PemFacts = { readonly url?: string; readonly validFor?: Validity }

/**
 * The certificates of a PEM file, in its order.
 *
 * @param what - begins every message: the file's name
 * @throws CountersignError `PEM_MALFORMED`, `CERTIFICATE_MALFORMED`; `MATERIAL_UNSUPPORTED` for a block that is no certificate;
 *   `MATERIAL_MALFORMED` for a file without one; `LIMIT_EXCEEDED` past 1 MiB or 64 certificates
 */
export function parseCertificatesPem(pem: Uint8Array, what: string): readonly [Certificate, ...Certificate[]] {
  if (pem.length > pemFileLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${pemFileLimitBytes} bytes, got ${pem.length}`)
  const blocks = decodePem(decodeUtf8(pem, what), what)
  if (blocks.length > maxCertificates)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxCertificates} certificates, got ${blocks.length}`)
  const [first, ...others] = blocks.map(({ label, bytes }, at) => {
    if (label !== 'CERTIFICATE')
      throw new CountersignError('MATERIAL_UNSUPPORTED', `${what}: want certificates, got a PEM block of ${quote(label)}`)
    return parseCertificate(bytes, `${what}: certificate ${at + 1}`)
  })
  if (!first) throw wrong(what, 'want at least one certificate, got none')
  return [first, ...others]
}

/**
 * An authority from a chain in order: the issuer of signers' certificates first, the root last (`--certificate-chain`). The last
 * certificate is the root, whether or not it is self-signed: whoever names it trusts it.
 */
export function authorityOfChain(chain: readonly [Certificate, ...Certificate[]], facts: PemFacts = {}): CertificateAuthority {
  const root = chain.at(-1)!
  return {
    uri: facts.url ?? '',
    subject: { organization: attribute(root, '2.5.4.10'), commonName: attribute(root, '2.5.4.3') },
    chain,
    validFor: facts.validFor ?? openValidity,
    operator: '',
  }
}

/**
 * Authorities from roots and intermediates that are not told apart by which belongs to which (`--ca-roots`, `--ca-intermediates`): one
 * for each root, with all the intermediates.
 */
export function authoritiesOfPools(
  roots: readonly [Certificate, ...Certificate[]],
  intermediates: readonly Certificate[],
): readonly [CertificateAuthority, ...CertificateAuthority[]] {
  const [first, ...others] = roots
  const authority = (root: Certificate) => {
    const [issuer, ...rest] = [...intermediates, root]
    return authorityOfChain([issuer!, ...rest])
  }
  return [authority(first), ...others.map(authority)]
}

/**
 * Authorities from a file in which roots are known by issuing themselves and all others are intermediates (`SIGSTORE_ROOT_FILE`).
 *
 * @throws CountersignError `MATERIAL_MALFORMED` where none issues itself
 */
export function authoritiesOfFile(
  certificates: readonly Certificate[],
  what: string,
): readonly [CertificateAuthority, ...CertificateAuthority[]] {
  const [root, ...others] = certificates.filter(isSelfIssued)
  if (!root) throw wrong(what, 'want a root among the certificates, one whose issuer is its subject')
  const intermediates = certificates.filter(certificate => !isSelfIssued(certificate))
  return authoritiesOfPools([root, ...others], intermediates)
}

/**
 * A timestamp authority from its chain: its own certificate first where the file has one, then intermediates, the root last
 * (`--timestamp-certificate-chain`, `SIGSTORE_TSA_CERTIFICATE_FILE`).
 *
 * @throws CountersignError `MATERIAL_MALFORMED` for an authority's own certificate anywhere but first, `CERTIFICATE_MALFORMED`
 */
export function timestampAuthorityOfChain(
  chain: readonly [Certificate, ...Certificate[]],
  what: string,
  facts: PemFacts = {},
): CertificateAuthority {
  const misplaced = chain.findIndex((certificate, at) => at > 0 && !isAuthority(certificate))
  if (misplaced > 0)
    throw wrong(what, `certificate ${misplaced + 1} is no authority's: want at most one certificate of a timestamp authority, and it first`)
  if (chain.length === 1 && !isAuthority(chain[0])) throw wrong(what, 'want the authority that issued the certificate, the root last')
  return authorityOfChain(chain, facts)
}

/** Whether a certificate says that it may issue others. Roots of version 1 have no way to say so. */
export function isAuthority({ version, basicConstraints }: Certificate): boolean {
  return version === 1 || basicConstraints?.isCa === true
}

/**
 * A log from its public key (`SIGSTORE_REKOR_PUBLIC_KEY`, `SIGSTORE_CT_LOG_PUBLIC_KEY_FILE`, `rekor.pub`), which signs in the way that is
 * usual for keys of its kind.
 *
 * @param origin - of its checkpoints, for a Rekor v2: the log then goes by the key id that they name. Else by SHA-256 of the SPKI
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, `LIMIT_EXCEEDED`, `MATERIAL_UNSUPPORTED` for a certificate
 */
export function logOfKey(pem: Uint8Array, what: string, facts: PemFacts & { readonly origin?: string } = {}): TransparencyLog {
  const key = readAt(what, () => parsePublicKeyPem(pem, 'public key'))
  const { origin } = facts
  const details = defaultKeyDetails(key)
  if (!details) throw new CountersignError('KEY_UNSUPPORTED', `${what}: no log signs with ${key.algorithm} keys of ${key.bits} bits`)
  return {
    key,
    scheme: { scheme: details.scheme, hash: details.hash },
    logId: origin === undefined ? key.id : readAt(what, () => noteKeyId(origin, key)),
    baseUrl: facts.url ?? '',
    validFor: facts.validFor ?? openValidity,
    operator: '',
  }
}

function attribute({ subject }: Certificate, oid: string): string {
  const named = relativeNamesOf(subject.der, 'subject')
    .flat()
    .find(({ type }) => type === oid)
  return named?.text ?? ''
}

function wrong(what: string, message: string): CountersignError {
  return new CountersignError('MATERIAL_MALFORMED', `${what}: ${message}`)
}
