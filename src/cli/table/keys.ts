import { type Command, defineCommand } from '../command.ts'
import { listKeysFlags, resignFlags } from '../flags/key-rotation.ts'
import { generateKeyPairFlags, importKeyPairFlags, publicKeyFlags } from '../flags/keys.ts'

/** Making keys, taking them over and printing their public half. */
export const keyCommands: readonly Command[] = [
  defineCommand({
    name: 'generate-key-pair',
    group: 'Keys',
    summary: 'Make a key pair',
    description:
      'Writes PREFIX.key, an ECDSA P-256 key encrypted with a passphrase, and PREFIX.pub.\n' +
      'The passphrase is COSIGN_PASSWORD, else asked for twice, else all of standard input.\n' +
      'gitlab://PROJECT keeps the pair in the variables COSIGN_PASSWORD, COSIGN_PRIVATE_KEY and COSIGN_PUBLIC_KEY of a project or\n' +
      'group (GITLAB_TOKEN, GITLAB_HOST), github://OWNER[/REPO] in Actions secrets of those names (GITHUB_TOKEN, GITHUB_HOST),\n' +
      'k8s://NAMESPACE/NAME in a Secret of the cluster that kubectl speaks to (KUBECONFIG). PREFIX.pub is written too.\n' +
      'A private key that is there already is never replaced.',
    examples: [
      { what: 'write cosign.key and cosign.pub', line: 'generate-key-pair' },
      { what: 'write release.key and release.pub', line: 'generate-key-pair --output-key-prefix release' },
      { what: 'keep the pair in a project of GitLab', line: 'generate-key-pair gitlab://group/project' },
      { what: 'keep the pair in the secrets of a GitHub repository', line: 'generate-key-pair github://owner/repository' },
    ],
    arguments: { name: '[PROVIDER://REF]', min: 0, max: 1 },
    flags: generateKeyPairFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/generate-key-pair.ts')).generateKeyPair,
  }),
  defineCommand({
    name: 'import-key-pair',
    group: 'Keys',
    summary: 'Encrypt an existing private key',
    description:
      'Reads an RSA (2048, 3072 or 4096 bits), ECDSA (P-256, P-384, P-521) or Ed25519 key in PEM and writes PREFIX.key, encrypted\n' +
      'with a passphrase, and PREFIX.pub. The passphrase is COSIGN_PASSWORD, else asked for twice, else all of standard input.',
    examples: [
      { what: 'write import-cosign.key and import-cosign.pub', line: 'import-key-pair --key openssl.key' },
      { what: 'write release.key and release.pub', line: 'import-key-pair --key openssl.key --output-key-prefix release' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: importKeyPairFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/import-key-pair.ts')).importKeyPair,
  }),
  defineCommand({
    name: 'public-key',
    group: 'Keys',
    summary: 'Print the public key of a private key',
    examples: [
      { what: 'print it', line: 'public-key --key cosign.key' },
      { what: 'write it to a file', line: 'public-key --key env://SIGNING_KEY --outfile cosign.pub' },
      { what: 'of a key that a project of GitLab keeps', line: 'public-key --key gitlab://group/project' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: publicKeyFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/public-key.ts')).publicKey,
  }),
  defineCommand({
    name: 'keys list',
    group: 'Keys',
    summary: 'Show the versions of keys, and which of them sign and count',
    description:
      'One line for a public key, one for each version of a key in a KMS or HSM, the newest first, and those of each key of a key\n' +
      'set. SHA-256 is that of the public key (SPKI), which bundles carry in base64 as their hint.',
    examples: [
      { what: 'the versions of a key in a KMS', line: 'keys list hashivault://release' },
      { what: 'which keys of a key set count now, as JSON', line: 'keys list --output json release-keys.json' },
    ],
    arguments: { name: 'KEY...', min: 1, max: 100 },
    flags: listKeysFlags,
    exits: 'own',
    load: async () => (await import('../commands/keys/list.ts')).listKeysCommand,
  }),
  defineCommand({
    name: 'resign',
    group: 'Keys',
    summary: 'Sign with a new key what an old one has signed, in whole repositories',
    description:
      'Looks at every image of each REPOSITORY (whatever has a tag, and what is in an index), or at IMAGE (with a tag or digest).\n' +
      'What verifies with --from and is not signed with --to yet is signed, byte for byte and in the same layout; the old signatures\n' +
      'stay. The plan is shown, then a question asked. A run that ended early is gone on with by running it again.\n' +
      'Both keys may be one of a KMS: its newest version signs what the others have signed. COSIGN_REPOSITORY is honoured.',
    examples: [
      { what: 'show what would be signed', line: 'resign --dry-run --from old.pub --to new.key registry.example.com/app' },
      {
        what: 'sign two repositories again, attestations too, after a key in a KMS was rotated',
        line: 'resign --attestations --yes --from hashivault://release --to hashivault://release registry.example.com/app registry.example.com/web',
      },
    ],
    arguments: { name: 'REPOSITORY|IMAGE...', min: 1, max: 1000 },
    flags: resignFlags,
    exits: 'own',
    endless: true,
    load: async () => (await import('../commands/keys/resign.ts')).resign,
  }),
]
