import type { FlagTable } from '../command.ts'
import { verifyFlags } from './verify.ts'

/** Flags of `manifest verify`: those of `verify`, about every image that the document names. */
export const manifestVerifyFlags = {
  ...verifyFlags,
  file: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    hidden: true,
    refused: 'the document names the images; verify those of a list with `countersign verify --file`',
    help: 'verify the images named in FILE',
  },
  'local-image': {
    type: 'boolean',
    default: false,
    refused: 'a document names images of registries; verify a folder written by save with `countersign verify --local-image`',
    help: 'the image is a folder written by save',
  },
  'via-index': {
    type: 'string',
    default: '',
    placeholder: 'INDEX',
    own: true,
    hidden: true,
    refused: 'the images of a document are in no common index; verify one that is with `countersign verify --via-index`',
    help: 'also accept a signature over INDEX',
  },
} as const satisfies FlagTable

/** Flags of `dockerfile verify`. */
export const dockerfileVerifyFlags = {
  ...manifestVerifyFlags,
  'base-image-only': {
    type: 'boolean',
    default: false,
    weakensAs: true,
    help: 'verify only the image that the last stage is built on',
  },
} as const satisfies FlagTable
