import { type Command, defineCommand } from '../command.ts'
import { copyFlags, loadFlags, saveFlags } from '../flags/contents/moving.ts'

const whatTravels =
  'Children of indexes, referrers (bundles, SBOMs, foreign artifacts) and those of referrers, and the .sig, .att and .sbom tags\n' +
  'of cosign 2 travel along. '

/** Copying images between registries, and to disk and back. */
export const movingCommands: readonly Command[] = [
  defineCommand({
    name: 'copy',
    group: 'Moving images',
    summary: 'Copy an image with everything attached to it',
    description:
      `${whatTravels}The tag of the destination comes last; run again after an interruption, it sends what is missing.\n` +
      'Signatures that the destination has already are kept. COSIGN_REPOSITORY is read from; what is found there lands beside\n' +
      'the copy. SOURCE and DESTINATION can be image layouts, oci:DIR[:TAG], and SOURCE an archive, docker-archive:FILE.',
    examples: [
      { what: 'an image, its signatures and attestations', line: 'copy registry.example.com/app:v1 mirror.example.com/app:v1' },
      { what: 'bring signatures made since up to date', line: 'copy --only sig registry.example.com/app:v1 mirror.example.com/app:v1' },
      { what: 'one platform, into a layout on disk', line: 'copy --platform linux/arm64 registry.example.com/app:v1 oci:./app:v1' },
    ],
    arguments: { name: 'SOURCE DESTINATION', min: 2, max: 2 },
    flags: copyFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/moving/copy.ts')).copyImage,
  }),
  defineCommand({
    name: 'save',
    group: 'Moving images',
    summary: 'Save an image with everything attached to it into a folder',
    description: `${whatTravels}The folder is an OCI image layout that cosign, oras, skopeo and crane read too.`,
    examples: [{ what: 'an image and its signatures', line: 'save --dir ./app registry.example.com/app:v1' }],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: saveFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/moving/save.ts')).saveImage,
  }),
  defineCommand({
    name: 'load',
    group: 'Moving images',
    summary: 'Push a saved image with everything attached to it',
    description:
      `${whatTravels}The folder may have been written by cosign 2 or 3, oras, skopeo, crane or this program.\n` +
      'What is attached goes to COSIGN_REPOSITORY where it is set. A tag that holds another image is overwritten, as by a push.',
    examples: [{ what: 'what was saved, under another name', line: 'load --dir ./app mirror.example.com/app:v1' }],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: loadFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/moving/load.ts')).loadImage,
  }),
]
