import type { Branded } from '../../codec/branded.ts'
import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { parseJson, readAs, readBase64, readObjectOf, readSafeInteger } from '../../codec/json.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { curveOf, type PublicKey } from '../../crypto/public-key.ts'
import { type VerifiedScheme, verifySignatureAs } from '../../crypto/verify-signature.ts'
import type { Certificate } from './certificate.ts'
import { extensionOid } from './certificate-extensions.ts'
import { precertificateTbs } from './precertificate.ts'
import { encodeTlsUint, encodeTlsVector, TlsReader } from './tls-presentation.ts'

/** A signed certificate timestamp as somebody hands it over: a log's promise that it has seen a certificate. RFC 6962 §3.2. */
export type Sct = {
  readonly entry: 'precertificate' | 'certificate' // what the log saw: for embedded ones the certificate without them
  readonly logId: Uint8Array // 32 bytes
  readonly time: Date
  readonly extensions: Uint8Array // signed, and not looked into; static logs write the leaf's index there
  readonly hashAlgorithm: number // RFC 5246 §7.4.1.4.1
  readonly signatureAlgorithm: number
  readonly signature: Uint8Array
}

/** A timestamp that the log with this key made for this certificate. Only `verifySct` makes one. */
export type VerifiedSct = Branded<Sct, 'Verified'>

const maxScts = 16

/**
 * The timestamps embedded in a certificate; none is an empty list.
 *
 * @throws CountersignError `SCT_MALFORMED`, also where the extension is there and holds none, or more than 16
 * @see RFC 6962 §3.3
 */
export function embeddedScts({ extensions }: Pick<Certificate, 'extensions'>): readonly Sct[] {
  const extension = extensions.get(extensionOid.sctList)
  if (!extension) return []
  const what = 'SCT list'
  const outer = new TlsReader(
    parseDer(extension.value, what, der => der.octetString(), 'SCT_MALFORMED'),
    what,
    'SCT_MALFORMED',
  )
  const list = new TlsReader(outer.vector(2), what, 'SCT_MALFORMED')
  outer.end()
  const scts: Sct[] = []
  do {
    if (scts.length === maxScts) throw list.malformed(`want at most ${maxScts} timestamps`)
    scts.push(parseSct(list.vector(2), 'precertificate', `${what}[${scts.length}]`))
  } while (!list.isAtEnd)
  return scts
}

const detachedLimitBytes = 16_384

/**
 * Reads a timestamp that lies beside its certificate: the JSON that a log answered (RFC 6962 §4.1), or the bytes of the structure itself.
 *
 * @param what - begins every message: the name of the file
 * @throws CountersignError `SCT_MALFORMED`, `LIMIT_EXCEEDED` past 16 KiB
 */
export function parseDetachedSct(bytes: Uint8Array, what: string): Sct {
  if (bytes.length > detachedLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${detachedLimitBytes} bytes, got ${bytes.length}`)
  const structure = bytes[0] === 0 ? bytes : readAs('SCT_MALFORMED', what, () => structureOfAnswer(bytes, what))
  return parseSct(structure, 'certificate', what)
}

/** The structure that a log's answer stands for, so that both forms obey one set of rules. */
function structureOfAnswer(bytes: Uint8Array, what: string): Uint8Array {
  const members = ['sct_version', 'id', 'timestamp', 'extensions', 'signature']
  const answer = readObjectOf(parseJson(bytes, what, { bytes: detachedLimitBytes }), what, members)
  const version = readSafeInteger(answer['sct_version'], `${what}.sct_version`)
  const id = readBase64(answer['id'], `${what}.id`)
  const time = readSafeInteger(answer['timestamp'], `${what}.timestamp`)
  if (version !== 0) throw new CountersignError('SCT_MALFORMED', `${what}: want version 1 (0), got ${version}`)
  if (id.length !== 32) throw new CountersignError('SCT_MALFORMED', `${what}.id: want 32 bytes, got ${id.length}`)
  return concatBytes(
    encodeTlsUint(1, version),
    id,
    encodeTlsUint(8, time),
    encodeTlsVector(2, readBase64(answer['extensions'] ?? '', `${what}.extensions`)),
    readBase64(answer['signature'], `${what}.signature`),
  )
}

const maxTimeMs = 8.64e15 // the last time that a Date can hold

function parseSct(bytes: Uint8Array, entry: Sct['entry'], what: string): Sct {
  const reader = new TlsReader(bytes, what, 'SCT_MALFORMED')
  const version = reader.uint(1)
  if (version !== 0) throw reader.malformed(`want version 1 (0), got ${version}`)
  const logId = reader.take(32)
  const timeMs = reader.uint(8)
  if (timeMs > maxTimeMs) throw reader.malformed(`want a time of at most ${maxTimeMs} milliseconds, got ${timeMs}`)
  const extensions = reader.vector(2)
  const [hashAlgorithm, signatureAlgorithm, signature] = [reader.uint(1), reader.uint(1), reader.vector(2)]
  reader.end()
  return { entry, logId, time: new Date(timeMs), extensions, hashAlgorithm, signatureAlgorithm, signature }
}

/** What a log signs, RFC 6962 §3.2: version, kind of signature, time, and what it saw. */
export type SctSubject =
  | { readonly entry: 'certificate'; readonly der: Uint8Array }
  | { readonly entry: 'precertificate'; readonly tbs: Uint8Array; readonly issuerKeyId: Sha256 } // tbs: neither poison nor timestamps

/** The bytes that the signature of a timestamp covers. */
export function sctSignedBytes({ time, extensions }: Pick<Sct, 'time' | 'extensions'>, subject: SctSubject): Uint8Array {
  const [type, issuer, saw] = subject.entry === 'certificate' ? [0, new Uint8Array(), subject.der] : [1, subject.issuerKeyId, subject.tbs]
  return concatBytes(
    Uint8Array.of(0, 0), // v1, certificate_timestamp
    encodeTlsUint(8, time.getTime()),
    encodeTlsUint(2, type),
    issuer,
    encodeTlsUint(3, saw.length), // joined once, not as vectors of their own: a certificate has this written four times
    saw,
    encodeTlsVector(2, extensions),
  )
}

/**
 * Proves that a log made this timestamp for this certificate. Whether the log was trusted at that time is for the caller.
 *
 * @param issuer - who signed `leaf`, proven before
 * @param check - where the signature is checked; in this thread unless told
 * @throws CountersignError `SCT_INVALID`
 * @see RFC 6962 §3.2
 */
export async function verifySct(
  sct: Sct,
  leaf: Certificate,
  issuer: Certificate,
  log: { readonly key: PublicKey },
  check = verifySignatureAs,
): Promise<VerifiedSct> {
  if (!bytesEqual(sct.logId, log.key.id)) throw invalid(`it is by log ${encodeHex(sct.logId)}, not by ${encodeHex(log.key.id)}`)
  const subject: SctSubject =
    sct.entry === 'certificate'
      ? { entry: sct.entry, der: leaf.der }
      : { entry: sct.entry, tbs: precertificateTbs(leaf), issuerKeyId: sha256(issuer.spki) }
  const scheme = schemeOf(sct, log.key)
  try {
    await check(log.key, sct.signature, messageOfBytes(sctSignedBytes(sct, subject)), scheme)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('SCT_INVALID', `certificate timestamp: ${cause.message}`, { cause })
  }
  return sct as VerifiedSct
}

/** RFC 6962 §2.1.4: SHA-256, with ECDSA or with RSA PKCS#1 v1.5, as the key of the log is. */
function schemeOf({ hashAlgorithm, signatureAlgorithm }: Sct, key: PublicKey): VerifiedScheme {
  const scheme = curveOf(key) ? 'ecdsa' : key.algorithm === 'rsa' ? 'rsa-pkcs1v15' : undefined
  if (!scheme) throw invalid(`no log signs with ${key.algorithm}`)
  const wanted = scheme === 'ecdsa' ? 3 : 1
  if (hashAlgorithm !== 4 || signatureAlgorithm !== wanted)
    throw invalid(`want algorithms 4 and ${wanted} of a log with an ${key.algorithm} key, got ${hashAlgorithm} and ${signatureAlgorithm}`)
  return { scheme, hash: 'sha256' }
}

function invalid(problem: string): CountersignError {
  return new CountersignError('SCT_INVALID', `certificate timestamp: ${problem}`)
}
