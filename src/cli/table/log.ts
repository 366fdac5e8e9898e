import { type Command, defineCommand } from '../command.ts'
import { logGetFlags, logInfoFlags, logSearchFlags, logVerifyFlags } from '../flags/log.ts'

const keeping =
  'The head of the log is verified with the key of a trusted root, and must go on from the one that was seen last, which is\n' +
  'kept in --state-folder.'

/** Looking into transparency logs: any Rekor of version 1 or 2. */
export const logCommands: readonly Command[] = [
  defineCommand({
    name: 'log info',
    group: 'Transparency logs',
    summary: 'Show the verified head of a transparency log',
    description: keeping,
    examples: [
      { what: 'the public log', line: 'log info' },
      { what: 'for programs', line: 'log info --output json' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: logInfoFlags,
    exits: 'own',
    load: async () => (await import('../commands/log/info.ts')).logInfo,
  }),
  defineCommand({
    name: 'log get',
    group: 'Transparency logs',
    summary: 'Show entries of a transparency log, each proven to be in it',
    description:
      'An entry is named by its index or, in Rekor v1, its ID; or flags say what it is about. Searches of Rekor v2 are made in a\n' +
      `local index, for which all entries are fetched once.\n${keeping}`,
    examples: [
      { what: 'the first', line: 'log get 0' },
      { what: 'what was logged about a file, as JSON', line: 'log get --artifact FILE --output json' },
    ],
    arguments: { name: 'INDEX|ID', min: 0, max: 1 },
    flags: logGetFlags,
    exits: 'own',
    load: async () => (await import('../commands/log/get.ts')).logGet,
  }),
  defineCommand({
    name: 'log search',
    group: 'Transparency logs',
    summary: 'List entries of a transparency log by artifact, signer or key',
    description:
      'Each entry that is listed is proven to be in the log. That nothing else is there, a Rekor v1 is believed about; of a\n' +
      `Rekor v2, all entries are fetched into a local index, and proven.\n${keeping}`,
    examples: [
      { what: 'who signed a file', line: 'log search --artifact FILE' },
      { what: 'what somebody signed', line: 'log search --email alice@acme.test --limit 100' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: logSearchFlags,
    exits: 'own',
    load: async () => (await import('../commands/log/search.ts')).logSearch,
  }),
  defineCommand({
    name: 'log verify',
    group: 'Transparency logs',
    summary: 'Prove that an entry is in a transparency log, and that the log only grew',
    description: keeping,
    examples: [
      { what: 'that the entries of a bundle are in the log', line: 'log verify --bundle logged.sigstore.json' },
      { what: 'that a file was logged', line: 'log verify --artifact FILE' },
    ],
    arguments: { name: 'INDEX|ID', min: 0, max: 1 },
    flags: logVerifyFlags,
    exits: 'own',
    load: async () => (await import('../commands/log/verify.ts')).logVerify,
  }),
]
