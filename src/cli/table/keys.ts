import { type Command, defineCommand } from '../command.ts'
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
      'group (GITLAB_TOKEN, GITLAB_HOST), github://OWNER[/REPO] in Actions secrets of those names (GITHUB_TOKEN, GITHUB_HOST);\n' +
      'PREFIX.pub is written too. A private key that is there already is never replaced.',
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
]
