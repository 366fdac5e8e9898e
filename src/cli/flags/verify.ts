import type { FlagTable } from '../command.ts'
import { blobGateFlags, gateFlags } from './gates.ts'
import { failureFormatFlags } from './global.ts'
import { securityKeyFlags } from './keys.ts'
import { experimentalReferrersFlags, ownRegistryFlags, registryFlags } from './registry.ts'
import { signerCertificateFlags } from './signer-certificates.ts'

/** What counts as a signature. */
const signatureFlags = {
  'any-predicate': {
    type: 'boolean',
    default: false,
    weakensAs: true,
    own: true,
    help: 'accept any attestation about it as its signature, as cosign does',
  },
} as const satisfies FlagTable

/** Which attestations count. */
const attestationFlags = {
  type: {
    type: 'string',
    default: 'custom',
    placeholder: 'TYPE',
    decidesTrust: true,
    help: 'predicate type that the attestation must have: a URI, or a name such as slsaprovenance1, spdxjson, cyclonedx, vuln, openvex',
  },
} as const satisfies FlagTable

/** What verifying images and verifying blobs share. */
const verifierFlags = {
  ...signerCertificateFlags,
  ...securityKeyFlags,
  ...experimentalReferrersFlags,
  'allow-certificate-chain': {
    type: 'boolean',
    default: false,
    help: 'accept bundles of version 0.3 that carry a chain; of it the first certificate alone is read',
  },
  'as-of': {
    type: 'string',
    default: '',
    placeholder: 'TIME',
    decidesTrust: true,
    own: true,
    help: 'verify as if it were TIME (2026-11-30T12:00:00Z): nothing proven later counts',
  },
  explain: {
    type: 'boolean',
    default: false,
    own: true,
    help: 'show every step taken and the evidence behind it; with --output json as JSON',
  },
  'insecure-ignore-tlog': { type: 'boolean', default: false, weakensAs: true, help: 'do not require an entry in a transparency log' },
  key: {
    type: 'strings',
    default: [],
    placeholder: 'KEY',
    decidesTrust: true,
    help: 'public key or key set: a file, env://NAME, https://…, gitlab://PROJECT or k8s://NAMESPACE/NAME; given several times, one of the keys must have signed',
  },
  'max-workers': {
    type: 'integer',
    default: 10,
    placeholder: 'N',
    help: 'how many images, or signatures of one image, are verified at once',
  },
  'new-bundle-format': {
    type: 'boolean',
    default: true,
    hidden: true,
    deprecated: 'this will be the only supported format in future versions',
    help: 'look for Sigstore bundles first',
  },
  offline: {
    type: 'boolean',
    default: false,
    help: 'ask nobody but the registry: the proof of a log must come with the signature, and whom to trust from files or from what is kept',
  },
  'private-infrastructure': {
    type: 'boolean',
    default: false,
    hidden: true,
    weakensAs: true,
    deprecated: 'please use --insecure-ignore-tlog instead',
    help: 'older name of --insecure-ignore-tlog',
  },
  'rekor-url': {
    type: 'string',
    default: 'https://rekor.sigstore.dev',
    placeholder: 'URL',
    hidden: true,
    deprecated: 'please use --bundle, which includes the Rekor inclusion proof',
    help: 'log to ask for entries of signatures that bring none along',
  },
  'signature-digest-algorithm': {
    type: 'string',
    default: 'sha256',
    choices: ['sha224', 'sha256', 'sha384', 'sha512'],
    placeholder: 'HASH',
    hidden: true,
    deprecated: 'please use --bundle, which already includes the digest algorithm',
    help: 'hash that was signed; found by itself unless given',
  },
  'timestamp-certificate-chain': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --trusted-root to provide the timestamp authority certificate chain',
    decidesTrust: true,
    help: 'PEM chain of the timestamp authority',
  },
  'trusted-root': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    decidesTrust: true,
    help: 'trusted root: which authorities and logs to trust',
  },
  'use-signed-timestamps': { type: 'boolean', default: false, help: 'require a timestamp of a trusted authority' },
} as const satisfies FlagTable

/** Which images are verified, and how what comes of it is shown. */
const namedImageFlags = {
  'check-claims': { type: 'boolean', default: true, weakensAs: false, help: 'compare what was signed with the image' },
  file: {
    type: 'string',
    shorthand: 'f',
    default: '',
    placeholder: 'FILE',
    own: true,
    help: 'verify the images named in FILE, one on each line (- for standard input); prints one report about all of them',
  },
  'local-image': { type: 'boolean', default: false, help: 'the image is a folder written by `save`' },
  output: {
    type: 'string',
    shorthand: 'o',
    format: true,
    default: 'json',
    placeholder: 'FORMAT',
    help: 'json or text; json given explicitly: print a failure also as one JSON document on standard output',
  },
  recursive: { type: 'boolean', shorthand: 'r', default: false, own: true, help: 'verify an image index and every image in it' },
} as const satisfies FlagTable

/** Flags of `verify`. */
export const verifyFlags = {
  ...registryFlags,
  ...verifierFlags,
  ...signatureFlags,
  ...namedImageFlags,
  annotations: {
    type: 'list',
    shorthand: 'a',
    default: [],
    placeholder: 'NAME=VALUE',
    help: 'claim that must be signed with the image',
  },
  attachment: {
    type: 'string',
    default: '',
    placeholder: 'sbom',
    hidden: true,
    deprecated: 'please use OCI referrers for attachments and verify with `--experimental-oci11`',
    forGood: true,
    refused: 'verifying the attached SBOM of an image is not supported; verify the SBOM itself with verify-blob',
    help: 'verify the attached SBOM instead of the image',
  },
  payload: { type: 'string', default: '', placeholder: 'FILE', help: 'payload that --signature signs: a file or URL' },
  signature: {
    type: 'string',
    default: '',
    placeholder: 'SIGNATURE',
    hidden: true,
    deprecated: 'signatures are automatically fetched from the OCI registry during image verification',
    help: 'signature to verify instead of those in the registry: a file, a URL or base64',
  },
  'via-index': {
    type: 'string',
    default: '',
    placeholder: 'INDEX',
    decidesTrust: true,
    own: true,
    help: 'also accept a signature over INDEX, an image index, for an image that is in it',
  },
} as const satisfies FlagTable

/** Flags of `verify-attestation`. */
export const verifyAttestationFlags = {
  ...registryFlags,
  ...verifierFlags,
  ...namedImageFlags,
  ...attestationFlags,
  ...gateFlags,
  'new-bundle-format': { ...verifierFlags['new-bundle-format'], help: 'look for attestations in Sigstore bundles first' },
} as const satisfies FlagTable

/** What verifying a file has, whatever of it is verified. */
const blobVerifierFlags = {
  ...failureFormatFlags,
  ...verifierFlags,
  'experimental-oci11': { ...experimentalReferrersFlags['experimental-oci11'], effectless: 'a file has no referrers' },
  'max-workers': { ...verifierFlags['max-workers'], effectless: 'a file has one signature' },
  'new-bundle-format': { ...verifierFlags['new-bundle-format'], effectless: 'the format of a bundle is found by itself' },
  bundle: { type: 'string', default: '', placeholder: 'FILE', help: 'bundle that holds the signature' },
  'rfc3161-timestamp': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle to provide the output bundle location, which will include the signed timestamp',
    help: 'timestamp of the signature',
  },
  signature: {
    type: 'string',
    default: '',
    placeholder: 'SIGNATURE',
    hidden: true,
    deprecated: 'please use --bundle to provide a signature',
    help: 'signature to verify: a file, a URL or base64',
  },
} as const satisfies FlagTable

/** Flags of `verify-blob`. */
export const verifyBlobFlags = { ...blobVerifierFlags, ...signatureFlags } as const satisfies FlagTable

/** Flags of `verify-blob-attestation`. */
export const verifyBlobAttestationFlags = {
  ...blobVerifierFlags,
  ...attestationFlags,
  ...blobGateFlags,
  bundle: { ...blobVerifierFlags.bundle, help: 'bundle that holds the attestation' },
  'check-claims': {
    type: 'boolean',
    default: true,
    weakensAs: false,
    help: 'compare what was signed with the file, which else may be left out',
  },
  digest: { type: 'string', default: '', placeholder: 'HEX', help: 'digest of the file, in place of the file' },
  digestAlg: {
    type: 'string',
    default: '',
    choices: ['sha256', 'sha384', 'sha512'],
    placeholder: 'HASH',
    help: 'hash function of --digest',
  },
  signature: { ...blobVerifierFlags.signature, help: 'DSSE envelope to verify: a file, a URL or base64' },
} as const satisfies FlagTable

/** `identity suggest` looks at one image as `verify` would, whoever signed it. */
export const identitySuggestFlags = {
  ...ownRegistryFlags,
  output: { ...failureFormatFlags.output, help: 'json: print the identities, or a failure, as one JSON document on standard output' },
  'as-of': verifierFlags['as-of'],
  'insecure-ignore-sct': { ...signerCertificateFlags['insecure-ignore-sct'], own: true },
  'insecure-ignore-tlog': { ...verifierFlags['insecure-ignore-tlog'], own: true },
  offline: { type: 'boolean', default: false, own: true, help: 'use no network but the registry' },
  'trusted-root': { ...verifierFlags['trusted-root'], own: true },
} as const satisfies FlagTable
