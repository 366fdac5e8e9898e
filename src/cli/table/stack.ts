import { type Command, defineCommand } from '../command.ts'
import {
  stackDoctorFlags,
  stackExportTrustFlags,
  stackFreezeFlags,
  stackHashPasswordFlags,
  stackInitFlags,
  stackRenewAuthorityFlags,
  stackStatusFlags,
  stackUpFlags,
} from '../flags/sigstore/stack.ts'

/** A Sigstore of one's own. */
export const stackCommands: readonly Command[] = [
  defineCommand({
    name: 'stack init',
    group: 'Private Sigstore',
    summary: 'Make the folder of a private Sigstore: keys, certificates, configuration',
    description:
      'All keys are encrypted with one passphrase, from COSIGN_PASSWORD, the terminal or standard input. Those of the roots go into\n' +
      'a folder of their own: the stack runs without them.',
    examples: [
      { what: 'to try it on this machine', line: 'stack init --data ./stack --root-keys ./stack-root-keys' },
      { what: 'for a team', line: 'stack init --url https://sigstore.example.com --operator example.com' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: stackInitFlags,
    exits: 'own',
    load: async () => (await import('../commands/stack/init.ts')).initStack,
  }),
  defineCommand({
    name: 'stack up',
    group: 'Private Sigstore',
    summary: 'Run a private Sigstore: certificate authority, logs, timestamps, issuer',
    description:
      'Fulcio, a certificate transparency log, Rekor v1 and v2, a timestamp authority, a TUF repository and an OIDC issuer on one\n' +
      'address, in one process.\n' +
      'Its URL is the first line of standard output; the log stream is standard error. Serves until it is interrupted.',
    examples: [
      { what: 'what `stack init` made', line: 'stack up --data ./stack' },
      { what: 'at once, on this machine, with tokens for the asking', line: 'stack up --dev --data ./stack' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: stackUpFlags,
    exits: 'own',
    endless: true,
    load: async () => (await import('../commands/stack/up.ts')).runStack,
  }),
  defineCommand({
    name: 'stack status',
    group: 'Private Sigstore',
    summary: 'Show whether a stack serves, how large its logs are, and what expires when',
    description:
      'Asks the services at the URL of the folder; no passphrase is needed. Fails when one does not answer or something has expired.',
    examples: [{ what: 'as JSON', line: 'stack status --data ./stack --output json' }],
    arguments: { name: '', min: 0, max: 0 },
    flags: stackStatusFlags,
    exits: 'own',
    load: async () => (await import('../commands/stack/status.ts')).showStatus,
  }),
  defineCommand({
    name: 'stack doctor',
    group: 'Private Sigstore',
    summary: 'Sign and verify a probe by a stack that serves, and show what expires when',
    description:
      'Does what clients do: gets a certificate, a timestamp and an entry in each log for random bytes, and verifies what came of\n' +
      'it by what `stack export-trust` gives them. The passphrase is for a token by its own issuer; --identity-token needs none.',
    examples: [
      { what: 'after every change', line: 'stack doctor --data ./stack' },
      { what: 'as JSON, for a monitor', line: 'stack doctor --data ./stack --output json' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: stackDoctorFlags,
    exits: 'own',
    load: async () => (await import('../commands/stack/doctor.ts')).examineStack,
  }),
  defineCommand({
    name: 'stack export-trust',
    group: 'Private Sigstore',
    summary: 'Write what clients need to trust a stack',
    description:
      'A trusted root and a signing config, both in one file for clients that take a client trust config (sigstore for Python),\n' +
      'and for cosign 2 the keys and certificates one by one. No passphrase is needed, and nothing of it is secret.',
    examples: [{ what: 'files, to hand to clients', line: 'stack export-trust --data ./stack --out ./trust' }],
    arguments: { name: '', min: 0, max: 0 },
    flags: stackExportTrustFlags,
    exits: 'own',
    load: async () => (await import('../commands/stack/export-trust.ts')).exportTrust,
  }),
  defineCommand({
    name: 'stack freeze',
    group: 'Private Sigstore',
    summary: 'End a transparency log of a private Sigstore for good',
    description:
      'The log of version 2 takes no entries from then on and answers 405; it is read as before, and bundles of it verify. Its last\n' +
      'checkpoint says so in a line of its own. A stack that runs does it within a second or two; of one that does not, the\n' +
      'passphrase is needed. There is no way back. First tell clients to use another log: `rekor.sign-with` of stack.yaml.',
    examples: [
      { what: 'the log of version 2', line: 'stack freeze rekor-v2 --data ./stack' },
      { what: 'naming the next', line: "stack freeze rekor-v2 --data ./stack --next 'go on at the log of 2027'" },
    ],
    arguments: { name: 'LOG', min: 1, max: 1 },
    flags: stackFreezeFlags,
    exits: 'own',
    load: async () => (await import('../commands/stack/freeze.ts')).freezeLog,
  }),
  defineCommand({
    name: 'stack renew-authority',
    group: 'Private Sigstore',
    summary: 'Give the certificate authority of a private Sigstore another key and certificate',
    description:
      'By the key of its root, which `stack init` put into a folder of its own. A stack that runs takes the new authority within\n' +
      'ten seconds, after it has told its clients; whoever was certified before stays so. To be done before the certificate of the\n' +
      'authority expires: `stack status` says when. The passphrase is the one of the other keys.',
    examples: [{ what: 'with the keys of the roots at hand', line: 'stack renew-authority --data ./stack --root-keys ./stack-root-keys' }],
    arguments: { name: '', min: 0, max: 0 },
    flags: stackRenewAuthorityFlags,
    exits: 'own',
    load: async () => (await import('../commands/stack/renew-authority.ts')).renewStackAuthority,
  }),
  defineCommand({
    name: 'stack hash-password',
    group: 'Private Sigstore',
    summary: 'Hash a password for a user in stack.yaml',
    description:
      'The password is typed twice, or is what standard input holds. argon2id where the runtime has it, scrypt where it has not.',
    examples: [{ what: 'for `issuer.users` of stack.yaml', line: 'stack hash-password' }],
    arguments: { name: 'FILE', min: 0, max: 1 },
    flags: stackHashPasswordFlags,
    exits: 'own',
    load: async () => (await import('../commands/stack/hash-password.ts')).printPasswordHash,
  }),
]
