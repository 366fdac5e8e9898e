import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'

/** Flags of `initialize`. */
export const initializeFlags = {
  ...failureFormatFlags,
  mirror: {
    type: 'string',
    default: 'https://tuf-repo-cdn.sigstore.dev',
    placeholder: 'URL',
    decidesTrust: true,
    help: 'TUF repository to take trust from, now and in later commands',
  },
  root: {
    type: 'string',
    default: '',
    placeholder: 'FILE|URL',
    decidesTrust: true,
    help: 'root.json to prove the repository from, instead of the one that comes with countersign',
  },
  'root-checksum': {
    type: 'string',
    default: '',
    placeholder: '[ALGORITHM:]HEX',
    help: 'checksum that the file of --root must have, sha256 unless it begins with sha512:',
  },
  staging: { type: 'boolean', default: false, decidesTrust: true, help: "use Sigstore's staging repository; give its root by --root" },
} as const satisfies FlagTable

const noDefault = (what: string) => ({ type: 'boolean', default: false, help: `leave out the ${what} of --with-default-services` }) as const
const specs = (help: string) => ({ type: 'strings', default: [], placeholder: 'NAME=VALUE,...', help }) as const
const older = (placeholder: string, instead: string, help: string) =>
  ({ type: 'strings', default: [], placeholder, hidden: true, deprecated: `use --${instead} instead`, help }) as const

const logSpec = 'url, public-key (a PEM file) and start-time; end-time and origin if need be'

/** Flags of `trusted-root create`. */
export const trustedRootCreateFlags = {
  ...failureFormatFlags,
  'certificate-chain': older('FILE', 'fulcio', 'PEM chain of a certificate authority, issuer first and root last'),
  ctfe: specs(`certificate transparency log: ${logSpec}`),
  'ctfe-end-time': older('TIME', 'ctfe', 'until when the key of --ctfe-key at the same place was in use'),
  'ctfe-key': older('FILE', 'ctfe', 'PEM public key of a certificate transparency log'),
  'ctfe-start-time': older('TIME', 'ctfe', 'since when the key of --ctfe-key at the same place is in use'),
  'ctfe-url': older('URL', 'ctfe', 'URL of the log of --ctfe-key at the same place'),
  fulcio: specs('certificate authority: url and certificate-chain (a PEM file, issuer first); start-time and end-time if need be'),
  'fulcio-uri': older('URL', 'fulcio', 'URL of the authority of --certificate-chain at the same place'),
  'no-default-ctfe': noDefault('certificate transparency logs'),
  'no-default-fulcio': noDefault('certificate authorities'),
  'no-default-rekor': noDefault('transparency logs'),
  'no-default-tsa': noDefault('timestamp authorities'),
  out: { type: 'string', default: '', placeholder: 'FILE', help: 'write to FILE instead of standard output' },
  rekor: specs(`transparency log: ${logSpec}, for a Rekor v2`),
  'rekor-end-time': older('TIME', 'rekor', 'until when the key of --rekor-key at the same place was in use'),
  'rekor-key': older('FILE[,ORIGIN]', 'rekor', 'PEM public key of a transparency log'),
  'rekor-start-time': older('TIME', 'rekor', 'since when the key of --rekor-key at the same place is in use'),
  'rekor-url': older('URL', 'rekor', 'URL of the log of --rekor-key at the same place'),
  'timestamp-certificate-chain': older('FILE', 'tsa', 'PEM chain of a timestamp authority, its own certificate first and root last'),
  'timestamp-uri': older('URL', 'tsa', 'URL of the authority of --timestamp-certificate-chain at the same place'),
  tsa: specs('timestamp authority: url and certificate-chain (a PEM file, its own first); start-time and end-time if need be'),
  'with-default-services': { type: 'boolean', default: false, help: 'start from the trusted root that TUF distributes' },
} as const satisfies FlagTable

const serviceSpec = 'url, api-version, start-time and operator; end-time if need be'
const selector = (what: string) =>
  ({ type: 'string', default: '', placeholder: 'SELECTOR', help: `which ${what} a signer uses: ANY, ALL or EXACT:COUNT` }) as const

/** Flags of `signing-config create`. */
export const signingConfigCreateFlags = {
  ...failureFormatFlags,
  fulcio: specs(`certificate authority: ${serviceSpec}`),
  'no-default-fulcio': noDefault('certificate authorities'),
  'no-default-oidc': noDefault('OIDC providers'),
  'no-default-rekor': noDefault('transparency logs'),
  'no-default-tsa': noDefault('timestamp authorities'),
  'oidc-provider': specs(`OIDC provider: ${serviceSpec}`),
  out: { type: 'string', default: '', placeholder: 'FILE', help: 'write to FILE instead of standard output' },
  rekor: specs(`transparency log: ${serviceSpec}`),
  'rekor-config': selector('transparency logs'),
  tsa: specs(`timestamp authority: ${serviceSpec}`),
  'tsa-config': selector('timestamp authorities'),
  'with-default-rekor-v2': {
    type: 'boolean',
    default: false,
    help: 'start from the signing config that TUF distributes for Rekor v2',
  },
  'with-default-services': { type: 'boolean', default: false, help: 'start from the signing config that TUF distributes' },
} as const satisfies FlagTable

const offline = {
  type: 'boolean',
  default: false,
  own: true,
  help: 'make no request: use what is kept of the TUF repository',
} as const

/** Flags of `trust doctor`. */
export const trustDoctorFlags = {
  output: { ...failureFormatFlags.output, help: 'json: print the findings, or a failure, as one JSON document on standard output' },
  offline,
  'trusted-root': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    decidesTrust: true,
    own: true,
    help: 'look at this trusted root instead of the one that TUF distributes',
  },
  'within-days': {
    type: 'integer',
    default: 30,
    placeholder: 'DAYS',
    own: true,
    help: 'say of what ends within so many days that it ends soon',
  },
} as const satisfies FlagTable

/** Flags of `trust export`. */
export const trustExportFlags = {
  ...failureFormatFlags,
  offline,
} as const satisfies FlagTable

/** Flags of `trust import`. */
export const trustImportFlags = {
  ...failureFormatFlags,
  digest: {
    type: 'string',
    default: '',
    placeholder: 'sha256:HEX',
    own: true,
    help: 'refuse the file unless this is its digest, as `trust export` printed it',
  },
  root: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    decidesTrust: true,
    own: true,
    help: 'root.json to prove the file from, where none is kept or comes with countersign',
  },
} as const satisfies FlagTable
