import type { FlagTable } from '../../command.ts'
import { ownRegistryFlags } from '../registry.ts'

/** Which documents are read. */
const documentFlags = {
  file: {
    type: 'strings',
    default: [],
    shorthand: 'f',
    placeholder: 'PATH',
    own: true,
    decidesTrust: true,
    help: 'YAML or JSON file, or folder of such, of policies, of what they refer to, and of workloads; - is standard input; may be repeated',
  },
  policy: {
    type: 'strings',
    default: [],
    placeholder: 'PATH',
    own: true,
    decidesTrust: true,
    help: 'file or folder of ClusterImagePolicy and TrustRoot, and of the Secrets and ConfigMaps that they name; may be repeated',
  },
  namespace: {
    type: 'string',
    default: 'cosign-system',
    placeholder: 'NAME',
    own: true,
    help: "the webhook's own namespace, whose Secrets and ConfigMaps policies may name",
  },
} as const satisfies FlagTable

/** By what images are judged. */
const judgeFlags = {
  'image-path': {
    type: 'strings',
    default: [],
    placeholder: 'KIND.GROUP=PATH',
    own: true,
    help: 'where images stand in a kind that others defined, as in Rollout.argoproj.io=spec.template.spec.containers[*].image; may be repeated',
  },
  'trusted-root': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    decidesTrust: true,
    help: 'trusted root for policies that name no TrustRoot, instead of that of the TUF repository',
  },
  ...ownRegistryFlags,
} as const satisfies FlagTable

/** Flags of `policy check`; among them those of the tester of policy-controller. */
export const policyCheckFlags = {
  ...documentFlags,
  ...judgeFlags,
  image: { type: 'strings', default: [], placeholder: 'IMAGE', own: true, help: 'the same as an argument; may be repeated' },
  resource: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    help: 'workload to judge; with images: what they are judged as a part of, in place of its own',
  },
  trustroot: {
    type: 'strings',
    default: [],
    placeholder: 'FILE',
    own: true,
    decidesTrust: true,
    help: 'file of TrustRoots, as --policy reads it; may be repeated',
  },
  'enable-oci11': {
    type: 'boolean',
    default: false,
    own: true,
    help: 'look for evidence of the older layout among the referrers, whatever the ConfigMap of the policies says',
  },
  'log-level': {
    type: 'string',
    default: '',
    placeholder: 'LEVEL',
    hidden: true,
    own: true,
    forGood: true,
    refused: 'there are no levels; --explain shows why each image was judged as it was, and --verbose what was asked of whom',
    help: 'level of the log',
  },
  explain: { type: 'boolean', default: false, own: true, help: 'show why also of what is admitted' },
  output: {
    type: 'string',
    default: 'text',
    choices: ['text', 'json', 'sarif'],
    shorthand: 'o',
    placeholder: 'FORMAT',
    format: true,
    own: true,
    help: 'text, json (the explanation of each verdict) or sarif (version 2.1.0)',
  },
} as const satisfies FlagTable

/** Flags of `policy lint`. */
export const policyLintFlags = {
  ...documentFlags,
  'within-days': {
    type: 'integer',
    default: 30,
    placeholder: 'DAYS',
    own: true,
    help: 'tell of certificates and logs that end within so many days',
  },
  'fail-on': {
    type: 'string',
    default: 'error',
    choices: ['error', 'warning', 'note', 'never'],
    placeholder: 'SEVERITY',
    own: true,
    help: 'the least severe finding to fail for: error, warning, note, never',
  },
  output: {
    type: 'string',
    default: 'text',
    choices: ['text', 'json', 'sarif'],
    shorthand: 'o',
    placeholder: 'FORMAT',
    format: true,
    own: true,
    help: 'text, json or sarif (version 2.1.0)',
  },
} as const satisfies FlagTable

/** Flags of `pin`. */
export const pinFlags = {
  file: {
    type: 'strings',
    default: [],
    shorthand: 'f',
    placeholder: 'PATH',
    own: true,
    help: 'YAML or JSON file, or folder of such, to rewrite in place; may be repeated',
  },
  policies: {
    type: 'strings',
    default: [],
    placeholder: 'PATH',
    own: true,
    decidesTrust: true,
    help: 'file or folder of the policies by which each image must be admitted; may be repeated',
  },
  key: {
    type: 'string',
    default: '',
    placeholder: 'KEY',
    own: true,
    decidesTrust: true,
    help: 'instead of --policies: public key by which each image must be signed; file or KMS URI. No log is asked for',
  },
  'insecure-skip-verification': {
    type: 'boolean',
    default: false,
    own: true,
    weakensAs: true,
    help: 'instead of --policies: pin whatever the registry has now, whoever made it',
  },
  namespace: documentFlags.namespace,
  ...judgeFlags,
  'dry-run': { type: 'boolean', default: false, own: true, help: 'show the changes as a diff, and write nothing' },
  output: {
    type: 'string',
    default: 'text',
    choices: ['text', 'json'],
    shorthand: 'o',
    placeholder: 'FORMAT',
    format: true,
    own: true,
    help: 'text or json',
  },
} as const satisfies FlagTable
