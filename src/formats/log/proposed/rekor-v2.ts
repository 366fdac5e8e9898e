import { compareBytes } from '../../../codec/bytes.ts'
import { CountersignError, firstToHold } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { type JsonObject, readArray, readBase64, readObject, readObjectOf, readString } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { hashLength, sha256 } from '../../../crypto/digest.ts'
import { fitsKey } from '../../../crypto/key-details.ts'
import { type Message, messageOfBytes, messageOfDigests } from '../../../crypto/message.ts'
import { verifySignatureAs } from '../../../crypto/verify-signature.ts'
import { preAuthEncoding } from '../../dsse.ts'
import { parseProtoJson } from '../../proto-json.ts'
import { statementPayloadType } from '../../statement.ts'
import { encodeEntryBody } from '../entry-body.ts'
import { maxEnvelopeSignatures } from '../kinds/dsse.ts'
import { type DetailedVerifier, readProtoVerifier } from '../kinds/entry-verifier.ts'
import { type ProposedSigner, signerOfVerifier } from './proposed-signer.ts'
import { type CheckedEntry, hashEntry, type ProvenEntry } from './proven-entry.ts'
import { digestKey, statementKeys } from './search-keys.ts'

/** What a client asks Rekor v2 to log: read as far as its kind. */
export type RekorV2Request = { readonly kind: 'hashedrekord' | 'dsse'; readonly request: JsonObject }

const requestMembers = new Map<string, RekorV2Request['kind']>([
  ['hashedRekordRequestV002', 'hashedrekord'],
  ['dsseRequestV002', 'dsse'],
])

/** The kinds of keys that Rekor v2 takes unless told, by their names in protobuf-specs. Pure Ed25519 signs no digest, so it is not among them. */
export const rekorV2Algorithms: readonly string[] = [
  'PKIX_RSA_PKCS1V15_2048_SHA256',
  'PKIX_RSA_PKCS1V15_3072_SHA256',
  'PKIX_RSA_PKCS1V15_4096_SHA256',
  'PKIX_ECDSA_P256_SHA_256',
  'PKIX_ECDSA_P384_SHA_384',
  'PKIX_ECDSA_P521_SHA_512',
  'PKIX_ED25519_PH',
]

/**
 * Reads the body of `POST /api/v2/log/entries` as far as its kind. Strict proto3 JSON: a member that is not known is an error.
 *
 * @returns nothing where it asks for neither kind, or for both
 * @throws CountersignError `JSON_MALFORMED`, `UTF8_MALFORMED`, `LIMIT_EXCEEDED`
 * @see services §4.1
 */
export function parseRekorV2Request(bytes: Uint8Array, limitBytes: number): RekorV2Request | undefined {
  const json = readObjectOf(parseProtoJson(bytes, 'request', { bytes: limitBytes, depth: 16 }), 'request', [...requestMembers.keys()])
  const [asked, another] = Object.entries(json)
  if (!asked || another) return undefined
  return { kind: requestMembers.get(asked[0])!, request: readObject(asked[1], asked[0]) }
}

/**
 * Checks all that a request claims, and every signature, and makes the entry to be logged of it.
 *
 * @param algorithms - the kinds of keys to take
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `LIMIT_EXCEEDED`, `KEY_*`, `CERTIFICATE_MALFORMED`, `SIGNATURE_*`
 * @see services §4.1 and §4.2
 */
export async function proveRekorV2Request({ kind, request }: RekorV2Request, algorithms: ReadonlySet<string>): Promise<ProvenEntry> {
  const checked = await (kind === 'hashedrekord' ? proveHashedRekord(request, algorithms) : proveDsse(request, algorithms))
  return hashEntry({ kind, version: '0.0.2' }, checked) as ProvenEntry
}

async function proveHashedRekord(request: JsonObject, algorithms: ReadonlySet<string>): Promise<CheckedEntry> {
  const { digest: base64, signature: signed } = readObjectOf(request, 'hashedRekordRequestV002', ['digest', 'signature'])
  const { content, verifier: named } = readObjectOf(signed, 'signature', ['content', 'verifier'])
  const { verifier, signer } = readSigner(named, 'signature.verifier', algorithms)
  const { hash, name } = verifier.details
  if (hash === undefined) throw malformed(`signature.verifier.keyDetails: ${name} signs no digest`)
  const digest = readBase64(base64, 'digest')
  if (digest.length !== hashLength(hash)) throw malformed(`digest: want ${hashLength(hash)} bytes for ${name}, got ${digest.length}`)
  const signature = readBase64(content, 'signature.content')
  await verifySignatureAs(signer.key, signature, messageOfDigests(new Map([[hash, digest]])), verifier.details)
  const artifact = { hash, digest }
  return {
    body: encodeEntryBody({ kind: 'hashedrekord', version: '0.0.2', artifact, signature, verifier }),
    searchKeys: [digestKey(artifact), ...signerKeys(signer)],
  }
}

/** Every signature must be by one of the verifiers, in the way its details say. */
async function proveDsse(request: JsonObject, algorithms: ReadonlySet<string>): Promise<CheckedEntry> {
  const { envelope: asked, verifiers: named } = readObjectOf(request, 'dsseRequestV002', ['envelope', 'verifiers'])
  const envelope = readObjectOf(asked, 'envelope', ['payload', 'payloadType', 'signatures'])
  const payload = readBase64(envelope['payload'], 'envelope.payload')
  const payloadType = readString(envelope['payloadType'], 'envelope.payloadType')
  const given = readArray(envelope['signatures'], 'envelope.signatures', maxEnvelopeSignatures, (item, at) => {
    const { sig, keyid } = readObjectOf(item, at, ['sig', 'keyid'])
    readString(keyid ?? '', `${at}.keyid`)
    return readBase64(sig, `${at}.sig`)
  })
  const verifiers = readArray(named, 'verifiers', maxEnvelopeSignatures, (item, at) => readSigner(item, at, algorithms))
  if (given.length === 0) throw malformed('envelope.signatures: want at least one, got none')
  if (verifiers.length === 0) throw malformed('verifiers: want at least one, got none')
  demandDistinct('envelope.signatures', given.map(encodeHex))
  demandDistinct(
    'verifiers',
    verifiers.map(({ signer }) => signer.keyDigest),
  )
  const message = messageOfBytes(preAuthEncoding(payloadType, payload))
  const signatures = await Promise.all(
    given.toSorted(compareBytes).map(async signature => ({ signature, verifier: await verifierOf(signature, message, verifiers) })),
  )
  const digest = { hash: 'sha256', digest: sha256(payload) } as const
  return {
    body: encodeEntryBody({ kind: 'dsse', version: '0.0.2', payload: digest, signatures }),
    searchKeys: [
      digestKey(digest),
      ...verifiers.flatMap(({ signer }) => signerKeys(signer)),
      ...(payloadType === statementPayloadType ? statementKeys(payload) : []),
    ],
  }
}

type DetailedSigner = { readonly verifier: DetailedVerifier; readonly signer: ProposedSigner }

function readSigner(value: unknown, at: string, algorithms: ReadonlySet<string>): DetailedSigner {
  const verifier = readProtoVerifier(value, at)
  const { details } = verifier
  if (!algorithms.has(details.name)) throw malformed(`${at}.keyDetails: ${quote(details.name)} is not accepted here`)
  const signer = signerOfVerifier(verifier, at)
  if (!fitsKey(details, signer.key))
    throw malformed(`${at}.keyDetails: says ${details.name} of a key that is ${signer.key.algorithm} of ${signer.key.bits} bits`)
  return { verifier, signer }
}

function verifierOf(signature: Uint8Array, message: Message, verifiers: readonly DetailedSigner[]): Promise<DetailedVerifier> {
  return firstToHold(verifiers, async ({ verifier, signer }) => {
    await verifySignatureAs(signer.key, signature, message, verifier.details)
    return verifier
  })
}

/** A key is found by the digest that Rekor v1 knows it by, and by the fingerprint of its DER. */
function signerKeys({ keyDigest, fingerprint, names }: ProposedSigner): readonly string[] {
  return [keyDigest, encodeHex(fingerprint), ...names]
}

function demandDistinct(at: string, items: readonly string[]): void {
  if (new Set(items).size < items.length) throw malformed(`${at}: want each once`)
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', problem)
}
