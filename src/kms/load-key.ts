import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { type DeriveKey, decryptPrivateKey } from '../crypto/encrypted-key.ts'
import { keyFileLimitBytes } from '../crypto/key-pem.ts'
import { type PublicKey, parsePublicKeyPem } from '../crypto/public-key.ts'
import { type Signer, signerFromPkcs8 } from '../crypto/signer.ts'
import { checkDistinct, type KeySet, type KeySetEntry, looksLikeKeySet, parseKeySet, type TrustedKey } from '../trust/key-set.ts'
import { fetchFile } from './fetch-file.ts'
import { type GitlabProject, readGitlabVariable } from './forge/gitlab.ts'
import { secretNames } from './forge/secret-store.ts'
import { describeKeyReference, type KeyReference, parseKeyReference, type RemoteKeyReference } from './key-reference.ts'
import { readKeyPairSecret, secretMembers } from './kubernetes/key-pair-secret.ts'
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
 * The public keys that a reference leads to: one; of a key in a KMS, whose version is not pinned, those of all enabled versions, the newest
 * first; of a key set those of all its entries, each with the time in which it is valid.
 *
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, what `readKeyFile` throws, or what a `RemoteKey` does
 */
export async function loadPublicKeys(reference: string, sources: KeySources): Promise<readonly [TrustedKey, ...TrustedKey[]]> {
  const found = await readPublicKeys(reference, sources)
  return found.kind === 'set' ? await loadKeySet(found, sources) : await keysOf(found, sources)
}

/** What a reference to public keys leads to. */
export type FoundKeys = Single | FoundSet
type Single = { readonly kind: 'remote'; readonly reference: RemoteKeyReference } | { readonly kind: 'key'; readonly key: PublicKey }
type FoundSet = { readonly kind: 'set'; readonly set: KeySet; readonly what: string }

/** Reads what a reference leads to; a KMS or HSM is not asked yet. @throws CountersignError as `loadPublicKeys` */
export async function readPublicKeys(reference: string, sources: KeySources): Promise<FoundKeys> {
  const parsed = parseKeyReference(reference)
  if (parsed.kind === 'remote') return { kind: 'remote', reference: parsed }
  const what = `key ${describeKeyReference(reference)}`
  const bytes = await readKeyFile(parsed, 'public', sources)
  if (!looksLikeKeySet(bytes)) return { kind: 'key', key: parsePublicKeyPem(bytes, what) }
  const set = parseKeySet(bytes, what)
  const referring = set.findIndex(entry => entry.kind === 'reference')
  if (referring >= 0 && parsed.kind !== 'file' && parsed.kind !== 'environment')
    throw new CountersignError(
      // it would choose what is read here, and a token's reference names a library to load
      'KEY_MALFORMED',
      `${what}: keys[${referring}]: want publicKey in a key set that comes over the network, got ref`,
    )
  return { kind: 'set', set, what }
}

/** Reads what an entry of a key set leads to. @throws CountersignError as `loadPublicKeys`; `KEY_MALFORMED` for another key set */
export async function readSetEntry(entry: KeySetEntry, what: string, sources: KeySources): Promise<Single> {
  if (entry.kind === 'key') return { kind: 'key', key: entry.key }
  const found = await readPublicKeys(entry.reference, sources)
  if (found.kind === 'set') throw new CountersignError('KEY_MALFORMED', `${what}: want a key, got a key set within a key set`)
  return found
}

async function keysOf(found: Single, sources: KeySources): Promise<readonly [PublicKey, ...PublicKey[]]> {
  return found.kind === 'key' ? [found.key] : await withRemoteKey(found.reference, sources, enabledPublicKeys)
}

async function loadKeySet({ set, what }: FoundSet, sources: KeySources): Promise<readonly [TrustedKey, ...TrustedKey[]]> {
  const loaded: { own: readonly [PublicKey, ...PublicKey[]]; facts: Pick<TrustedKey, 'name' | 'validFor'> }[] = []
  for (const [index, entry] of set.entries()) {
    const at = `${what}: keys[${index}]`
    const { name, validFor } = entry
    const facts = { ...(name !== undefined && { name }), ...(validFor && { validFor }) }
    loaded.push({ own: await keysOf(await readSetEntry(entry, at, sources), sources), facts })
  }
  checkDistinct(
    loaded.map(({ own }) => own),
    what,
  )
  const [first, ...others] = loaded.flatMap(({ own, facts }) => own.map(key => ({ ...key, ...facts })))
  return [first!, ...others]
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
  if (parsed.kind === 'remote') {
    const key = await openRemoteKey(parsed.scheme, parsed.text, sources, sources.offline)
    if (key.close) sources.atEnd?.(key.close)
    return await remoteSigner(key)
  }
  const stored = await readPrivateKey(parsed, sources)
  const what = `key ${describeKeyReference(reference)}`
  const passphrase = stored.passphrase ?? (await askPassphrase())
  let pkcs8: Uint8Array | undefined
  try {
    pkcs8 = await decryptPrivateKey(stored.pem, passphrase, what, sources.deriveKey)
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
 *   `readGitlabVariable` throws, of a cluster what `readKeyPairSecret` does
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
    case 'kubernetes':
      return (await readKeyPairSecret(reference.secret, sources, sources.offline)).must(
        half === 'private' ? secretMembers.privateKey : secretMembers.publicKey,
      )
    default:
      throw new TypeError(`unhandled key reference ${reference satisfies never}`)
  }
}

/** An encrypted private key, and the passphrase that is kept beside it; none where there is none and somebody has to be asked. */
async function readPrivateKey(
  reference: Exclude<KeyReference, RemoteKeyReference>,
  sources: KeySources,
): Promise<{ readonly pem: Uint8Array; readonly passphrase: Uint8Array | undefined }> {
  if (reference.kind === 'kubernetes') {
    const secret = await readKeyPairSecret(reference.secret, sources, sources.offline)
    return { pem: secret.must(secretMembers.privateKey), passphrase: secret.password }
  }
  const pem = await readKeyFile(reference, 'private', sources)
  return { pem, passphrase: reference.kind === 'gitlab' ? await passphraseInGitlab(reference.project, sources) : undefined }
}

async function passphraseInGitlab(project: GitlabProject, sources: KeySources): Promise<Uint8Array | undefined> {
  try {
    return await readGitlabVariable(project, secretNames.password, sources)
  } catch (error) {
    if (error instanceof CountersignError && error.code === 'KEY_NOT_FOUND') return undefined
    throw error
  }
}
