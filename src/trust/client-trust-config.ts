import { decodeUtf8, encodeUtf8 } from '../codec/text.ts'
import { encodeSigningConfig, type SigningConfig } from './signing-config.ts'
import { encodeTrustedRoot, type TrustedRoot } from './trusted-root.ts'

const clientTrustConfigMediaType = 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json'

/**
 * All that a client needs of a Sigstore, to sign and to verify, as one JSON document of version 0.1: sigstore (Python) takes it by
 * `--trust-config`. Source: protobuf-specs `sigstore_trustroot.proto` (ClientTrustConfig).
 */
export function encodeClientTrustConfig(root: Omit<TrustedRoot, 'unusable'>, config: SigningConfig): Uint8Array {
  const trustedRoot = decodeUtf8(encodeTrustedRoot(root), 'trusted root')
  const signingConfig = decodeUtf8(encodeSigningConfig(config), 'signing config')
  return encodeUtf8(
    `{"mediaType":${JSON.stringify(clientTrustConfigMediaType)},"trustedRoot":${trustedRoot},"signingConfig":${signingConfig}}`,
  )
}
