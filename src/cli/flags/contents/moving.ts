import type { FlagTable } from '../../command.ts'
import { failureFormatFlags } from '../global.ts'
import { registryFlags } from '../registry.ts'

const movingFlags = {
  ...registryFlags,
  'max-workers': { type: 'integer', default: 10, placeholder: 'N', own: true, help: 'how many requests are under way at once' },
  output: { ...failureFormatFlags.output, help: 'json: print the counts, or a failure, as one JSON document on standard output' },
} as const satisfies FlagTable

const dirFlags = {
  dir: { type: 'string', default: '', placeholder: 'FOLDER', help: 'folder of the image layout' },
} as const satisfies FlagTable

/** Flags of `copy`. */
export const copyFlags = {
  ...movingFlags,
  force: { type: 'boolean', shorthand: 'f', default: false, help: 'put the tag over another image that it holds' },
  only: { type: 'list', default: [], placeholder: 'sig,att,sbom', help: 'with the image, copy only these, and leave its tag alone' },
  platform: { type: 'string', default: '', placeholder: 'OS/ARCH', help: 'copy the one image of an index that is for this platform' },
  'sig-only': { type: 'boolean', default: false, help: 'older name of --only=sig' },
} as const satisfies FlagTable

/** Flags of `save`. */
export const saveFlags = {
  ...movingFlags,
  ...dirFlags,
  force: { type: 'boolean', shorthand: 'f', default: false, own: true, help: 'replace another image that was saved in the folder' },
} as const satisfies FlagTable

/** Flags of `load`. */
export const loadFlags = { ...movingFlags, ...dirFlags } as const satisfies FlagTable
