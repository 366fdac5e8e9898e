import type { FlagTable } from '../command.ts'

/** Keyless signing: identity tokens, Fulcio, the certificate it issues. */
const identityFlags = {
  'fulcio-auth-flow': {
    type: 'string',
    default: '',
    choices: ['normal', 'device', 'token', 'client_credentials'],
    placeholder: 'FLOW',
    help: 'how to log in for a certificate: normal, device, token or client_credentials',
  },
  'fulcio-url': {
    type: 'string',
    default: 'https://fulcio.sigstore.dev',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify a fulcio url; see `cosign signing-config --help`',
    help: 'Fulcio that issues the certificate',
  },
  'identity-token': {
    type: 'string',
    default: '',
    placeholder: 'TOKEN',
    help: 'identity token, or a file that holds one',
  },
  'insecure-skip-verify': {
    type: 'boolean',
    default: false,
    hidden: true,
    deprecated: 'use a certificate authority that has its certificates logged; verifiers want proof of it',
    help: 'sign although no certificate log has seen the certificate',
  },
  'issue-certificate': {
    type: 'boolean',
    default: false,
    hidden: true,
    deprecated: 'support for this flag will be removed in the future',
    help: 'ask Fulcio for a certificate although a key is given',
  },
  'oidc-client-id': { type: 'string', default: 'sigstore', placeholder: 'ID', help: 'OAuth client id' },
  'oidc-client-secret-file': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: 'file that holds the OAuth client secret',
  },
  'oidc-disable-ambient-providers': {
    type: 'boolean',
    default: false,
    help: 'do not take identity tokens from the CI system',
  },
  'oidc-issuer': {
    type: 'string',
    default: 'https://oauth2.sigstore.dev/auth',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify an OIDC issuer; see `cosign signing-config create --help`',
    help: 'OIDC issuer to log in at',
  },
  'oidc-provider': { type: 'string', default: '', placeholder: 'NAME', help: 'the CI system to take the token from' },
  'oidc-redirect-url': { type: 'string', default: '', placeholder: 'URL', help: 'OAuth redirect URL' },
} as const satisfies FlagTable

/** Certificates brought along by the signer. */
const certificateFlags = {
  certificate: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: 'PEM certificate of the key, to go with the signature',
  },
  'certificate-chain': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: 'PEM chain that the certificate must lead along, issuer first and root last',
  },
} as const satisfies FlagTable

const logFlags = {
  'rekor-url': {
    type: 'string',
    default: 'https://rekor.sigstore.dev',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify a rekor url; see `cosign signing-config --help`',
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
    help: 'PEM file of the CA that the TSA is to be verified by',
  },
  'timestamp-client-cert': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: 'PEM client certificate to show the TSA',
  },
  'timestamp-client-key': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: 'PEM private key of --timestamp-client-cert',
  },
  'timestamp-server-name': {
    type: 'string',
    default: '',
    placeholder: 'NAME',
    help: "host name the TSA's TLS certificate must bear",
  },
  'timestamp-server-url': {
    type: 'string',
    default: '',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use a signing config to specify a timestamp server url; see `cosign signing-config --help`',
    help: 'address of the timestamp authority',
  },
} as const satisfies FlagTable

const configFlags = {
  'signing-config': { type: 'string', default: '', placeholder: 'FILE', help: 'signing config: which services take part in signing' },
  'trusted-root': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
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
