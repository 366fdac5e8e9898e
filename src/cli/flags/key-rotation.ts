import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'
import { marked, ownRegistryFlags } from './registry.ts'
import { signerFlags } from './sign.ts'
import { verifyFlags } from './verify.ts'

const { 'signing-config': signingConfig } = signerFlags
const { 'insecure-ignore-tlog': ignoreTlog, 'max-workers': maxWorkers, 'trusted-root': trustedRoot } = verifyFlags

/** Flags of `keys list`. */
export const listKeysFlags = {
  output: { ...failureFormatFlags.output, help: 'json: print the keys, or a failure, as one JSON document on standard output' },
} as const satisfies FlagTable

/** Flags of `resign`. Services are named by a signing config alone. */
export const resignFlags = {
  ...ownRegistryFlags,
  ...marked({
    'insecure-ignore-tlog': { ...ignoreTlog, help: 'count signatures without an entry in a transparency log, the old and the new' },
    'max-workers': { ...maxWorkers, help: 'how many images are looked at, or signed, at once' },
    'signing-config': signingConfig,
    'trusted-root': trustedRoot,
  }),
  attestations: { type: 'boolean', default: false, own: true, help: 'sign attestations again too' },
  'dry-run': { type: 'boolean', default: false, own: true, help: 'show the plan, and write nothing' },
  from: {
    type: 'string',
    default: '',
    placeholder: 'KEY',
    own: true,
    decidesTrust: true,
    help: 'the old public key, or a key set: what verifies by it is signed again',
  },
  output: {
    ...failureFormatFlags.output,
    help: 'json: print what became of each image, or a failure, as one JSON document on standard output',
  },
  'tlog-upload': { type: 'boolean', default: true, own: true, help: 'record the new signatures in a transparency log' },
  to: { type: 'string', default: '', placeholder: 'KEY', own: true, help: 'the new private key' },
  yes: { type: 'boolean', shorthand: 'y', default: false, own: true, help: 'answer yes when the plan has been shown' },
} as const satisfies FlagTable
