export { CountersignError, type ErrorCode, type ErrorKind, errorKinds } from './codec/error.ts'
export { decryptPrivateKey, encryptPrivateKey } from './crypto/encrypted-key.ts'
export type { Pkcs8 } from './crypto/pkcs8.ts'
export { generateEcdsaP256, parsePrivateKeyPem } from './crypto/private-key.ts'
export { type Signer, signerFromPkcs8 } from './crypto/signer.ts'
export { encodeEnvelopeBundle, encodeMessageBundle } from './sign/bundle.ts'
export {
  attachImageBundle,
  attachImagePayload,
  type ImageSignature,
  signImageBundle,
  signImagePayload,
} from './sign/image-signature.ts'
