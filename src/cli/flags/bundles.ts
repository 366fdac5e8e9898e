import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'

export const bundleInspectFlags = {
  output: { ...failureFormatFlags.output, help: 'json: print the content, or a failure, as one JSON document on standard output' },
} as const satisfies FlagTable

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
    refused: 'no transparency log can be asked yet; entries that carry their inclusion proofs are converted without one',
    help: 'transparency log that a missing inclusion proof is fetched from',
  },
} as const satisfies FlagTable
