import { type Command, defineCommand } from '../command.ts'
import { treeFlags } from '../flags/other.ts'

/** What is attached to an image. */
export const attachedCommands: readonly Command[] = [
  defineCommand({
    name: 'tree',
    group: 'Attached to images',
    summary: 'Show what is attached to an image',
    examples: [{ what: 'signatures, attestations and SBOMs of an image', line: 'tree IMAGE' }],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: treeFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/tree.ts')).showTree,
  }),
]
