import type { FlagTable } from '../../command.ts'
import { failureFormatFlags } from '../global.ts'
import { registryFlags } from '../registry.ts'

/** What uploading anything takes. */
const uploadFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  'attachment-tag-prefix': { ...registryFlags['attachment-tag-prefix'], effectless: 'an upload is attached to nothing' },
} as const satisfies FlagTable

/** Flags of `upload blob`. */
export const uploadBlobFlags = {
  ...uploadFlags,
  annotation: { type: 'list', shorthand: 'a', default: [], placeholder: 'NAME=VALUE', help: 'annotation of the manifest' },
  ct: { type: 'string', default: '', placeholder: 'TYPE', help: 'media type of the content, instead of what its first bytes say' },
  files: {
    type: 'list',
    shorthand: 'f',
    default: [],
    placeholder: 'FILE[:OS[/ARCH]]',
    help: 'file to upload; several make an index, each with a platform',
  },
} as const satisfies FlagTable

/** Flags of `upload wasm`. */
export const uploadWasmFlags = {
  ...uploadFlags,
  file: { type: 'string', shorthand: 'f', default: '', placeholder: 'FILE', help: 'WebAssembly module to upload' },
} as const satisfies FlagTable
