import type { Flag, FlagTable } from '../command.ts'
import { registryFlags } from './registry.ts'

const { 'attachment-tag-prefix': tagPrefix, ...connectionFlags } = registryFlags

/** How to reach a registry, for commands that cosign does not have. */
const ownRegistryFlags = marked(connectionFlags)

const reportFlags = {
  output: {
    type: 'string',
    shorthand: 'o',
    default: 'text',
    choices: ['text', 'json'],
    own: true,
    format: true,
    help: 'json: one document with the plan, what was done and what stays',
  },
} as const satisfies FlagTable

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

export const gcFlags = {
  ...reportFlags,
  ...ownRegistryFlags,
  'attachment-tag-prefix': { type: 'string', default: '', placeholder: 'TEXT', own: true, help: tagPrefix.help },
  exclusive: {
    type: 'boolean',
    default: false,
    own: true,
    help: 'the repositories named are all whose signatures are in REPOSITORY: also collect what names no repository',
  },
  plan: { type: 'boolean', default: false, own: true, help: 'show the plan, and delete nothing' },
  yes: { type: 'boolean', shorthand: 'y', default: false, own: true, help: 'answer yes when the plan has been shown' },
} as const satisfies FlagTable

export const registryDoctorFlags = {
  ...reportFlags,
  ...ownRegistryFlags,
  'mount-from': {
    type: 'string',
    default: '',
    placeholder: 'IMAGE',
    own: true,
    help: 'with --write: try to mount the config of IMAGE, which is in another repository of the registry',
  },
  write: {
    type: 'boolean',
    default: false,
    own: true,
    help: 'also try what only writing shows, under a tag of its own that is then deleted',
  },
} as const satisfies FlagTable

/** The same flags, marked as our own. */
function marked<F extends { readonly [name: string]: Flag }>(flags: F): { readonly [Name in keyof F]: F[Name] & { readonly own: true } } {
  const entries = Object.entries(flags).map(([name, flag]) => [name, { ...flag, own: true }])
  return Object.fromEntries(entries) as { [Name in keyof F]: F[Name] & { readonly own: true } }
}
