import type { FlagTable } from '../../command.ts'
import { failureFormatFlags } from '../global.ts'
import { referrersModeFlags, registryFlags } from '../registry.ts'

/** Flags of `attach attestation`. */
export const attachAttestationFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  attestation: {
    type: 'strings',
    default: [],
    placeholder: 'FILE',
    help: 'DSSE envelopes or Sigstore bundles to attach, as `download attestation` prints them; - is standard input',
  },
} as const satisfies FlagTable

/** Flags of `attach sbom`. */
export const attachSbomFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  ...referrersModeFlags,
  'input-format': {
    type: 'string',
    default: '',
    choices: ['json', 'xml', 'text'],
    placeholder: 'FORMAT',
    help: 'what the SBOM is written in: json, xml (cyclonedx) or text (spdx); found out unless told',
  },
  sbom: { type: 'string', default: '', placeholder: 'FILE', help: 'SBOM to attach; - is standard input' },
  type: {
    type: 'string',
    default: 'spdx',
    choices: ['spdx', 'cyclonedx', 'syft'],
    placeholder: 'TYPE',
    help: 'what the SBOM is: spdx, cyclonedx or syft',
  },
} as const satisfies FlagTable
