import { encodeDerNull, encodeDerOid, encodeDerSequence, encodeDerSet } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { keyOid } from '../../crypto/algorithm-identifier.ts'
import { digestOf } from '../../crypto/digest.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { Certificate } from '../x509/certificate.ts'
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
 * @throws CountersignError `KEY_UNSUPPORTED`, and what `signer` throws
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
    certificateIds: [certificateIdOf(certificate, 'sha256')],
  })
  const signerInfo = encodeSignerInfo({
    signer: { kind: 'issuer-serial', issuerSerial: issuerSerialOf(certificate) },
    hash,
    attributes,
    signatureAlgorithm: encodeSignatureAlgorithm(signer.publicKey, hash),
    signature: await signer.sign(encodeDerSet(...attributes)),
  })
  return encodeTimestampResponse(
    encodeTimestampToken({ content, hash, certificates: certificates.map(({ der }) => der), signerInfos: [signerInfo] }),
  )
}

/** Digests of what an Ed25519 key signs are SHA-512, RFC 8419 §3: it signs no digest, and says so by having no hash. */
function timestampHash({ hash = 'sha512' }: Signer): TimestampHash {
  if (hash === 'sha224') throw new CountersignError('KEY_UNSUPPORTED', 'timestamp: want a signer with SHA-256, SHA-384 or SHA-512')
  return hash
}

/** AlgorithmIdentifier of the way a signer signs. RFC 5754 §3, RFC 8419 §2.2. */
function encodeSignatureAlgorithm({ algorithm }: PublicKey, hash: TimestampHash): Uint8Array {
  if (algorithm === 'ed25519') return encodeDerSequence(encodeDerOid(keyOid.ed25519))
  if (algorithm === 'rsa-pss') throw new CountersignError('KEY_UNSUPPORTED', 'timestamp: want a signer other than RSASSA-PSS')
  if (algorithm === 'rsa') return encodeDerSequence(encodeDerOid(rsaOids[hash]), encodeDerNull())
  return encodeDerSequence(encodeDerOid(ecdsaOids[hash]))
}

const rsaOids = { sha256: '1.2.840.113549.1.1.11', sha384: '1.2.840.113549.1.1.12', sha512: '1.2.840.113549.1.1.13' } as const
const ecdsaOids = { sha256: '1.2.840.10045.4.3.2', sha384: '1.2.840.10045.4.3.3', sha512: '1.2.840.10045.4.3.4' } as const
