import { encodeBase64 } from '../../codec/base64.ts'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeProtoJson } from '../../codec/go-json.ts'
import { readArray, readAs, readObjectOf, readString } from '../../codec/json.ts'
import { decodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { encodePublicKeyPem, type PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import { parseProtoJson } from '../../formats/proto-json.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { askService, type ServiceAccess } from '../ask-service.ts'

/** What a certificate is asked for with. */
export type CertificateRequest = {
  readonly token: string // an ID token, compact; a secret while it lasts
  readonly challenge: string // whom the token is about, as the authority sees it: what the key signs to prove that it is held
  readonly signer: Signer // of the key to be certified
}

/** What an authority issued. Parsed, not trusted: whether anybody trusts the authority, `verify` says. */
export type IssuedCertificate = {
  readonly certificate: Certificate // for the key that was asked for
  readonly chain: readonly Certificate[] // its issuers, the root last
  readonly sct: 'embedded' | 'detached' | 'none' // where a certificate log's word is
}

const answerLimitBytes = 256 << 10
const maxCertificates = 10

/**
 * Asks Fulcio for a certificate. The newer of its two interfaces is spoken, which every Fulcio since 1.0 has; what it takes and gives is the
 * same in both.
 *
 * @throws CountersignError as `askService`; `SERVICE_RESPONSE_MALFORMED`, `CERTIFICATE_MALFORMED`; `KEY_MISMATCH` for a certificate of another
 *   key
 * @see services.md §1.1, `POST /api/v2/signingCert`
 */
export async function requestCertificate(access: ServiceAccess, request: CertificateRequest): Promise<IssuedCertificate> {
  const { token, challenge, signer } = request
  const proof = await signer.sign(encodeUtf8(challenge))
  const { bytes, what } = await askService(access, {
    method: 'POST',
    path: 'api/v2/signingCert',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
    body: encodeUtf8(
      serializeProtoJson({
        publicKeyRequest: {
          publicKey: { algorithm: algorithmName(signer.publicKey), content: encodePublicKeyPem(signer.publicKey) },
          proofOfPossession: encodeBase64(proof),
        },
      }),
    ),
    accepts: [200],
    limitBytes: answerLimitBytes,
    secret: token,
  })
  const issued = parseAnswer(bytes, what)
  if (!bytesEqual(issued.certificate.publicKey.spki, signer.publicKey.spki))
    throw new CountersignError('KEY_MISMATCH', `${what}: the certificate is for another key than the one that was sent`)
  return issued
}

function parseAnswer(bytes: Uint8Array, what: string): IssuedCertificate {
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => {
    const embedded = 'signedCertificateEmbeddedSct'
    const detached = 'signedCertificateDetachedSct'
    const answer = readObjectOf(parseProtoJson(bytes, what, { bytes: answerLimitBytes }), what, [embedded, detached])
    const [kind, ...others] = Object.keys(answer)
    if (kind === undefined || others.length > 0)
      throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${what}: want one of ${embedded} and ${detached}`)
    const at = `${what}: ${kind}`
    const { chain, signedCertificateTimestamp } = readObjectOf(answer[kind], at, ['chain', 'signedCertificateTimestamp'])
    const [certificate, ...issuers] = readArray(
      readObjectOf(chain, `${at}.chain`, ['certificates'])['certificates'],
      `${at}.chain.certificates`,
      maxCertificates,
      readCertificate,
    )
    if (!certificate) throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${at}.chain.certificates: want at least one, got none`)
    const sct = kind === embedded ? 'embedded' : signedCertificateTimestamp === undefined ? 'none' : 'detached'
    return { certificate, chain: issuers, sct }
  })
}

function readCertificate(value: unknown, at: string): Certificate {
  const blocks = decodePem(readString(value, at), at)
  const [block] = blocks
  if (!block || blocks.length > 1 || block.label !== 'CERTIFICATE')
    throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${at}: want one PEM CERTIFICATE`)
  return parseCertificate(block.bytes, at)
}

/** Fulcio goes by the key itself and leaves this aside; `RSA_PSS` is what its protobuf calls every RSA key. */
function algorithmName({ algorithm }: PublicKey): string {
  if (algorithm === 'ed25519') return 'ED25519'
  return algorithm.startsWith('rsa') ? 'RSA_PSS' : 'ECDSA'
}
