export { CountersignError, type ErrorCode, type ErrorKind, errorKinds } from './codec/error.ts'
export type { World } from './codec/world.ts'
export type { PublicKey } from './crypto/public-key.ts'
export type { Signer } from './crypto/signer.ts'
export { describeKeyReference, type KeyReference, parseKeyReference, type RemoteKeyReference } from './kms/key-reference.ts'
export { type KeySources, loadPublicKeys, loadSigner, withRemoteKey } from './kms/load-key.ts'
export { machineKeySources } from './kms/machine-key-sources.ts'
export {
  type CreatedKey,
  enabledPublicKeys,
  type KeyState,
  type KeyVersion,
  type RemoteKey,
  remoteSigner,
  type SigningVersion,
} from './kms/remote/remote-key.ts'
