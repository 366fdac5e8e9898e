import type { FlagTable } from '../command.ts'
import { verifyFlags } from './verify.ts'

/** Flags of `manifest verify`: those of `verify`, about every image that the document names. */
export const manifestVerifyFlags = {
  ...verifyFlags,
  file: {
    ...verifyFlags.file,
    hidden: true,
    forGood: true,
    refused: 'the document names the images; verify those of a list with `countersign verify --file`',
  },
  'local-image': {
    ...verifyFlags['local-image'],
    forGood: true,
    refused: 'a document names images of registries; verify a folder written by `save` with `countersign verify --local-image`',
  },
  'via-index': {
    ...verifyFlags['via-index'],
    hidden: true,
    forGood: true,
    refused: 'the images of a document are in no common index; verify one that is with `countersign verify --via-index`',
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
