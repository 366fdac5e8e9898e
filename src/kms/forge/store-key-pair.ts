import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type SecretName, type SecretStore, secretNames } from './secret-store.ts'

/** A new key pair as cosign keeps it; the passphrase is the caller's to zero. */
export type StoredKeyPair = {
  readonly passphrase: Uint8Array
  readonly privateKey: string // PEM, encrypted
  readonly publicKey: string // PEM
}

export type StoreOptions = {
  readonly existing: ReadonlySet<SecretName> // as `existingSecrets` found them
  /** Keeps the public key on the disk too, before the private key leaves this process. */
  readonly keepPublicKey: (pem: string) => Promise<void>
  readonly tell: (line: string) => void
}

/**
 * Which secrets of an earlier key pair are there.
 *
 * @throws CountersignError `KEY_EXISTS` when a private key is among them: it is nowhere else, and is not written over
 */
export async function existingSecrets(store: SecretStore): Promise<ReadonlySet<SecretName>> {
  const existing = new Set<SecretName>()
  for (const name of Object.values(secretNames)) if (await store.has(name)) existing.add(name)
  if (existing.has(secretNames.privateKey))
    throw new CountersignError(
      'KEY_EXISTS',
      `${store.name} has a ${store.kind} ${secretNames.privateKey}: it may be the only copy of that key`,
    )
  return existing
}

/**
 * Writes a key pair, passphrase first: whenever the private key is there, so are its passphrase and, on the disk, its public key.
 *
 * @throws CountersignError of the write that failed, saying what is there by then
 */
export async function storeKeyPair(store: SecretStore, pair: StoredKeyPair, options: StoreOptions): Promise<void> {
  const { password, privateKey, publicKey } = secretNames
  const put = async (what: string, name: SecretName, value: Uint8Array, state: string) => {
    try {
      const { note } = await store.put(name, value, options.existing.has(name))
      options.tell(`${what} written to ${quote(name)} ${store.kind}`)
      if (note !== undefined) options.tell(`${name}: ${note}`)
    } catch (error) {
      if (!(error instanceof CountersignError)) throw error
      const doubt = error.kind === 'unavailable' ? `; whether ${name} is there is not known` : ''
      throw new CountersignError(error.code, `could not write ${quote(name)} ${store.kind}: ${error.message}${doubt}; ${state}`, {
        cause: error,
      })
    }
  }
  await put('Password', password, pair.passphrase, 'nothing else was written, and no key')
  await options.keepPublicKey(pair.publicKey)
  const keyLost = `${password} was written; unless ${privateKey} is there, no key was, and generating again replaces what is`
  await put('Private key', privateKey, encodeUtf8(pair.privateKey), keyLost)
  const complete = `the key pair is complete without it: ${password} and ${privateKey} were written, and the public key to the disk`
  await put('Public key', publicKey, encodeUtf8(pair.publicKey), complete)
}
