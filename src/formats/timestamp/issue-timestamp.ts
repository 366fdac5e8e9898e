import { encodeDerSet } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { digestOf } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { Certificate } from '../x509/certificate.ts'
import { signerAlgorithm } from '../x509/certificate-writer.ts'
import { certificateIdOf, issuerSerialOf } from './certificate-id.ts'
import type { TimestampHash } from './digest-algorithm.ts'
import { encodeAttributes, encodeSignerInfo, encodeTimestampResponse, encodeTimestampToken, encodeTstInfo } from './timestamp-writer.ts'
import type { TstInfo } from './tst-info.ts'

/** With what an authority signs. */
export type TimestampIssuer = {
  readonly signer: Signer // pure, where the key is Ed25519
  readonly certificate: Certificate // of the signer's key
}

/**
 * Makes a TimeStampResp as Sigstore's authority does: digests by the signer's hash, SHA-512 for Ed25519, the certificate named by issuer,
 * number and an ESSCertIDv2 of SHA-256.
 *
 * @param certificates - what the response carries, where the request asks for it: the signer's certificate, or that and its issuers
 * @throws CountersignError `KEY_UNSUPPORTED`, what `signer` throws, and a TypeError for a key that certificates are not signed with either
 * @see RFC 3161 §2.4.2, services.md §5
 */
export async function issueTimestamp(
  { signer, certificate }: TimestampIssuer,
  info: TstInfo,
  certificates: readonly Certificate[],
): Promise<Uint8Array> {
  const content = encodeTstInfo(info)
  const hash = timestampHash(signer)
  const attributes = encodeAttributes({
    messageDigest: digestOf(hash, content),
    signingTime: info.time,
    signingCertificates: [[certificateIdOf(certificate, 'sha256')]],
  })
  const signerInfo = encodeSignerInfo({
    signer: { kind: 'issuer-serial', issuerSerial: issuerSerialOf(certificate) },
    hash,
    attributes,
    signatureAlgorithm: signerAlgorithm(signer),
    signature: await signer.sign(encodeDerSet(...attributes)),
  })
  return encodeTimestampResponse(
    encodeTimestampToken({ content, hash, certificates: certificates.map(({ der }) => der), signerInfos: [signerInfo] }),
  )
}

/** The hash of what a signer's timestamps digest: its own, and SHA-512 for Ed25519, which signs no digest. RFC 8419 §3. */
export function timestampHash({ hash = 'sha512' }: Signer): TimestampHash {
  if (hash === 'sha224') throw new CountersignError('KEY_UNSUPPORTED', 'timestamp: want a signer with SHA-256, SHA-384 or SHA-512')
  return hash
}
