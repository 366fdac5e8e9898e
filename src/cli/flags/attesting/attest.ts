import type { FlagTable } from '../../command.ts'
import { failureFormatFlags } from '../global.ts'
import { registryFlags } from '../registry.ts'
import { signerFlags, signFlags } from '../sign.ts'

/** What attesting images and attesting blobs share. */
const predicateFlags = {
  generate: {
    type: 'boolean',
    default: false,
    own: true,
    help: 'with --type slsaprovenance1: make the provenance of this job of GitHub Actions or GitLab CI, in place of --predicate',
  },
  predicate: { type: 'string', default: '', placeholder: 'FILE', help: 'what to state: a file, or - for standard input' },
  'rekor-entry-type': {
    type: 'string',
    default: 'dsse',
    choices: ['dsse', 'intoto'],
    placeholder: 'KIND',
    hidden: true,
    deprecated:
      'support for this flag will be removed in the future. it is strongly discouraged to rely on Rekor for attestation storage, and in future releases of Rekor, this functionality will be removed.',
    help: 'kind of the entry in a log of Rekor v1',
  },
  statement: { type: 'string', default: '', placeholder: 'FILE', help: 'in-toto statement to sign as it is, in place of --predicate' },
  strict: {
    type: 'boolean',
    default: false,
    own: true,
    help: 'refuse a predicate that breaks the format of its type, and say where: docs/predicates',
  },
  type: {
    type: 'string',
    default: 'custom',
    placeholder: 'TYPE',
    help: 'what the predicate is: slsaprovenance, slsaprovenance02, slsaprovenance1, link, spdx, spdxjson, cyclonedx, vuln, openvex, custom or a URI',
  },
} as const satisfies FlagTable

const { 'output-certificate': _, 'output-signature': __, ...imageSignerFlags } = signerFlags

/** Flags of `attest`. */
export const attestFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  ...imageSignerFlags,
  ...predicateFlags,
  'no-upload': { type: 'boolean', default: false, help: 'do not push the attestation; it goes to --bundle, or to standard output' },
  'record-creation-timestamp': signFlags['record-creation-timestamp'],
  recursive: { ...signFlags.recursive, help: 'attest to an image index and every image in it' },
  replace: {
    type: 'boolean',
    default: false,
    hidden: true,
    deprecated: 'not needed when OCI referrers become the default behavior',
    help: 'in the layout of cosign 2, replace attestations of the same type',
  },
} as const satisfies FlagTable

/** Flags of `attest-blob`. */
export const attestBlobFlags = {
  ...failureFormatFlags,
  ...signerFlags,
  ...predicateFlags,
  hash: { type: 'string', default: '', placeholder: 'HEX', help: 'SHA-256 of the file, where the file itself is elsewhere' },
  'output-attestation': { type: 'string', default: '', placeholder: 'FILE', help: 'write the bare statement to FILE' },
  'rfc3161-timestamp-bundle': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle to provide the output bundle location, which will include the signed timestamp',
    help: 'write the timestamp to FILE',
  },
} as const satisfies FlagTable
