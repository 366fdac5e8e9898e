import type { Branded } from '../codec/branded.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError, firstToHold } from '../codec/error.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import type { Certificate } from '../formats/x509/certificate.ts'
import { checkPathValidAt, proveCertificatePaths } from '../formats/x509/certificate-path.ts'
import { checkLeaf, describeCertificate } from '../formats/x509/path-rules.ts'
import type { Signing } from './signing.ts'

/** A certificate that somebody has for a key of theirs, and who vouches for it. Only `checkBroughtCertificate` makes one. */
export type BroughtCertificate = Branded<
  {
    readonly certificate: Certificate
    readonly chain: readonly Certificate[] // its issuers, the root last; none where they were not named
  },
  'Checked'
>

/**
 * Demands that a certificate is one to sign with: for the key that signs, for code signing, valid now. Where its issuers are named, they must
 * lead from it to the last of them, and be valid as well.
 *
 * @param chain - in any order but for the root, which is the last
 * @returns of the chain what leads to the root, in order
 * @throws CountersignError `KEY_MISMATCH`, `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_EXPIRED`
 * @see formats-and-flows §11, 30; RFC 5280 §6.1
 */
export async function checkBroughtCertificate(
  key: PublicKey,
  certificate: Certificate,
  chain: readonly Certificate[],
  now: Date,
): Promise<BroughtCertificate> {
  if (!bytesEqual(certificate.publicKey.spki, key.spki))
    throw new CountersignError('KEY_MISMATCH', `${describeCertificate(certificate)} is of another key than the one that signs`)
  const root = chain.at(-1)
  if (root) {
    const paths = await proveCertificatePaths(certificate, { roots: [root], intermediates: chain.slice(0, -1) }, 'code-signing')
    const [, ...issuers] = await firstToHold(paths, path => {
      checkPathValidAt(path, now)
      return path
    })
    return checked(certificate, issuers)
  }
  checkLeaf(certificate, 'code-signing')
  checkValidAt(certificate, now)
  return checked(certificate, [])
}

function checked(certificate: Certificate, chain: readonly Certificate[]): BroughtCertificate {
  return { certificate, chain } as BroughtCertificate
}

function checkValidAt(certificate: Certificate, now: Date): void {
  const { notBefore, notAfter } = certificate
  if (now >= notBefore && now <= notAfter) return
  const validity = `from ${notBefore.toISOString()} to ${notAfter.toISOString()}`
  throw new CountersignError(
    'CERTIFICATE_EXPIRED',
    `${describeCertificate(certificate)} is valid ${validity}, and it is ${now.toISOString()}`,
  )
}

/** Signing with a key and its certificate, and nobody to witness it. */
export function certifiedSigning({ certificate, chain }: BroughtCertificate, by: Signing): Signing {
  const sign: Signing['sign'] = async content => ({ ...(await by.sign(content)), certificate, chain })
  return { key: undefined, sign, prove: undefined }
}
