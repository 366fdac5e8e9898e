import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'
import { ownRegistryFlags } from './registry.ts'

/** Flags of `login`. */
export const loginFlags = {
  ...failureFormatFlags,
  password: {
    type: 'string',
    shorthand: 'p',
    default: '',
    placeholder: 'PASSWORD',
    help: 'password; --password-stdin keeps it out of the process list',
  },
  'password-stdin': { type: 'boolean', default: false, help: 'read the password from standard input' },
  username: { type: 'string', shorthand: 'u', default: '', placeholder: 'USER', help: 'user name' },
} as const satisfies FlagTable

/** Flags of `registry`, the server. */
export const registryServerFlags = {
  deletes: { type: 'boolean', default: false, own: true, help: 'let clients delete manifests, tags and blobs' },
  dir: { type: 'string', default: '', placeholder: 'FOLDER', own: true, help: 'keep the content in FOLDER; without it, in memory' },
  listen: {
    type: 'string',
    default: '127.0.0.1:5000',
    placeholder: 'HOST:PORT',
    own: true,
    help: 'address to serve on; port 0 takes a free one',
  },
  'no-referrers': { type: 'boolean', default: false, own: true, help: 'leave out the referrers API, as registries before OCI 1.1 do' },
} as const satisfies FlagTable

/** Flags of `registry doctor`. */
export const registryDoctorFlags = {
  output: { ...failureFormatFlags.output, help: 'json: print the findings, or a failure, as one JSON document on standard output' },
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
