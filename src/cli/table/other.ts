import { type Command, defineCommand } from '../command.ts'
import { versionFlags } from '../flags/other.ts'

/** What concerns the program itself. */
export const otherCommands: readonly Command[] = [
  defineCommand({
    name: 'version',
    group: 'Other',
    summary: 'Print which version is running',
    examples: [
      { what: 'for people', line: 'version' },
      { what: 'for programs', line: 'version --json' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: versionFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/version.ts')).version,
  }),
]
