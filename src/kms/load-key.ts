import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { type DeriveKey, decryptPrivateKey } from '../crypto/encrypted-key.ts'
import { keyFileLimitBytes } from '../crypto/key-pem.ts'
import { type PublicKey, parsePublicKeyPem } from '../crypto/public-key.ts'
import { type Signer, signerFromPkcs8 } from '../crypto/signer.ts'
import { fetchFile } from './fetch-file.ts'
import { readGitlabVariable } from './forge/gitlab.ts'
import { secretNames } from './forge/secret-store.ts'
import { describeKeyReference, type KeyReference, parseKeyReference, type RemoteKeyReference } from './key-reference.ts'
import type { ProviderEffects } from './remote/key-effects.ts'
import { openRemoteKey } from './remote/open-remote-key.ts'
import { enabledPublicKeys, type RemoteKey, remoteSigner } from './remote/remote-key.ts'

/** What keys are read from. */
export type KeySources = ProviderEffects & {
  readonly deriveKey?: DeriveKey // in place of scrypt itself
  /** Reach for no key over a network. `fetch` must refuse too. */
  readonly offline?: boolean
}

/**
 * The public keys that a reference leads to: one, and of a key in a KMS, whose version is not pinned, those of all enabled versions, the
 * newest first.
 *
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, what `readKeyFile` throws, or what a `RemoteKey` does
 */
export async function loadPublicKeys(reference: string, sources: KeySources): Promise<readonly [PublicKey, ...PublicKey[]]> {
  const parsed = parseKeyReference(reference)
  if (parsed.kind === 'remote') return await withRemoteKey(parsed, sources, enabledPublicKeys)
  return [parsePublicKeyPem(await readKeyFile(parsed, 'public', sources), `key ${describeKeyReference(reference)}`)]
}

/** The key in a KMS or HSM that a reference leads to, for as long as `use` takes. */
export async function withRemoteKey<Result>(
  { scheme, text }: RemoteKeyReference,
  sources: KeySources,
  use: (key: RemoteKey) => Promise<Result>,
): Promise<Result> {
  const key = await openRemoteKey(scheme, text, sources, sources.offline)
  try {
    return await use(key)
  } finally {
    await key.close?.()
  }
}

/**
 * The signer that a reference leads to: a key in a KMS or HSM, or an encrypted private key. The passphrase of that is asked for once the
 * file has been read, unless it is kept beside the key; it and the decrypted key are zeroed after use.
 *
 * @throws CountersignError `PASSPHRASE_WRONG`, `KEY_MALFORMED`, `KEY_UNSUPPORTED`, what `readKeyFile` throws, or what `remoteSigner` does
 */
export async function loadSigner(reference: string, sources: KeySources, askPassphrase: () => Promise<Uint8Array>): Promise<Signer> {
  const parsed = parseKeyReference(reference)
  if (parsed.kind === 'remote') return await remoteSigner(await openRemoteKey(parsed.scheme, parsed.text, sources, sources.offline))
  const pem = await readKeyFile(parsed, 'private', sources)
  const what = `key ${describeKeyReference(reference)}`
  const passphrase = (await storedPassphrase(parsed, sources)) ?? (await askPassphrase())
  let pkcs8: Uint8Array | undefined
  try {
    pkcs8 = await decryptPrivateKey(pem, passphrase, what, sources.deriveKey)
    return signerFromPkcs8(pkcs8, what)
  } finally {
    passphrase.fill(0)
    pkcs8?.fill(0)
  }
}

/**
 * The bytes that a reference leads to, at most 64 KiB.
 *
 * @param half - of a key pair, where the reference leads to both
 * @throws CountersignError `KEY_NOT_FOUND`, `FILE_UNREADABLE`, `SERVICE_UNAVAILABLE` or `LIMIT_EXCEEDED`; of a forge also what
 *   `readGitlabVariable` throws
 */
export async function readKeyFile(
  reference: Exclude<KeyReference, RemoteKeyReference>,
  half: 'private' | 'public',
  sources: KeySources,
): Promise<Uint8Array> {
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
    case 'gitlab':
      return await readGitlabVariable(reference.project, half === 'private' ? secretNames.privateKey : secretNames.publicKey, sources)
    default:
      throw new TypeError(`unhandled key reference ${reference satisfies never}`)
  }
}

/** The passphrase that a forge keeps beside the key; nothing where there is none and somebody has to be asked. */
async function storedPassphrase(
  reference: Exclude<KeyReference, RemoteKeyReference>,
  sources: KeySources,
): Promise<Uint8Array | undefined> {
  if (reference.kind !== 'gitlab') return undefined
  try {
    return await readGitlabVariable(reference.project, secretNames.password, sources)
  } catch (error) {
    if (error instanceof CountersignError && error.code === 'KEY_NOT_FOUND') return undefined
    throw error
  }
}
