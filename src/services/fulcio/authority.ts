import type { Branded } from '../../codec/branded.ts'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import type { Signer } from '../../crypto/signer.ts'
import { checkStrongKey } from '../../crypto/weak-key.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid } from '../../formats/x509/certificate-extensions.ts'
import { checkPathValidAt, proveCertificatePaths } from '../../formats/x509/certificate-path.ts'
import { issueCertificate } from '../../formats/x509/certificate-writer.ts'
import { describeCertificate } from '../../formats/x509/path-rules.ts'
import { leafContents } from './leaf-certificate.ts'

/** A key and the certificates that make it an authority for code signing: its own first, the root last. */
export type AuthorityMaterial = { readonly chain: readonly [own: Certificate, ...above: Certificate[]]; readonly signer: Signer }

/** One that was seen to work. Only `checkAuthority` makes it. */
export type CertificateAuthority = Branded<AuthorityMaterial, 'Checked'>

/**
 * Demands of a key and its chain that what they issue is accepted by whoever trusts the root: a certificate is issued for nobody, and a path
 * from it to the last of the chain, through all of the chain, is proven as verifiers do it.
 *
 * @param now - every certificate of the chain must be valid then
 * @throws CountersignError `KEY_MISMATCH`, `KEY_UNSUPPORTED` for a weak key, `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_EXPIRED`
 * @see services.md §1.5, "CA chain check at load"
 */
export async function checkAuthority(material: AuthorityMaterial, now: Date): Promise<CertificateAuthority> {
  const { chain, signer } = material
  const [own, ...above] = chain
  if (!bytesEqual(own.spki, signer.publicKey.spki))
    throw new CountersignError('KEY_MISMATCH', `${describeCertificate(own)}: it is not for the key that is to sign`)
  checkStrongKey(signer.publicKey, describeCertificate(own))
  if (above.length > 0 && !own.extendedKeyUsage?.includes(extendedKeyUsageOid.codeSigning))
    throw new CountersignError('CERTIFICATE_UNTRUSTED', `${describeCertificate(own)}: want an authority for code signing`)

  const certified = { name: { kind: 'uri', value: 'https://probe.invalid/' }, extensions: new Map() } as const
  const contents = leafContents(own, certified, signer.publicKey, now, 1n)
  const probe = parseCertificate(await issueCertificate(contents, signer), 'probe of the authority')
  const store = { roots: chain.slice(-1), intermediates: chain.slice(0, -1) }
  const paths = await proveCertificatePaths(probe, store, 'code-signing')
  const whole = paths.find(path => path.length === chain.length + 1)
  if (!whole)
    throw new CountersignError(
      'CERTIFICATE_UNTRUSTED',
      `${describeCertificate(own)}: its chain holds certificates that do not belong to it`,
    )
  checkPathValidAt(whole, now)
  return material as CertificateAuthority
}

/** An authority that can be exchanged while it serves. */
export type AuthorityHolder = {
  /** Asked once for each request, so that one certificate is never made by two keys. */
  readonly current: () => CertificateAuthority
  /** Loads anew. Where that fails, or what is loaded does not pass, the one before stays. @throws what `load` and `checkAuthority` throw */
  readonly reload: () => Promise<void>
}

/**
 * Holds an authority and exchanges it, as `fileca` does when its files change.
 *
 * @throws what `load` and `checkAuthority` throw
 */
export async function holdAuthority(load: () => Promise<AuthorityMaterial>, now: () => Date): Promise<AuthorityHolder> {
  const loadChecked = async () => checkAuthority(await load(), now())
  let held = await loadChecked()
  return {
    current: () => held,
    reload: async () => {
      held = await loadChecked()
    },
  }
}
