import { CountersignError } from '../../../codec/error.ts'
import type { KeyAlgorithm } from '../../../crypto/public-key.ts'
import type { Signer } from '../../../crypto/signer.ts'
import { describeKeyReference } from '../../../kms/key-reference.ts'

/** Kinds of keys that each of these may be, the likeliest first. RFC 6962 has P-256 and RSA for certificate logs; witnesses want Ed25519. */
const kinds = {
  authority: ['ecdsa-p256', 'ecdsa-p384'],
  'ct-log': ['ecdsa-p256'],
  'rekor-v1': ['ecdsa-p256'],
  'rekor-v2': ['ed25519', 'ecdsa-p256'],
  timestamps: ['ecdsa-p256', 'ecdsa-p384'],
} as const satisfies Readonly<Record<string, readonly KeyAlgorithm[]>>

export type RemoteKeyName = keyof typeof kinds

/** Keys of a stack that may stay in a KMS or an HSM. Those of its TUF repository do not: what they sign is small, and published by anybody. */
export const remoteKeyNames = Object.keys(kinds) as readonly RemoteKeyName[]

/** References, by the names of the keys. */
export type RemoteKeys = { readonly [Name in RemoteKeyName]?: string }

/** Opens a key in a KMS or an HSM for as long as the stack runs. @throws CountersignError what `remoteSigner` throws */
export type LoadRemoteKey = (reference: string) => Promise<Signer>

/** The signers of all keys that stay elsewhere. @throws CountersignError what `openRemoteKey` throws */
export async function openRemoteKeys(keys: RemoteKeys, load?: LoadRemoteKey): Promise<Partial<Record<RemoteKeyName, Signer>>> {
  const opened = await Promise.all(remoteKeyNames.map(async name => [name, await openRemoteKey(name, keys, load)] as const))
  return Object.fromEntries(opened.filter(([, signer]) => signer !== undefined))
}

/**
 * The signer of one of them; nothing where it is a file.
 *
 * @param load - refuses everything unless told
 * @throws CountersignError `KEY_UNSUPPORTED` for a kind that this one cannot be; what `load` throws
 */
export async function openRemoteKey(name: RemoteKeyName, keys: RemoteKeys, load: LoadRemoteKey = noKeys): Promise<Signer | undefined> {
  const reference = keys[name]
  if (reference === undefined) return undefined
  const signer = await load(reference)
  const wanted: readonly KeyAlgorithm[] = kinds[name]
  if (wanted.includes(signer.publicKey.algorithm)) return signer
  throw new CountersignError(
    'KEY_UNSUPPORTED',
    `keys.${name}: want ${wanted.join(' or ')}, got ${signer.publicKey.algorithm} at ${describeKeyReference(reference)}`,
  )
}

async function noKeys(reference: string): Promise<Signer> {
  throw new CountersignError('CAPABILITY_MISSING', `${describeKeyReference(reference)}: no key in a KMS or HSM can be opened here`)
}
