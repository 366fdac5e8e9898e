import { type Command, defineCommand } from '../command.ts'
import { pinFlags, policyCheckFlags, policyLintFlags } from '../flags/policies/policy.ts'

/** Policies before they reach a cluster, and manifests that name digests. */
export const policyCommands: readonly Command[] = [
  defineCommand({
    name: 'policy check',
    group: 'Other',
    summary: 'Judge workloads and images as the admission webhook would',
    description:
      'Policies, TrustRoots, Secrets and ConfigMaps are read from --file and --policy; the workloads of --file, and each IMAGE as\n' +
      'that of a pod, are judged by them, first as written and then pinned to the digests that were found, as a cluster does it.\n' +
      'Exits 0 where all are admitted; what only a policy of mode warn refuses is a warning.',
    examples: [
      { what: 'an image', line: 'policy check -f policy.yaml registry.example.com/app:v1' },
      { what: 'manifests, for code scanning', line: 'policy check -f policy.yaml -f manifests/ --output sarif' },
    ],
    arguments: { name: 'IMAGE', min: 0, max: 1000 },
    flags: policyCheckFlags,
    exits: 'own',
    load: async () => (await import('../commands/policy/check.ts')).checkPolicy,
  }),
  defineCommand({
    name: 'policy lint',
    group: 'Other',
    summary: 'Tell what policies admit, or refuse, that nobody meant',
    description:
      'Reads ClusterImagePolicies, TrustRoots, Secrets and ConfigMaps, and tells of patterns and globs that hold of more or less\n' +
      'than they seem to, of references to nothing, and of trust that ends soon, each with file and line. No network is asked.\n' +
      'Exits 5 where a finding is as severe as --fail-on.',
    examples: [{ what: 'a policy', line: 'policy lint -f policy.yaml --fail-on never' }],
    arguments: { name: '', min: 0, max: 0 },
    flags: policyLintFlags,
    exits: 'own',
    load: async () => (await import('../commands/policy/lint.ts')).lintPolicy,
  }),
  defineCommand({
    name: 'pin',
    group: 'Other',
    summary: 'Write the digests of verified images into Kubernetes manifests',
    description:
      'Each tag of a workload is looked up, the image judged by the policies as the admission webhook would, and its digest written\n' +
      'behind the tag, in place: comments and formatting stay. Nothing is written unless every image of every file is admitted.\n' +
      'For repositories that Argo CD or Flux deploy from.',
    examples: [
      { what: 'by policies', line: 'pin -f manifests/ --policies policy.yaml' },
      { what: 'see what would change', line: 'pin -f manifests/ --key cosign.pub --dry-run' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: pinFlags,
    exits: 'own',
    load: async () => (await import('../commands/pin/pin.ts')).pinImages,
  }),
]
