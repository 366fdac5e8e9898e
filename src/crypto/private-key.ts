import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { CountersignError } from '../codec/error.ts'
import type { PemBlock } from '../codec/pem.ts'
import { quote } from '../codec/text.ts'
import { keyOid } from './algorithm-identifier.ts'
import { keyUnsupported } from './key-error.ts'
import { keyFileLimitBytes, parseKeyPem } from './key-pem.ts'
import {
  encodePkcs8,
  importPrivateKey,
  openPkcs8,
  type Pkcs8,
  type PrivateKey,
  parsePkcs8,
  parseRsaPrivateKey,
  parseSec1PrivateKey,
} from './pkcs8.ts'

/**
 * Reads a plain private key for import: one PEM block of `RSA PRIVATE KEY` (PKCS#1), `EC PRIVATE KEY` (SEC 1, `EC PARAMETERS` beside it
 * skipped) or `PRIVATE KEY` (PKCS#8). What comes back is the encoding that Go would store, whatever the spelling that came.
 *
 * @param what - begins every message, then cosign's words; no message holds any of the key
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED` for keys of refused kinds or strengths and for encrypted ones, `LIMIT_EXCEEDED`
 */
export function parsePrivateKeyPem(pem: Uint8Array, what: string): Pkcs8 {
  refuseHeaders(pem, what)
  const block = parseKeyPem(pem, what, 'EC PARAMETERS')
  const key = parseBlock(block, what)
  block.bytes.fill(0)
  return key
}

/** Kinds of keys that are made here. */
export type NewKeyKind = 'ecdsa-p256' | 'ed25519' | 'rsa-2048'

/** A new key from the operating system's randomness. */
export function generatePrivateKey(kind: NewKeyKind): Pkcs8 {
  const der = generateDer(kind)
  const key = encodePkcs8(parsePkcs8(der, 'new key'))
  der.fill(0)
  return key
}

/** What `generate-key-pair` makes. */
export function generateEcdsaP256(): Pkcs8 {
  return generatePrivateKey('ecdsa-p256')
}

function generateDer(kind: NewKeyKind): Uint8Array {
  const encodings = { privateKeyEncoding: { format: 'der', type: 'pkcs8' }, publicKeyEncoding: { format: 'der', type: 'spki' } } as const
  switch (kind) {
    case 'ecdsa-p256':
      return generateKeyPairSync('ec', { namedCurve: 'prime256v1', ...encodings }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519', encodings).privateKey
    case 'rsa-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048, ...encodings }).privateKey
    default:
      throw new TypeError(`unhandled kind ${kind satisfies never}`)
  }
}

/** RFC 1421 headers announce OpenSSL's old encryption; decoding the block would say only that headers are not read. */
function refuseHeaders(pem: Uint8Array, what: string): void {
  if (new TextDecoder('latin1').decode(pem.subarray(0, keyFileLimitBytes)).includes('\nProc-Type: 4,ENCRYPTED'))
    throw encrypted(what, 'old OpenSSL encryption')
}

function parseBlock({ label, bytes }: PemBlock, what: string): Pkcs8 {
  switch (label) {
    case 'RSA PRIVATE KEY':
      return encodeAs({ format: 'rsa', isRsa: () => true, parse: () => parseRsaPrivateKey(bytes, what) }, what)
    case 'EC PRIVATE KEY':
      return encodeAs({ format: 'ecdsa', isRsa: () => false, parse: () => parseSec1PrivateKey(bytes, what) }, what)
    case 'PRIVATE KEY':
      return encodeAs(
        { format: 'pkcs #8', isRsa: () => openPkcs8(bytes, what).oid === keyOid.rsa, parse: () => parsePkcs8(bytes, what) },
        what,
      )
    case 'ENCRYPTED PRIVATE KEY':
    case 'ENCRYPTED SIGSTORE PRIVATE KEY':
    case 'ENCRYPTED COSIGN PRIVATE KEY':
      throw encrypted(what, label)
    default:
      throw keyUnsupported(what, `unsupported private key: pem type ${quote(label)}`)
  }
}

type Spelling = {
  readonly format: 'rsa' | 'ecdsa' | 'pkcs #8'
  readonly isRsa: () => boolean // asked when a sound key is refused: cosign has words of its own for RSA
  readonly parse: () => PrivateKey
}

/** Tries the key out, encodes it, and puts cosign's words before what was wrong. */
function encodeAs({ format, isRsa, parse }: Spelling, what: string): Pkcs8 {
  try {
    const key = parse()
    if (!isUsable(key)) throw new CountersignError('KEY_MALFORMED', `${what}: its signatures do not verify`)
    return encodePkcs8(key)
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.code === 'LIMIT_EXCEEDED') throw cause
    const problem = cause.message.slice(`${what}: `.length)
    const words = cause.code === 'KEY_UNSUPPORTED' && isRsa() ? 'error validating rsa key' : `error parsing ${format} private key`
    throw new CountersignError(cause.code, `${what}: ${words}: ${problem}`, { cause })
  }
}

/** Whether a signature by the key verifies; numbers that fit each other may still not be prime. */
function isUsable(key: PrivateKey): boolean {
  const [probe, hash] = [new Uint8Array(32), key.type === 'ed25519' ? null : 'sha256']
  const native = importPrivateKey(key)
  try {
    return verify(hash, probe, createPublicKey(native), sign(hash, probe, native))
  } catch {
    return false // OpenSSL checks its own result
  }
}

function encrypted(what: string, how: string): CountersignError {
  return keyUnsupported(what, `private key is encrypted (${how}), want a plain one`)
}
