import { type Command, defineCommand } from '../command.ts'
import {
  initializeFlags,
  signingConfigCreateFlags,
  trustDoctorFlags,
  trustExportFlags,
  trustedRootCreateFlags,
  trustImportFlags,
} from '../flags/trust.ts'

/** Whom to trust: the TUF repository, trusted roots and signing configs of one's own, and looking after them. */
export const trustCommands: readonly Command[] = [
  defineCommand({
    name: 'initialize',
    group: 'Trust',
    summary: 'Choose the TUF repository to take trust from',
    description:
      'The repository is proven from a root, kept in $TUF_ROOT (~/.sigstore/root) in place of what was kept of it, and used by\n' +
      'later commands, also those of cosign. Without --root, it must go back to the root of the public Sigstore instance.',
    examples: [
      {
        what: 'a repository of your own',
        line: 'initialize --mirror https://tuf.example.com --root root.json',
      },
      {
        what: 'one whose root is at hand only by its checksum',
        line: 'initialize --mirror https://tuf.example.com --root https://tuf.example.com/1.root.json --root-checksum HEX',
      },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: initializeFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/trust/initialize.ts')).initialize,
  }),
  defineCommand({
    name: 'trusted-root create',
    group: 'Trust',
    summary: 'Write a trusted root: whose signatures count',
    description: 'Each service is a list of NAME=VALUE; flags that name one can be repeated. Times are written 2026-01-02T03:04:05Z.',
    examples: [
      {
        what: 'the services of your own instance',
        line: 'trusted-root create --fulcio url=https://fulcio.example.com,certificate-chain=ca.pem --rekor url=https://rekor.example.com,public-key=rekor.pub,start-time=2026-01-01T00:00:00Z --out trusted_root.json',
      },
      { what: 'nobody, for verification with keys alone', line: 'trusted-root create --out trusted_root.json' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: trustedRootCreateFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/trust/create-trusted-root.ts')).createTrustedRoot,
  }),
  defineCommand({
    name: 'signing-config create',
    group: 'Trust',
    summary: 'Write a signing config: which services take part in signing',
    description: 'Each service is a list of NAME=VALUE; flags that name one can be repeated. Times are written 2026-01-02T03:04:05Z.',
    examples: [
      {
        what: 'a transparency log of your own',
        line: 'signing-config create --rekor url=https://rekor.example.com,api-version=2,start-time=2026-01-01T00:00:00Z,operator=example.com --rekor-config ANY --out signing_config.json',
      },
      { what: 'no services, to sign with a key alone', line: 'signing-config create --out signing_config.json' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: signingConfigCreateFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/trust/create-signing-config.ts')).createSigningConfig,
  }),
  defineCommand({
    name: 'trust doctor',
    group: 'Trust',
    summary: 'Tell whom countersign trusts, until when and on whose word',
    description:
      'Fails where trust cannot be had, and where nobody is trusted any more. What has ended is still trusted for what was signed\n' +
      'before its end.',
    examples: [
      { what: 'a trusted root in a file', line: 'trust doctor --trusted-root trusted_root.json' },
      { what: 'what is kept, as JSON', line: 'trust doctor --offline --output json' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: trustDoctorFlags,
    exits: 'own',
    load: async () => (await import('../commands/trust/doctor.ts')).examineTrust,
  }),
  defineCommand({
    name: 'trust export',
    group: 'Trust',
    summary: 'Write all of what TUF says of trust to one file, for machines without a network',
    description: 'The file proves itself as the repository does, and expires as it does. Its digest is printed, to be carried another way.',
    examples: [{ what: 'carry trust across an air gap', line: 'trust export trust.json' }],
    arguments: { name: 'FILE', min: 1, max: 1 },
    flags: trustExportFlags,
    exits: 'own',
    load: async () => (await import('../commands/trust/export.ts')).exportTrust,
  }),
  defineCommand({
    name: 'trust import',
    group: 'Trust',
    summary: 'Take trust from a file of `trust export`',
    description:
      'The file is proven as the repository would be: from the root that is kept, given or comes with countersign, and never back\n' +
      'behind what is kept. Where there is no root to prove it from, --digest says that this very file is trusted.',
    examples: [
      { what: 'on the other side of an air gap', line: 'trust import trust.json' },
      { what: 'with the digest that was read out over the phone', line: 'trust import --digest sha256:HEX trust.json' },
    ],
    arguments: { name: 'FILE', min: 1, max: 1 },
    flags: trustImportFlags,
    exits: 'own',
    load: async () => (await import('../commands/trust/import.ts')).importTrust,
  }),
]
