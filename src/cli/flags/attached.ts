import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'
import { experimentalReferrersFlags, referrersModeFlags, registryFlags } from './registry.ts'

/** Flags of `tree`. */
export const treeFlags = {
  ...registryFlags,
  ...referrersModeFlags,
  output: { ...failureFormatFlags.output, help: 'json: print the tree, or a failure, as one JSON document on standard output' },
  'experimental-oci11': { ...experimentalReferrersFlags['experimental-oci11'], effectless: 'referrers are always shown' },
  recursive: {
    type: 'boolean',
    shorthand: 'r',
    default: false,
    own: true,
    help: 'show what is attached to each image of an index as well',
  },
} as const satisfies FlagTable

/** Flags of `triangulate`. */
export const triangulateFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  type: {
    type: 'string',
    default: 'signature',
    choices: ['signature', 'attestation', 'sbom', 'digest'],
    placeholder: 'TYPE',
    help: 'what to name the place of',
  },
} as const satisfies FlagTable

/** Flags of `generate`. */
export const generateFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  'attachment-tag-prefix': {
    ...registryFlags['attachment-tag-prefix'],
    effectless: 'a payload does not say where its signature is kept',
  },
  annotations: { type: 'list', shorthand: 'a', default: [], placeholder: 'NAME=VALUE', help: 'claim to sign with the image' },
} as const satisfies FlagTable

/** Flags of `download signature`. */
export const downloadSignatureFlags = {
  ...failureFormatFlags,
  ...registryFlags,
} as const satisfies FlagTable

const platformFlag = {
  platform: { type: 'string', default: '', placeholder: 'OS/ARCH', help: 'look at the one image of an index that is for this platform' },
} as const satisfies FlagTable

/** Flags of `download attestation`. */
export const downloadAttestationFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  ...platformFlag,
  'predicate-type': {
    type: 'string',
    default: '',
    placeholder: 'TYPE',
    help: 'only attestations of this predicate type: a URI, or a name such as slsaprovenance1, spdxjson, cyclonedx, vuln, openvex',
  },
} as const satisfies FlagTable

/** Flags of `download sbom`. */
export const downloadSbomFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  ...platformFlag,
} as const satisfies FlagTable

/** Flags of `attach signature`. */
export const attachSignatureFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  bundle: { type: 'string', default: '', placeholder: 'FILE', help: 'Sigstore bundle to attach' },
  certificate: { type: 'string', default: '', placeholder: 'FILE', help: 'PEM certificate of the signer, kept with the signature' },
  'certificate-chain': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: 'PEM chain of --certificate, issuer first and root last',
  },
  payload: { type: 'string', default: '', placeholder: 'FILE', help: 'payload that was signed, as `generate` prints it; or a bundle' },
  'rekor-response': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: "entry of the transparency log: a log bundle, a blob bundle of cosign 2, or Rekor's answer",
  },
  signature: { type: 'string', default: '', placeholder: 'FILE', help: 'signature to attach; - is standard input' },
  tsr: { type: 'string', default: '', placeholder: 'FILE', help: 'timestamp of the signature: an RFC 3161 response in DER' },
} as const satisfies FlagTable
