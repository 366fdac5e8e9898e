import { type Command, defineCommand } from '../command.ts'
import { cleanFlags, gcFlags } from '../flags/contents/cleaning.ts'

/** Removing what is attached to images, and what images left behind. */
export const cleaningCommands: readonly Command[] = [
  defineCommand({
    name: 'clean',
    group: 'Attached to images',
    summary: 'Remove what is attached to an image',
    description:
      'The plan is shown, then a question asked. Referrers that are no Sigstore bundles are kept. COSIGN_REPOSITORY is honoured.\n' +
      'An image that is gone already can be cleaned up after by its digest.',
    examples: [
      { what: 'show what would be removed', line: 'clean --dry-run IMAGE' },
      { what: 'remove the signatures in the layout of cosign 2 without a question', line: 'clean --type signature --force IMAGE' },
    ],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: cleanFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/cleaning/clean.ts')).cleanImage,
  }),
  defineCommand({
    name: 'gc',
    group: 'Registries',
    summary: 'Collect the signatures of images that are gone',
    description:
      'Looks in REPOSITORY for signatures, attestations, SBOMs and bundles whose image is neither there nor in any\n' +
      'IMAGE-REPOSITORY. What names another repository than these is kept, and so is what names none, unless --exclusive.\n' +
      'An image counts as gone by a clear 404 only; any other answer ends the command with nothing deleted.',
    examples: [
      { what: 'show what would be collected', line: 'gc --plan registry.example.com/app' },
      {
        what: 'a repository of signatures that two repositories of images share',
        line: 'gc --plan registry.example.com/signatures registry.example.com/app registry.example.com/tools',
      },
    ],
    arguments: { name: 'REPOSITORY [IMAGE-REPOSITORY...]', min: 1, max: 100 },
    flags: gcFlags,
    exits: 'own',
    load: async () => (await import('../commands/cleaning/gc.ts')).collectGarbage,
  }),
]
