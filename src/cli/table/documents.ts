import { type Command, defineCommand } from '../command.ts'
import { dockerfileVerifyFlags, manifestVerifyFlags } from '../flags/documents.ts'

/** Verifying the images that a document names: a manifest, a Dockerfile. */
export const documentCommands: readonly Command[] = [
  defineCommand({
    name: 'manifest verify',
    group: 'Sign and verify',
    summary: 'Verify every image that a Kubernetes manifest names',
    description:
      'FILE is a path that ends in .yaml, .yml or .json, or - for standard input. It may hold several documents.\n' +
      'Images of containers, init containers, ephemeral containers and image volumes are verified wherever a pod or its\n' +
      'template stands; in kinds that are not of Kubernetes itself, so is each text named image.',
    examples: [
      { what: 'verify the images of a deployment', line: 'manifest verify --key cosign.pub --insecure-ignore-tlog deployment.yaml' },
      {
        what: 'require a claim of each image',
        line: 'manifest verify --key cosign.pub --insecure-ignore-tlog -a commit=4f2a9c deployment.yaml',
      },
      { what: 'verify what another program writes', line: 'manifest verify --key cosign.pub --insecure-ignore-tlog -' },
    ],
    arguments: { name: 'FILE', min: 1, max: 1 },
    flags: manifestVerifyFlags,
    exits: 'cosign verify',
    load: async () => (await import('../commands/verifying/manifest-verify.ts')).verifyManifest,
  }),
  defineCommand({
    name: 'dockerfile verify',
    group: 'Sign and verify',
    summary: 'Verify every image that a Dockerfile names',
    description:
      'DOCKERFILE is a path, or - for standard input. Images of FROM, COPY --from and RUN --mount=from= are verified.\n' +
      'Variables have the values of ARG and ENV in the file; those it leaves open are taken from the environment.',
    examples: [
      { what: 'verify every image', line: 'dockerfile verify --key cosign.pub --insecure-ignore-tlog Dockerfile' },
      {
        what: 'verify what the last stage is built on',
        line: 'dockerfile verify --key cosign.pub --insecure-ignore-tlog --base-image-only Dockerfile',
      },
    ],
    arguments: { name: 'DOCKERFILE', min: 1, max: 1 },
    flags: dockerfileVerifyFlags,
    exits: 'cosign verify',
    load: async () => (await import('../commands/verifying/dockerfile-verify.ts')).verifyDockerfile,
  }),
]
