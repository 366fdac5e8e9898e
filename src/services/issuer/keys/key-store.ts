import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError } from '../../../codec/error.ts'
import { parseJson, readArray, readAs, readBase64, readObjectOf, readSafeInteger } from '../../../codec/json.ts'
import { systemErrorCode } from '../../../codec/system-error.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import { decryptPrivateKey, encryptPrivateKey } from '../../../crypto/encrypted-key.ts'

/** A key of the issuer as it is kept. Times are milliseconds since 1970. */
export type StoredKey = {
  readonly pkcs8: Uint8Array // DER, secret
  readonly publishedMs: number
  readonly activeMs: number | undefined // since when it signs; undefined: it is the next
  readonly retiredMs: number | undefined // when it stopped
}

/** Where an issuer keeps its keys between restarts. */
export type IssuerKeyStore = {
  /** All keys of the last `save` that resolved; none where there was none. */
  readonly load: () => Promise<readonly StoredKey[]>
  /** Replaces all of them. Durable when it resolves; where it rejects, the next `load` gives the old ones or these, whole. */
  readonly save: (keys: readonly StoredKey[]) => Promise<void>
}

/** Keys that end with the process. */
export function memoryKeyStore(keys: readonly StoredKey[] = []): IssuerKeyStore {
  let kept = keys
  return {
    load: async () => kept,
    save: async changed => {
      kept = changed
    },
  }
}

const fileLimitBytes = 1 << 20

/**
 * Keys in one file, 0600, encrypted as cosign's private keys are.
 *
 * @param passphrase - the caller's; it is used at every `save`
 * @param firstKey - PKCS#8 DER of an RSA key, with which an issuer begins that has no file yet
 * @throws (from `load`) CountersignError `PASSPHRASE_WRONG`, `KEY_MALFORMED`, `CONFIGURATION_MALFORMED`, `FILE_UNREADABLE`; (from `save`)
 *   `FILE_UNWRITABLE`
 */
export function fileKeyStore(
  path: string,
  passphrase: Uint8Array,
  randomBytes: (length: number) => Uint8Array,
  firstKey?: Uint8Array,
): IssuerKeyStore {
  return {
    load: async () => {
      const sealed = await readSealed(path)
      if (!sealed) return firstKey ? [{ pkcs8: firstKey, publishedMs: 0, activeMs: undefined, retiredMs: undefined }] : []
      return parseStoredKeys(await decryptPrivateKey(sealed, passphrase, path), path)
    },
    save: async keys => {
      const sealed = await encryptPrivateKey(encodeKeys(keys), passphrase, randomBytes)
      const temporary = `${path}.new`
      try {
        const file = await open(temporary, 'w', 0o600)
        await file.writeFile(sealed)
        await file.sync().finally(() => file.close())
        await rename(temporary, path) // seen from here on
        const folder = await open(dirname(path), 'r')
        await folder.sync().finally(() => folder.close()) // durable from here on
      } catch (cause) {
        throw new CountersignError('FILE_UNWRITABLE', `${quote(path)} cannot be written`, { cause })
      }
    },
  }
}

async function readSealed(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)} cannot be read`, { cause })
  }
}

function encodeKeys(keys: readonly StoredKey[]): Uint8Array {
  const items = keys.map(({ pkcs8, ...times }) => ({ pkcs8: encodeBase64(pkcs8), ...times }))
  return encodeUtf8(JSON.stringify({ version: 1, keys: items }))
}

/**
 * Reads what such a file holds, once decrypted.
 *
 * @param what - begins every message
 * @throws CountersignError `CONFIGURATION_MALFORMED`, `STORE_TOO_NEW`
 */
export function parseStoredKeys(bytes: Uint8Array, what: string): readonly StoredKey[] {
  return readAs('CONFIGURATION_MALFORMED', what, () => {
    const document = readObjectOf(parseJson(bytes, what, { bytes: fileLimitBytes }), 'keys', ['version', 'keys'])
    const version = readSafeInteger(document['version'], 'version')
    if (version !== 1) throw new CountersignError('STORE_TOO_NEW', `${what}: want version 1, got ${version}`)
    return readArray(document['keys'], 'keys', 64, (item, at) => {
      const key = readObjectOf(item, at, ['pkcs8', 'publishedMs', 'activeMs', 'retiredMs'])
      const time = (name: string): number | undefined => (key[name] === undefined ? undefined : readSafeInteger(key[name], `${at}.${name}`))
      return {
        pkcs8: readBase64(key['pkcs8'], `${at}.pkcs8`),
        publishedMs: readSafeInteger(key['publishedMs'], `${at}.publishedMs`),
        activeMs: time('activeMs'),
        retiredMs: time('retiredMs'),
      }
    })
  })
}
