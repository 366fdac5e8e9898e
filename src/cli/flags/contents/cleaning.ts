import type { FlagTable } from '../../command.ts'
import { failureFormatFlags } from '../global.ts'
import { ownRegistryFlags, registryFlags } from '../registry.ts'

const reportFlags = {
  output: {
    ...failureFormatFlags.output,
    help: 'json: print the plan, what was removed and what stays, or a failure, as one JSON document on standard output',
  },
} as const satisfies FlagTable

/** Flags of `clean`. */
export const cleanFlags = {
  ...reportFlags,
  ...registryFlags,
  'dry-run': { type: 'boolean', default: false, own: true, help: 'show what would be removed, and remove nothing' },
  force: { type: 'boolean', shorthand: 'f', default: false, help: 'do not ask before removing' },
  type: {
    type: 'string',
    default: 'all',
    choices: ['all', 'signature', 'attestation', 'referrer', 'sbom'],
    placeholder: 'TYPE',
    help: 'what to remove; referrer: Sigstore bundles',
  },
} as const satisfies FlagTable

/** Flags of `gc`. */
export const gcFlags = {
  ...reportFlags,
  ...ownRegistryFlags,
  'attachment-tag-prefix': {
    type: 'string',
    default: '',
    placeholder: 'TEXT',
    own: true,
    help: registryFlags['attachment-tag-prefix'].help,
  },
  exclusive: {
    type: 'boolean',
    default: false,
    own: true,
    help: 'the repositories named are all whose signatures are in REPOSITORY: also collect what names no repository',
  },
  plan: { type: 'boolean', default: false, own: true, help: 'show the plan, and delete nothing' },
  yes: { type: 'boolean', shorthand: 'y', default: false, own: true, help: 'answer yes when the plan has been shown' },
} as const satisfies FlagTable
