import type { FlagTable } from '../command.ts'

/** Demands on what attestations say, for commands that verify them: docs/gates.md. Each is a step of the derivation. */
export const gateFlags = {
  'allow-unknown-license': {
    type: 'boolean',
    default: false,
    weakensAs: true,
    own: true,
    help: 'with --forbid-license: let components pass whose license is not stated, or not as SPDX writes it',
  },
  'forbid-license': {
    type: 'strings',
    default: [],
    placeholder: 'SPDX-ID',
    own: true,
    help: 'license that no component of an SBOM may be bound to',
  },
  'max-age': {
    type: 'string',
    default: '',
    placeholder: 'DURATION',
    decidesTrust: true,
    own: true,
    help: 'count only attestations that are proven to have been signed in the last DURATION: 36h, 30d',
  },
  'max-severity': {
    type: 'string',
    default: '',
    placeholder: 'LEVEL',
    decidesTrust: true,
    own: true,
    help: 'worst finding that a scan may have: none, negligible, low, medium, high or critical; with ,unknown also those nobody rated',
  },
  policy: {
    type: 'list',
    default: [],
    placeholder: 'FILE.cel',
    decidesTrust: true,
    help: 'CEL expression that must be true of every attestation',
  },
  'require-builder': {
    type: 'string',
    default: '',
    placeholder: 'URI',
    decidesTrust: true,
    own: true,
    help: 'builder that SLSA provenance must name, exactly',
  },
  'require-commit': {
    type: 'string',
    default: '',
    placeholder: 'SHA',
    decidesTrust: true,
    own: true,
    help: 'commit that SLSA provenance must name as what was built, in full',
  },
  'require-component': {
    type: 'strings',
    default: [],
    placeholder: 'NAME|PURL',
    own: true,
    help: 'component that an SBOM must list',
  },
  'require-source': {
    type: 'string',
    default: '',
    placeholder: 'URI',
    decidesTrust: true,
    own: true,
    help: 'repository that SLSA provenance must name as what was built: https://github.com/ORG/REPO',
  },
} as const satisfies FlagTable

/** The same where cosign has no flag for policies: `verify-blob-attestation`. */
export const blobGateFlags = { ...gateFlags, policy: { ...gateFlags.policy, own: true } } as const satisfies FlagTable
