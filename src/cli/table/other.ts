import { type Command, defineCommand } from '../command.ts'
import { completionFlags, debugProvidersFlags, envFlags, versionFlags } from '../flags/other.ts'

/**
 * What concerns the program itself.
 *
 * @param all - every command there is, these among them: completion is made from them
 */
export const otherCommands = (all: () => readonly Command[]): readonly Command[] => [
  defineCommand({
    name: 'completion',
    group: 'Other',
    summary: 'Print a script that completes command lines in a shell',
    description:
      'For bash, zsh, fish or PowerShell. The script stands alone and also completes the name cosign, under which countersign\n' +
      'may be installed.',
    examples: [
      { what: 'in bash, for this session', line: 'completion bash > countersign.bash; source countersign.bash' },
      { what: 'in zsh, into a folder of fpath', line: 'completion zsh > ~/.zsh/completions/_countersign' },
      { what: 'in fish, for all sessions', line: 'completion fish > ~/.config/fish/completions/countersign.fish' },
      { what: 'for PowerShell, whose profile then reads the file', line: 'completion powershell > countersign.ps1' },
    ],
    arguments: { name: 'SHELL', min: 1, max: 1, choices: ['bash', 'zsh', 'fish', 'powershell'] },
    flags: completionFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/completion.ts')).createCompletion(all()),
  }),
  defineCommand({
    name: 'debug providers',
    group: 'Other',
    summary: 'Print which CI systems could give an identity token here',
    description: 'In the order in which `sign` and `sign-blob` try them. No token is asked for.',
    examples: [{ what: 'where this job runs, as signing sees it', line: 'debug providers' }],
    arguments: { name: '', min: 0, max: 0 },
    flags: debugProvidersFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/debug-providers.ts')).showProviders,
  }),
  defineCommand({
    name: 'env',
    group: 'Other',
    summary: 'Print the environment variables that have a meaning here',
    description: 'Secrets are masked when they are set. Any flag can be set by a variable too: --allow-x by COUNTERSIGN_ALLOW_X.',
    examples: [
      { what: 'what is set to what', line: 'env' },
      { what: 'without explanations', line: 'env --show-descriptions=false' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: envFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/env.ts')).showEnvironment,
  }),
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
