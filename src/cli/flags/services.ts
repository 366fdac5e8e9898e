import type { FlagTable } from '../command.ts'

const keyless = 'signing without a key (keyless) is not supported yet; sign with --key'
const timestamps = 'timestamp authorities are not supported yet; leave the flag out, a key signature needs no timestamp'

/** Keyless signing: identity tokens, Fulcio, the certificate it issues. */
const identityFlags = {
  'fulcio-auth-flow': {
    type: 'string',
    default: '',
    placeholder: 'FLOW',
    refused: keyless,
    help: 'how to log in for a certificate: normal, device, token or client_credentials',
  },
  'fulcio-url': {
    type: 'string',
    default: 'https://fulcio.sigstore.dev',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify a fulcio url; see `cosign signing-config --help`',
    refused: keyless,
    help: 'Fulcio that issues the certificate',
  },
  'identity-token': {
    type: 'string',
    default: '',
    placeholder: 'TOKEN',
    refused: keyless,
    help: 'identity token, or a file that holds one',
  },
  'insecure-skip-verify': {
    type: 'boolean',
    default: false,
    hidden: true,
    deprecated: 'SCT verification is no longer performed during signing/attestation.',
    effectless: 'signing checks no certificate timestamps',
    help: 'no effect; cosign 2 skipped a check',
  },
  'issue-certificate': {
    type: 'boolean',
    default: false,
    hidden: true,
    deprecated: 'support for this flag will be removed in the future',
    refused: 'certificates from Fulcio are not supported yet; leave the flag out to sign with the key alone',
    help: 'ask Fulcio for a certificate although a key is given',
  },
  'oidc-client-id': { type: 'string', default: 'sigstore', placeholder: 'ID', refused: keyless, help: 'OAuth client id' },
  'oidc-client-secret-file': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    refused: keyless,
    help: 'file that holds the OAuth client secret',
  },
  'oidc-disable-ambient-providers': {
    type: 'boolean',
    default: false,
    refused: keyless,
    help: 'do not take identity tokens from the CI system',
  },
  'oidc-issuer': {
    type: 'string',
    default: 'https://oauth2.sigstore.dev/auth',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify an OIDC issuer; see `cosign signing-config create --help`',
    refused: keyless,
    help: 'OIDC issuer to log in at',
  },
  'oidc-provider': { type: 'string', default: '', placeholder: 'NAME', refused: keyless, help: 'the CI system to take the token from' },
  'oidc-redirect-url': { type: 'string', default: '', placeholder: 'URL', refused: keyless, help: 'OAuth redirect URL' },
} as const satisfies FlagTable

/** Certificates brought along by the signer. */
const certificateFlags = {
  certificate: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    refused: 'attaching certificates is not supported yet; leave the flag out to sign with the key alone',
    help: 'PEM certificate of the signing key',
  },
  'certificate-chain': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    refused: 'attaching certificates is not supported yet; leave the flag out to sign with the key alone',
    help: 'PEM chain of the certificate, issuer first and root last',
  },
} as const satisfies FlagTable

const logFlags = {
  'rekor-url': {
    type: 'string',
    default: 'https://rekor.sigstore.dev',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify a rekor url; see `cosign signing-config --help`',
    refused:
      'transparency logs are not supported yet; leave the flag out and sign with --tlog-upload=false --use-signing-config=false, or with a --signing-config that names no log',
    help: 'Rekor to record the signature in',
  },
  'tlog-upload': {
    type: 'boolean',
    default: true,
    hidden: true,
    deprecated: 'prefer using a --signing-config file with no transparency log services',
    help: 'record the signature in a transparency log',
  },
} as const satisfies FlagTable

const timestampFlags = {
  'timestamp-client-cacert': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    refused: timestamps,
    help: 'PEM file of the CA that the TSA is to be verified by',
  },
  'timestamp-client-cert': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    refused: timestamps,
    help: 'PEM client certificate to show the TSA',
  },
  'timestamp-client-key': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    refused: timestamps,
    help: 'PEM private key of --timestamp-client-cert',
  },
  'timestamp-server-name': {
    type: 'string',
    default: '',
    placeholder: 'NAME',
    refused: timestamps,
    help: "host name the TSA's TLS certificate must bear",
  },
  'timestamp-server-url': {
    type: 'string',
    default: '',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify a timestamp server url; see `cosign signing-config --help`',
    refused: timestamps,
    help: 'address of the timestamp authority',
  },
} as const satisfies FlagTable

const configFlags = {
  'signing-config': { type: 'string', default: '', placeholder: 'FILE', help: 'signing config: which services take part in signing' },
  'trusted-root': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    refused:
      'signing with certificates, logs or timestamps is not supported yet, so there is nothing that a trusted root could check; leave the flag out',
    help: 'trusted root that the new signature is checked against',
  },
  'use-signing-config': { type: 'boolean', default: true, help: 'take the services from the signing config that TUF distributes' },
} as const satisfies FlagTable

/** Everything about the services that take part in signing. */
export const signingServiceFlags = {
  ...identityFlags,
  ...certificateFlags,
  ...logFlags,
  ...timestampFlags,
  ...configFlags,
} as const satisfies FlagTable
