import { scrypt } from 'node:crypto'
import { encodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { parseJson, readAs, readBase64, readObjectOf, readSafeInteger, readString } from '../codec/json.ts'
import { encodePem } from '../codec/pem.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { keyMalformed, keyUnsupported } from './key-error.ts'
import { keyFileLimitBytes, parseKeyPem } from './key-pem.ts'

const label = 'ENCRYPTED SIGSTORE PRIVATE KEY'
const readLabels = [label, 'ENCRYPTED COSIGN PRIVATE KEY']

const writtenCost = 65_536
const readCosts = [32_768, 65_536, 131_072]
const [blockSize, parallelization] = [8, 1]

const [saltLength, nonceLength, tagLength] = [32, 24, 16]

/**
 * Encrypts a private key the way cosign does: scrypt (N = 65536, r = 8, p = 1) and NaCl secretbox, JSON in PEM, byte for byte its format.
 *
 * @param pkcs8 - secret; the caller's to zero
 * @param passphrase - may be empty; the caller's to zero
 * @param random - gives the salt (32 bytes), then the nonce (24 bytes)
 * @see formats-and-flows §1.1
 */
export async function encryptPrivateKey(
  pkcs8: Uint8Array,
  passphrase: Uint8Array,
  random: (length: number) => Uint8Array,
  derive: DeriveKey = deriveKey,
): Promise<string> {
  const [salt, nonce] = [random(saltLength), random(nonceLength)]
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js')
  const key = await derive(passphrase, salt, writtenCost)
  const ciphertext = xsalsa20poly1305(key, nonce).encrypt(pkcs8)
  key.fill(0)
  const file = {
    kdf: { name: 'scrypt', params: { N: writtenCost, r: blockSize, p: parallelization }, salt: encodeBase64(salt) },
    cipher: { name: 'nacl/secretbox', nonce: encodeBase64(nonce) },
    ciphertext: encodeBase64(ciphertext),
  }
  return encodePem(label, encodeUtf8(JSON.stringify(file)))
}

/**
 * Decrypts a cosign private key file. What comes back is as yet unread: whoever knows the passphrase chose it.
 *
 * @param pem - the file; both labels cosign ever wrote are read
 * @param what - begins every message: `cosign.key`
 * @returns PKCS#8 DER, secret; the caller's to zero
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED` for another PEM type, cipher or cost, `PASSPHRASE_WRONG`, `LIMIT_EXCEEDED`
 */
export async function decryptPrivateKey(
  pem: Uint8Array,
  passphrase: Uint8Array,
  what: string,
  derive: DeriveKey = deriveKey,
): Promise<Uint8Array> {
  const { cost, salt, nonce, ciphertext } = parseKeyFile(pem, what)
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js')
  const key = await derive(passphrase, salt, cost)
  try {
    return xsalsa20poly1305(key, nonce).decrypt(ciphertext)
  } catch {
    throw new CountersignError('PASSPHRASE_WRONG', `${what}: decrypt: encrypted: decryption failed`)
  } finally {
    key.fill(0)
  }
}

type KeyFile = {
  readonly cost: number // scrypt's N
  readonly salt: Uint8Array
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array // Poly1305 tag first
}

function parseKeyFile(pem: Uint8Array, what: string): KeyFile {
  const block = parseKeyPem(pem, what)
  if (!readLabels.includes(block.label)) throw keyUnsupported(what, `unsupported pem type: ${block.label.slice(0, 80)}`)
  const file = readAs('KEY_MALFORMED', what, () => readKeyFile(parseJson(block.bytes, what, { bytes: keyFileLimitBytes, depth: 4 })))
  const { kdf, cipher, cost, r, p, salt, nonce, ciphertext } = file
  if (kdf !== 'scrypt') throw keyUnsupported(what, `decrypt: unknown key derivation ${quote(kdf)}, want "scrypt"`)
  if (cipher !== 'nacl/secretbox') throw keyUnsupported(what, `decrypt: unknown cipher ${quote(cipher)}, want "nacl/secretbox"`)
  if (!readCosts.includes(cost) || r !== blockSize || p !== parallelization)
    throw keyUnsupported(what, `decrypt: unsupported scrypt parameters: N=${cost}, r=${r}, p=${p}`)
  if (salt.length !== saltLength) throw keyMalformed(what, `kdf.salt: want ${saltLength} bytes, got ${salt.length}`)
  if (nonce.length !== nonceLength) throw keyMalformed(what, `cipher.nonce: want ${nonceLength} bytes, got ${nonce.length}`)
  if (ciphertext.length <= tagLength) throw keyMalformed(what, `ciphertext: want more than ${tagLength} bytes, got ${ciphertext.length}`)
  return { cost, salt, nonce, ciphertext }
}

function readKeyFile(value: unknown) {
  const file = readObjectOf(value, 'key file', ['kdf', 'cipher', 'ciphertext'])
  const kdf = readObjectOf(file['kdf'], 'kdf', ['name', 'params', 'salt'])
  const params = readObjectOf(kdf['params'], 'kdf.params', ['N', 'r', 'p'])
  const cipher = readObjectOf(file['cipher'], 'cipher', ['name', 'nonce'])
  return {
    kdf: readString(kdf['name'], 'kdf.name'),
    cost: readSafeInteger(params['N'], 'kdf.params.N'),
    r: readSafeInteger(params['r'], 'kdf.params.r'),
    p: readSafeInteger(params['p'], 'kdf.params.p'),
    salt: readBase64(kdf['salt'], 'kdf.salt'),
    cipher: readString(cipher['name'], 'cipher.name'),
    nonce: readBase64(cipher['nonce'], 'cipher.nonce'),
    ciphertext: readBase64(file['ciphertext'], 'ciphertext'),
  }
}

/** scrypt with r = 8 and p = 1 to 32 bytes, which are the caller's to zero; `cost` is its N. */
export type DeriveKey = (passphrase: Uint8Array, salt: Uint8Array, cost: number) => Promise<Uint8Array>

/** scrypt in the runtime's thread pool: a tenth of a second and 32 MiB at the lowest cost. */
export const deriveKey: DeriveKey = (passphrase, salt, cost) => {
  const memory = 128 * blockSize * (cost + parallelization + 2) // what scrypt needs; the runtime refuses above 32 MiB unless told
  return new Promise((resolve, reject) =>
    scrypt(passphrase, salt, 32, { N: cost, r: blockSize, p: parallelization, maxmem: memory }, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  )
}
