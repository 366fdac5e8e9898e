import type { SignerFlags } from './signer-flags.ts'

/** Flags of who signs as they are where nobody gives them, for a command that has but the commonest of them. */
export const plainSignerFlags = {
  certificate: '',
  certificateChain: '',
  fulcioAuthFlow: '',
  fulcioUrl: 'https://fulcio.sigstore.dev',
  insecureSkipVerify: false,
  issueCertificate: false,
  oidcClientId: 'sigstore',
  oidcClientSecretFile: '',
  oidcIssuer: 'https://oauth2.sigstore.dev/auth',
  oidcRedirectUrl: '',
  outputCertificate: '',
  rekorUrl: 'https://rekor.sigstore.dev',
  timestampClientCacert: '',
  timestampClientCert: '',
  timestampClientKey: '',
  timestampServerName: '',
  timestampServerUrl: '',
  tlogUpload: true,
  useSigningConfig: true,
} as const satisfies Partial<SignerFlags>
