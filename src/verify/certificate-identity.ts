import type { Certificate } from '../formats/x509/certificate.ts'
import { type FulcioExtensionName, readFulcioExtensions } from '../formats/x509/fulcio-extensions.ts'

/** Whom a certificate is for. True only of a certificate that a trusted authority issued. */
export type CertificateIdentity = {
  readonly subjects: readonly { readonly kind: string; readonly value: string }[] // subject alternative names
  readonly issuer: string | undefined // who vouched for the subject to the certificate authority
  readonly extensions: ReadonlyMap<FulcioExtensionName, string>
}

/**
 * Reads the identity out of a certificate.
 *
 * @throws CountersignError `CERTIFICATE_MALFORMED`, also where the two extensions for the issuer disagree
 * @see services.md §1.4
 */
export function readCertificateIdentity(certificate: Certificate): CertificateIdentity {
  const extensions = readFulcioExtensions(certificate)
  const subjects = certificate.subjectAlternativeNames.filter(name => name.kind !== 'unsupported')
  return { subjects, issuer: extensions.get('issuer'), extensions }
}
