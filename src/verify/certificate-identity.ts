import type { Certificate } from '../formats/x509/certificate.ts'
import { type FulcioExtensionName, readFulcioExtensions } from '../formats/x509/fulcio-extensions.ts'
import { fulcioUsernameOid, type GeneralName } from '../formats/x509/general-name.ts'

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
  const subjects = certificate.subjectAlternativeNames.filter(isIdentity)
  return { subjects, issuer: extensions.get('issuer'), extensions }
}

/** An otherName is whatever its type says: of those that hold text only Fulcio's is the name of somebody. */
function isIdentity(name: GeneralName): name is Exclude<GeneralName, { readonly kind: 'unsupported' }> {
  return name.kind === 'other-name' ? name.type === fulcioUsernameOid : name.kind !== 'unsupported'
}
