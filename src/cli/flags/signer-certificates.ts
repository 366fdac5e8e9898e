import type { FlagTable } from '../command.ts'

const caDeprecated = 'please use --trusted-root to provide CA certificates'

/** Who must have signed, when a certificate says so. */
const identityFlags = {
  'certificate-github-workflow-name': {
    type: 'string',
    default: '',
    placeholder: 'NAME',
    decidesTrust: true,
    help: 'workflow name the certificate must state',
  },
  'certificate-github-workflow-ref': {
    type: 'string',
    default: '',
    placeholder: 'REF',
    decidesTrust: true,
    help: 'git reference the certificate must state',
  },
  'certificate-github-workflow-repository': {
    type: 'string',
    default: '',
    placeholder: 'REPOSITORY',
    decidesTrust: true,
    help: 'repository the certificate must state',
  },
  'certificate-github-workflow-sha': {
    type: 'string',
    default: '',
    placeholder: 'SHA',
    decidesTrust: true,
    help: 'commit the certificate must state',
  },
  'certificate-github-workflow-trigger': {
    type: 'string',
    default: '',
    placeholder: 'EVENT',
    decidesTrust: true,
    help: 'trigger the certificate must state',
  },
  'certificate-identity': {
    type: 'string',
    default: '',
    placeholder: 'IDENTITY',
    decidesTrust: true,
    help: 'identity the certificate must be for, exactly',
  },
  'certificate-identity-regexp': {
    type: 'string',
    default: '',
    placeholder: 'RE2',
    decidesTrust: true,
    help: 'pattern that the identity must match',
  },
  'certificate-oidc-issuer': {
    type: 'string',
    default: '',
    placeholder: 'URL',
    decidesTrust: true,
    help: 'issuer that must have vouched for the identity, exactly',
  },
  'certificate-oidc-issuer-regexp': {
    type: 'string',
    default: '',
    placeholder: 'RE2',
    decidesTrust: true,
    help: 'pattern that the issuer must match',
  },
} as const satisfies FlagTable

/** The build that must have signed, by what its certificate authority certified of it. */
const workflowFlags = {
  repository: {
    type: 'string',
    default: '',
    placeholder: 'URL',
    decidesTrust: true,
    own: true,
    help: 'repository that was built, exactly: https://github.com/ORG/REPO',
  },
  workflow: {
    type: 'string',
    default: '',
    placeholder: 'PATH',
    decidesTrust: true,
    own: true,
    help: 'workflow that built it, exactly: its path in the repository, or https://github.com/ORG/REPO/PATH',
  },
  ref: {
    type: 'string',
    default: '',
    placeholder: 'REF',
    decidesTrust: true,
    own: true,
    help: 'git reference that was built, exactly: refs/heads/main',
  },
  trigger: {
    type: 'string',
    default: '',
    placeholder: 'EVENT',
    decidesTrust: true,
    own: true,
    help: 'what started the build, exactly: push',
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
    decidesTrust: true,
    help: 'PEM file of further CA certificates',
  },
  'ca-roots': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: caDeprecated,
    decidesTrust: true,
    help: 'PEM file of CA certificates to trust',
  },
  certificate: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle with --trusted-root to provide the public certificate',
    decidesTrust: true,
    help: 'PEM certificate that signed',
  },
  'certificate-chain': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --trusted-root to provide the certificate chain',
    decidesTrust: true,
    help: 'PEM chain of the certificate, issuer first and root last',
  },
  'insecure-ignore-sct': {
    type: 'boolean',
    default: false,
    weakensAs: true,
    help: 'do not require proof that the certificate was logged',
  },
  sct: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'a Signed Certificate Timestamp is now provided via a Sigstore bundle',
    help: 'certificate timestamp that is not in the certificate',
  },
} as const satisfies FlagTable

/** Whose certificates count, and by which authorities: everything about signatures without a key of one's own. */
export const signerCertificateFlags = { ...identityFlags, ...workflowFlags, ...certificateFlags } as const satisfies FlagTable
