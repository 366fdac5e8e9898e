import type { Branded } from '../codec/branded.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError, type Failures, firstToHold, withAll } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { type Certificate, parseCertificate } from '../formats/x509/certificate.ts'
import { type CertificatePath, type CertificateStore, checkPathValidAt, proveCertificatePaths } from '../formats/x509/certificate-path.ts'
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

/** Authorities that may have issued a certificate, each with the paths that prove it did, or why there is none. Times are not looked at. */
export type Issuers = readonly (readonly [CertificateAuthority, readonly [CertificatePath, ...CertificatePath[]] | CountersignError])[]

/**
 * Looks for whoever issued a certificate. It takes no time, so that it can go on beside the steps that prove when the signature was made.
 *
 * @param chain - what the signature carries of issuers, DER
 * @throws CountersignError `CERTIFICATE_UNTRUSTED` where nobody is trusted; `CERTIFICATE_MALFORMED` of what it carries
 */
export async function findIssuers(
  leaf: Certificate,
  { certificateAuthorities = [], takesCarriedIntermediates = false }: Trust,
  chain: readonly Uint8Array[] = [],
): Promise<Issuers> {
  if (certificateAuthorities.length === 0) throw new CountersignError('CERTIFICATE_UNTRUSTED', 'no certificate authority is trusted')
  const named = certificateAuthorities.filter(({ chain }) => chain.some(({ subject }) => bytesEqual(subject.der, leaf.issuer.der)))
  const carried = takesCarriedIntermediates ? chain.map((der, at) => parseCertificate(der, `certificate ${at + 1} of the chain`)) : []
  const issuers: Issuers[number][] = []
  for (const authority of named.length > 0 ? named : certificateAuthorities) // of those that cannot have issued it one says so
    issuers.push([authority, await pathsOrRefusal(leaf, storeOf(authority, carried))])
  return issuers
}

async function pathsOrRefusal(leaf: Certificate, store: CertificateStore): Promise<Issuers[number][1]> {
  try {
    return await proveCertificatePaths(leaf, store, 'code-signing')
  } catch (error) {
    if (error instanceof CountersignError) return error
    throw error
  }
}

/**
 * Step `certificate`: a trusted authority issued the certificate, and at every time that counts it was trusted, and each certificate of
 * the path was valid: an expired intermediate is as bad as an expired leaf (GHSA-wfqv-66vq-46rm).
 *
 * @throws CountersignError `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_EXPIRED`
 * @see RFC 5280 §6.1
 */
export async function checkCertificate(leaf: Certificate, issuers: Issuers, { times }: SigningTimes): Promise<Found<TrustedCertificate>> {
  return await firstToHold(
    issuers,
    async ([authority, paths]) => {
      if (paths instanceof CountersignError) throw paths
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
function storeOf({ chain }: CertificateAuthority, carried: readonly Certificate[]): CertificateStore {
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
