import type { Branded } from '../codec/branded.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError, type Failures, firstToHold, withAll } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { type Certificate, parseCertificate } from '../formats/x509/certificate.ts'
import { type CertificatePath, checkPathValidAt, proveCertificatePaths } from '../formats/x509/certificate-path.ts'
import type { CertificateAuthority } from '../trust/trusted-root.ts'
import { describeValidity, isWithin } from '../trust/validity.ts'
import type { Found } from './derivation.ts'
import type { Trust } from './policy.ts'
import type { SigningTimes } from './proven-time.ts'

/** A certificate that a trusted authority issued, valid when its signature was made. Only `checkCertificate` makes one. */
export type TrustedCertificate = Branded<
  { readonly leaf: Certificate; readonly path: CertificatePath; readonly authority: CertificateAuthority },
  'TrustedCertificate'
>

/**
 * Step `certificate`: a trusted authority issued the certificate, and at every time that counts it was trusted, and each certificate of
 * the path was valid: an expired intermediate is as bad as an expired leaf (GHSA-wfqv-66vq-46rm).
 *
 * @param chain - what the signature carries of issuers, DER
 * @throws CountersignError `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_EXPIRED`; `CERTIFICATE_MALFORMED` of what it carries
 * @see RFC 5280 §6.1
 */
export async function checkCertificate(
  leaf: Certificate,
  { times }: SigningTimes,
  { certificateAuthorities = [], takesCarriedIntermediates = false }: Trust,
  chain: readonly Uint8Array[] = [],
): Promise<Found<TrustedCertificate>> {
  const issuers = certificateAuthorities.filter(({ chain }) => chain.some(({ subject }) => bytesEqual(subject.der, leaf.issuer.der)))
  const carried = takesCarriedIntermediates ? chain.map((der, at) => parseCertificate(der, `certificate ${at + 1} of the chain`)) : []
  if (certificateAuthorities.length === 0) throw new CountersignError('CERTIFICATE_UNTRUSTED', 'no certificate authority is trusted')
  const candidates = issuers.length > 0 ? issuers : certificateAuthorities // of those that cannot have issued it one says so
  return await firstToHold(
    candidates,
    async authority => {
      const paths = await proveCertificatePaths(leaf, storeOf(authority, carried), 'code-signing')
      for (const { time } of times) checkAuthorityAt(authority, time)
      const path = await firstToHold(paths, path => {
        for (const { time } of times) checkPathValidAt(path, time)
        return path
      })
      return { value: { leaf, path, authority } as TrustedCertificate, found: () => describePath(path) }
    },
    failures => withAll(mostTelling(failures), failures),
  )
}

function describePath([, issuer, ...above]: CertificatePath): string {
  const names = [issuer, ...above].map(({ subject }) => quote(subject.text))
  return `issued by ${names.join(', by ')}${above.length === 0 ? '' : ', a trusted root'}`
}

/** An authority lists the issuer first and the root last. One that names its intermediates has no others; cosign does so as well. */
function storeOf({ chain }: CertificateAuthority, carried: readonly Certificate[]) {
  return { roots: chain.slice(-1), intermediates: chain.length === 1 ? carried : chain.slice(0, -1) }
}

function checkAuthorityAt({ uri, validFor }: CertificateAuthority, time: Date): void {
  if (!isWithin(validFor, time))
    throw new CountersignError(
      'CERTIFICATE_EXPIRED',
      `certificate authority ${quote(uri)} is trusted ${describeValidity(validFor)}, not at ${time.toISOString()}`,
    )
}

/** Of several authorities the one that did issue the certificate says more than those that did not. */
function mostTelling(failures: Failures): CountersignError {
  return failures.find(({ code }) => code !== 'CERTIFICATE_UNTRUSTED') ?? failures[0]
}
