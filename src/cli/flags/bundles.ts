import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'
import { securityKeyFlags } from './keys.ts'

/** Flags of `bundle inspect`. */
export const bundleInspectFlags = {
  output: { ...failureFormatFlags.output, help: 'json: print the content, or a failure, as one JSON document on standard output' },
} as const satisfies FlagTable

/** Flags of `bundle upgrade`. */
export const bundleUpgradeFlags = {
  ...failureFormatFlags,
  artifact: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    help: 'the signed file, where an older bundle does not hold its digest',
  },
  'ignore-tlog': {
    type: 'boolean',
    default: false,
    own: true,
    help: 'leave out the log entry of a bundle of cosign 2, which has no inclusion proof',
  },
  key: {
    type: 'string',
    default: '',
    placeholder: 'KEY',
    own: true,
    help: 'public key of whoever signed, where an older format does not name it',
  },
  out: { type: 'string', default: '', placeholder: 'FILE', help: 'write the bundle to FILE instead of standard output' },
  'rekor-url': {
    type: 'string',
    default: 'https://rekor.sigstore.dev',
    placeholder: 'URL',
    help: 'transparency log that a missing inclusion proof is fetched from',
  },
} as const satisfies FlagTable

/** Flags of `bundle create`. */
export const bundleCreateFlags = {
  ...failureFormatFlags,
  ...securityKeyFlags,
  slot: { ...securityKeyFlags.slot, default: 'signature' },
  artifact: { type: 'string', default: '', placeholder: 'FILE', help: 'the signed file; - for standard input, or sha256:HEX' },
  attestation: { type: 'string', default: '', placeholder: 'FILE', help: 'DSSE envelope that was signed, in place of a file' },
  bundle: { type: 'string', default: '', placeholder: 'FILE', help: 'blob bundle of cosign 2 to take the parts from' },
  certificate: { type: 'string', default: '', placeholder: 'FILE', help: 'PEM certificate that signed' },
  'ignore-tlog': { type: 'boolean', default: false, help: 'do not look the signature up in the transparency log, nor take an entry along' },
  key: { type: 'string', default: '', placeholder: 'KEY', help: 'public key that signed' },
  out: bundleUpgradeFlags.out,
  'rekor-url': {
    ...bundleUpgradeFlags['rekor-url'],
    hidden: true,
    deprecated: 'please use a signing config to specify a rekor url; see `cosign signing-config --help`',
    help: 'transparency log to look the signature up in',
  },
  'rfc3161-timestamp': { type: 'string', default: '', placeholder: 'FILE', help: 'timestamp of the signature' },
  signature: { type: 'string', default: '', placeholder: 'SIGNATURE', help: 'signature: a file, a URL or base64' },
} as const satisfies FlagTable
