import type { Command, Flag, FlagTable } from './command.ts'
import { defaultText, exitStatusText, flagSpelling, isRepeatable, refusalText, usageOf } from './help.ts'
import type { Program } from './run.ts'

/** `docs/commands.md`, made from the command table; a test fails when the file says anything else. */
export function commandReference({ commands, later, refused = new Map() }: Program, globalFlags: FlagTable): string {
  return [
    '# Commands',
    '',
    'Made from the command table by `node scripts/commands-reference.ts`; do not edit.',
    '',
    'Flags are cosign 3.1’s, with its defaults; *ours* marks those that cosign does not have. Any flag can be set by the',
    'environment: `--allow-x` by `COUNTERSIGN_ALLOW_X` or `COSIGN_ALLOW_X`. The command line wins, then our own spelling; an empty',
    'variable counts as unset. `COSIGN_PASSWORD` is the passphrase of private keys and sets no flag. A variable that makes',
    'verification weaker draws a warning.',
    '',
    ...exitStatuses,
    ...failures,
    '## Flags of every command',
    '',
    ...flagTable(globalFlags),
    ...commands.flatMap(commandSection),
    '## Not built yet',
    '',
    'These commands of cosign’s are refused by name:',
    '',
    ...[...later].map(name => `- \`${name}\``),
    '',
    '## Not to be built',
    '',
    'These too, each with what works instead:',
    '',
    ...[...refused].map(([name, reason]) => `- \`${name}\`: ${reason}`),
    '',
  ].join('\n')
}

const exitStatuses = [
  '## Exit status',
  '',
  '| status | commands that cosign has | commands of our own |',
  '|---|---|---|',
  '| 0 | done, verified | done |',
  '| 1 | any other failure | wrong usage, or a defect of countersign |',
  '| 3, 4, 5, 6 | | malformed, untrusted, denied, unavailable |',
  '| 10 | `verify`, `manifest verify`, `dockerfile verify`: nothing is signed | |',
  '| 11 | these three: no such tag | |',
  '| 12 | these three: there are signatures in the layout of cosign 2, and none of them verifies | |',
  '| 130 | interrupted | interrupted |',
  '',
] as const

const failures = [
  '## Failures as JSON',
  '',
  'Where `--output json` was asked for, a failure is also one line of JSON on standard output; reports that say of each image or',
  'finding what is wrong (`verify --file`, `registry doctor`) stand alone. The shape is stable:',
  '',
  '```json',
  '{"error":{"code":"SIGNATURE_INVALID","kind":"untrusted","message":"…","derivation":{}}}',
  '```',
  '',
  '`kind` is `malformed`, `untrusted`, `denied`, `unavailable`, `usage`, `internal` or `interrupted`; `derivation` is there when',
  'something was verified. Standard error ends with `Error: MESSAGE` and `error during command execution: MESSAGE`, as cosign’s.',
  '',
] as const

function commandSection(command: Command): readonly string[] {
  const exits = exitStatusText(command)
  return [
    `## ${command.name}`,
    '',
    `${command.summary}.`,
    '',
    ...(command.description === undefined ? [] : [command.description, '']),
    ...(exits === undefined ? [] : [exits, '']),
    '```sh',
    `countersign ${usageOf(command)}`,
    ...command.examples.flatMap(({ what, line }) => ['', `# ${what}`, `countersign ${line}`]),
    '```',
    '',
    ...flagTable(command.flags),
  ]
}

function flagTable(flags: FlagTable): readonly string[] {
  const names = Object.keys(flags).toSorted()
  return ['| flag | default | meaning |', '|---|---|---|', ...names.map(name => flagRow(name, flags[name]!)), '']
}

function flagRow(name: string, flag: Flag): string {
  const notes = [
    ...(flag.own ? ['*ours*'] : []),
    ...(isRepeatable(flag) ? ['repeatable'] : []),
    ...(flag.type === 'string' && flag.choices ? [flag.choices.map(choice => `\`${choice}\``).join(' or ')] : []),
    ...(flag.refused === undefined ? [] : [`**${refusalText(flag)}**: ${flag.refused}`]),
    ...(flag.effectless === undefined ? [] : [`**no effect**: ${flag.effectless}`]),
    ...(flag.deprecated === undefined ? [] : ['deprecated']),
  ]
  const spelling = `\`${flagSpelling(name, flag)}\`${flag.shorthand === undefined ? '' : `, \`-${flag.shorthand}\``}`
  const text = defaultText(flag)
  return `| ${spelling} | ${text === '' ? '' : `\`${text}\``} | ${cell([flag.help, ...notes].join('; '))} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
