import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readAs, readObject, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { keyFileLimitBytes } from '../../crypto/key-pem.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { createClusterApi } from './cluster-api.ts'
import type { SecretReference } from './secret-reference.ts'

/** Names under which cosign keeps a key pair in a Secret. */
export const secretMembers = { password: 'cosign.password', privateKey: 'cosign.key', publicKey: 'cosign.pub' } as const

export type SecretMember = (typeof secretMembers)[keyof typeof secretMembers]

/** A Secret as it was read: what it holds of a key pair, and what says that it is still the same when it is written. */
export type KeyPairSecret = {
  /** One part. @throws CountersignError `KEY_NOT_FOUND` where it is not there */
  readonly must: (member: SecretMember) => Uint8Array
  readonly has: (member: SecretMember) => boolean
  readonly password: Uint8Array | undefined
  readonly isImmutable: boolean
  readonly version: JsonObject // `uid` and `resourceVersion`
}

/**
 * Reads a Secret by one request: all parts of a key pair come from one moment.
 *
 * @throws CountersignError `KEY_NOT_FOUND`, `KMS_RESPONSE_MALFORMED`, `LIMIT_EXCEEDED` past 64 KiB for a part; what `createClusterApi` does;
 *   `KMS_UNAVAILABLE` offline
 */
export async function readKeyPairSecret(reference: SecretReference, effects: ProviderEffects, offline = false): Promise<KeyPairSecret> {
  const found = await findKeyPairSecret(reference, effects, offline)
  if (!found) throw new CountersignError('KEY_NOT_FOUND', `${describeSecret(reference)}: no such Secret`)
  return found
}

/** The same; nothing where there is no such Secret. */
export async function findKeyPairSecret(
  reference: SecretReference,
  effects: ProviderEffects,
  offline = false,
): Promise<KeyPairSecret | undefined> {
  const what = describeSecret(reference)
  if (offline) throw new CountersignError('KMS_UNAVAILABLE', `offline: want no network, but the key is in ${what}`)
  const object = await createClusterApi(what, effects).get(pathOf(reference))
  return object && readAs('KMS_RESPONSE_MALFORMED', what, () => parseSecret(object, reference, what))
}

/**
 * Makes the Secret with a key pair in it, or puts the key pair beside what it holds: whole or not at all. A new one is immutable, as cosign
 * makes it, so that nobody can put another key in its place; of one that is there nothing else is changed, which cosign would drop.
 *
 * @param found - as `findKeyPairSecret` found it, without a private key
 * @throws CountersignError `KEY_EXISTS` for one that somebody else made meanwhile, `KMS_DENIED` for an immutable one; what `createClusterApi` does
 */
export async function writeKeyPairSecret(
  reference: SecretReference,
  pair: { readonly passphrase: Uint8Array; readonly privateKey: string; readonly publicKey: string },
  found: KeyPairSecret | undefined,
  effects: ProviderEffects,
): Promise<void> {
  const what = describeSecret(reference)
  const password = encodeBase64(pair.passphrase)
  const data = {
    [secretMembers.privateKey]: encodeBase64(encodeUtf8(pair.privateKey)),
    [secretMembers.publicKey]: encodeBase64(encodeUtf8(pair.publicKey)),
    [secretMembers.password]: password,
  }
  const api = createClusterApi(what, effects, [password, new TextDecoder().decode(pair.passphrase), data[secretMembers.privateKey]!])
  if (found?.isImmutable) throw immutable(what)
  const { namespace, name } = reference
  const written = found
    ? await api.merge(pathOf(reference), { metadata: found.version, data })
    : await api.create(`/api/v1/namespaces/${namespace}/secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace },
        immutable: true,
        data,
      })
  const kept = readAs('KMS_RESPONSE_MALFORMED', what, () => parseSecret(written, reference, what))
  for (const member of Object.values(secretMembers))
    if (!kept.has(member) || encodeBase64(kept.must(member)) !== data[member])
      throw new CountersignError(
        'KMS_RESPONSE_MALFORMED',
        `${what}: want ${member} as it was sent, got another: admission in the cluster alters it`,
      )
}

/** @throws CountersignError `KMS_DENIED` for a Secret that takes nothing more, `KEY_EXISTS` for one that holds a private key */
export function checkTakesKeyPair(reference: SecretReference, found: KeyPairSecret): void {
  const what = describeSecret(reference)
  if (found.has(secretMembers.privateKey))
    throw new CountersignError('KEY_EXISTS', `${what} has ${secretMembers.privateKey}: it may be the only copy of that key`)
  if (found.isImmutable) throw immutable(what)
}

/** As messages name it. */
export function describeSecret({ namespace, name }: SecretReference): string {
  return `Secret ${quote(name)} in namespace ${quote(namespace)}`
}

function immutable(what: string): CountersignError {
  return new CountersignError('KMS_DENIED', `${what} is immutable: it takes no key pair; name another, or delete it`)
}

function pathOf({ namespace, name }: SecretReference): string {
  return `/api/v1/namespaces/${namespace}/secrets/${name}`
}

/** Other members than those of a key pair, and fields that say who wrote it, are others' affair. @see k8s.io/api/core/v1 Secret */
function parseSecret(object: JsonObject, { namespace, name }: SecretReference, what: string): KeyPairSecret {
  const metadata = readObject(object['metadata'], `${what}: metadata`)
  const is = [object['apiVersion'], object['kind'], metadata['namespace'], metadata['name']].map(String).join(' ')
  if (is !== `v1 Secret ${namespace} ${name}`)
    throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want that Secret, got ${quote(is)}`)
  const data = object['data'] == null ? {} : readObject(object['data'], `${what}: data`)
  const members = new Map<SecretMember, Uint8Array>()
  for (const member of Object.values(secretMembers)) {
    if (!Object.hasOwn(data, member)) continue
    const value = data[member]
    if (typeof value !== 'string')
      throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: ${member}: want base64, got something else`)
    const bytes = decodeBase64(value, `${what}: ${member}`)
    if (bytes.length > keyFileLimitBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: ${member}: want at most ${keyFileLimitBytes} bytes, got ${bytes.length}`)
    members.set(member, bytes)
  }
  const { uid, resourceVersion } = metadata
  return {
    must: member => {
      const bytes = members.get(member)
      if (!bytes) throw new CountersignError('KEY_NOT_FOUND', `${what} has no ${member}`)
      return bytes
    },
    has: member => members.has(member),
    password: members.get(secretMembers.password),
    isImmutable: object['immutable'] === true,
    version: { uid: readString(uid, `${what}: uid`), resourceVersion: readString(resourceVersion, `${what}: resourceVersion`) },
  }
}
