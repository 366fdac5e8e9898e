import type { FlagTable } from '../command.ts'

const certificates = 'verifying certificates is not supported yet; verify with --key'
const caDeprecated = 'please use --trusted-root to provide CA certificates'

/** Who must have signed, when a certificate says so. */
const identityFlags = {
  'certificate-github-workflow-name': {
    type: 'string',
    default: '',
    placeholder: 'NAME',
    refused: certificates,
    help: 'workflow name the certificate must state',
  },
  'certificate-github-workflow-ref': {
    type: 'string',
    default: '',
    placeholder: 'REF',
    refused: certificates,
    help: 'git reference the certificate must state',
  },
  'certificate-github-workflow-repository': {
    type: 'string',
    default: '',
    placeholder: 'REPOSITORY',
    refused: certificates,
    help: 'repository the certificate must state',
  },
  'certificate-github-workflow-sha': {
    type: 'string',
    default: '',
    placeholder: 'SHA',
    refused: certificates,
    help: 'commit the certificate must state',
  },
  'certificate-github-workflow-trigger': {
    type: 'string',
    default: '',
    placeholder: 'EVENT',
    refused: certificates,
    help: 'trigger the certificate must state',
  },
  'certificate-identity': {
    type: 'string',
    default: '',
    placeholder: 'IDENTITY',
    refused: certificates,
    help: 'identity the certificate must be for, exactly',
  },
  'certificate-identity-regexp': {
    type: 'string',
    default: '',
    placeholder: 'RE2',
    refused: certificates,
    help: 'pattern that the identity must match',
  },
  'certificate-oidc-issuer': {
    type: 'string',
    default: '',
    placeholder: 'URL',
    refused: certificates,
    help: 'issuer that must have vouched for the identity, exactly',
  },
  'certificate-oidc-issuer-regexp': {
    type: 'string',
    default: '',
    placeholder: 'RE2',
    refused: certificates,
    help: 'pattern that the issuer must match',
  },
} as const satisfies FlagTable

/** Certificates and roots given as files. */
const certificateFlags = {
  'ca-intermediates': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: caDeprecated,
    refused: certificates,
    help: 'PEM file of further CA certificates',
  },
  'ca-roots': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: caDeprecated,
    refused: certificates,
    help: 'PEM file of CA certificates to trust',
  },
  certificate: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle with --trusted-root to provide the public certificate',
    refused: certificates,
    help: 'PEM certificate that signed',
  },
  'certificate-chain': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --trusted-root to provide the certificate chain',
    refused: certificates,
    help: 'PEM chain of the certificate, issuer first and root last',
  },
  'insecure-ignore-sct': {
    type: 'boolean',
    default: false,
    weakensAs: true,
    effectless: 'certificates are not verified yet, and a key needs no certificate timestamp',
    help: 'do not require proof that the certificate was logged',
  },
  sct: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'a Signed Certificate Timestamp is now provided via a Sigstore bundle',
    refused: certificates,
    help: 'certificate timestamp that is not in the certificate',
  },
} as const satisfies FlagTable

/** Whose certificates count, and by which authorities: everything about signatures without a key of one's own. */
export const signerCertificateFlags = { ...identityFlags, ...certificateFlags } as const satisfies FlagTable
