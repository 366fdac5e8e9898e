import type { World } from '../../codec/world.ts'
import { generateEcdsaP256 } from '../../crypto/private-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid } from '../../formats/x509/certificate-extensions.ts'
import { issueCertificate, keyIdentifierOf } from '../../formats/x509/certificate-writer.ts'
import { encodeDistinguishedName } from '../../formats/x509/distinguished-name.ts'
import {
  authorityKeyIdExtension,
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  keyUsageExtension,
  type NewExtension,
  subjectAlternativeNamesExtension,
  subjectKeyIdExtension,
} from '../../formats/x509/extension-writer.ts'

/** A certificate and its key. */
export type Certified = {
  readonly certificate: Certificate
  readonly key: Uint8Array // PKCS#8, secret
}

/** What certificates of our own are made of. */
export type Ceremony = Pick<World, 'now' | 'randomBytes'>

const dayMs = 86_400_000
const skewMs = 300_000 // by which the clock of an API server may be behind

/** For how long each is good. admission.md §5 */
export const lifetimes = { authorityDays: 3653, servingDays: 90 } as const

/** An authority of its own, that certifies servers alone and no other authority. */
export function issueAuthority(ceremony: Ceremony): Promise<Certified> {
  const extensions = [
    keyUsageExtension(['certificate-sign', 'crl-sign']),
    extendedKeyUsageExtension([extendedKeyUsageOid.serverAuth]),
    basicConstraintsExtension(true, 0),
  ]
  return issue(ceremony, { name: 'countersign admission authority', days: lifetimes.authorityDays, extensions })
}

/** The certificate of a server of these DNS names, by an authority that it does not outlive. */
export function issueServing(ceremony: Ceremony, issuer: Certified, dnsNames: readonly string[]): Promise<Certified> {
  const extensions = [
    keyUsageExtension(['digital-signature']),
    extendedKeyUsageExtension([extendedKeyUsageOid.serverAuth]),
    basicConstraintsExtension(false),
    subjectAlternativeNamesExtension(
      dnsNames.map(value => ({ kind: 'dns', value })),
      false,
    ),
  ]
  return issue(ceremony, { name: 'countersign admission', days: lifetimes.servingDays, extensions, issuer })
}

type Request = {
  readonly name: string
  readonly days: number
  readonly extensions: readonly NewExtension[]
  readonly issuer?: Certified // itself where there is none
}

async function issue({ now, randomBytes }: Ceremony, { name, days, extensions, issuer }: Request): Promise<Certified> {
  const key = generateEcdsaP256()
  const subject = signerFromPkcs8(key, name)
  const signer = issuer ? signerFromPkcs8(issuer.key, 'authority') : subject
  const subjectName = encodeDistinguishedName([['CN', name]])
  const notAfter = now().getTime() + days * dayMs
  const der = await issueCertificate(
    {
      serialNumber: randomBytes(15).reduce((number, byte) => (number << 8n) | BigInt(byte), 1n),
      issuer: issuer?.certificate.subject.der ?? subjectName,
      notBefore: new Date(now().getTime() - skewMs),
      notAfter: new Date(Math.min(notAfter, issuer?.certificate.notAfter.getTime() ?? notAfter)),
      subject: subjectName,
      spki: subject.publicKey.spki,
      extensions: [
        ...extensions,
        subjectKeyIdExtension(keyIdentifierOf(subject.publicKey.spki)),
        ...(issuer ? [authorityKeyIdExtension(keyIdentifierOf(signer.publicKey.spki))] : []),
      ],
    },
    signer,
  )
  return { certificate: parseCertificate(der, name), key }
}
