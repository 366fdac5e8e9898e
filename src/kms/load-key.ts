import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { Fetch } from '../codec/world.ts'
import { decryptPrivateKey } from '../crypto/encrypted-key.ts'
import { keyFileLimitBytes } from '../crypto/key-pem.ts'
import { type PublicKey, parsePublicKeyPem } from '../crypto/public-key.ts'
import { type Signer, signerFromPkcs8 } from '../crypto/signer.ts'
import { fetchFile } from './fetch-file.ts'
import { describeKeyReference, type KeyReference, parseKeyReference } from './key-reference.ts'

/** What keys are read from. */
export type KeySources = {
  readonly readFile: (path: string, limitBytes: number) => Promise<Uint8Array>
  readonly environment: ReadonlyMap<string, string>
  readonly fetch: Fetch
  readonly signal: AbortSignal
}

/**
 * The public key that a reference leads to.
 *
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, or what `readKeyFile` throws
 */
export async function loadPublicKey(reference: string, sources: KeySources): Promise<PublicKey> {
  return parsePublicKeyPem(await readKeyFile(parseKeyReference(reference), sources), `key ${describeKeyReference(reference)}`)
}

/**
 * The signer that a reference to an encrypted private key leads to. The passphrase is asked for once the file has been
 * read; it and the decrypted key are zeroed after use.
 *
 * @throws CountersignError `PASSPHRASE_WRONG`, `KEY_MALFORMED`, `KEY_UNSUPPORTED`, or what `readKeyFile` throws
 */
export async function loadSigner(reference: string, sources: KeySources, askPassphrase: () => Promise<Uint8Array>): Promise<Signer> {
  const pem = await readKeyFile(parseKeyReference(reference), sources)
  const what = `key ${describeKeyReference(reference)}`
  const passphrase = await askPassphrase()
  let pkcs8: Uint8Array | undefined
  try {
    pkcs8 = await decryptPrivateKey(pem, passphrase, what)
    return signerFromPkcs8(pkcs8, what)
  } finally {
    passphrase.fill(0)
    pkcs8?.fill(0)
  }
}

/**
 * The bytes that a reference leads to, at most 64 KiB.
 *
 * @throws CountersignError `KEY_NOT_FOUND`, `FILE_UNREADABLE`, `SERVICE_UNAVAILABLE` or `LIMIT_EXCEEDED`
 */
export async function readKeyFile(reference: KeyReference, sources: KeySources): Promise<Uint8Array> {
  switch (reference.kind) {
    case 'file':
      return await sources.readFile(reference.path, keyFileLimitBytes)
    case 'environment': {
      const value = sources.environment.get(reference.name)
      if (value === undefined) throw new CountersignError('KEY_NOT_FOUND', `loading URL: env var $${reference.name} not found`)
      return encodeUtf8(value)
    }
    case 'url':
      return await fetchFile(reference.url, sources, keyFileLimitBytes)
    default:
      throw new TypeError(`unhandled key reference ${reference satisfies never}`)
  }
}
