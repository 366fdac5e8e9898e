import { type Command, defineCommand } from '../command.ts'
import {
  attachSignatureFlags,
  downloadAttestationFlags,
  downloadSbomFlags,
  downloadSignatureFlags,
  generateFlags,
  treeFlags,
  triangulateFlags,
} from '../flags/attached.ts'
import { promoteFlags } from '../flags/promote.ts'

const onImage = { name: 'IMAGE', min: 1, max: 1 } as const

/** What is attached to an image: showing it, fetching it, attaching what was made elsewhere. */
export const attachedCommands: readonly Command[] = [
  defineCommand({
    name: 'tree',
    group: 'Attached to images',
    summary: 'Show what is attached to an image',
    description: 'With size, type, signer and age of each, as it says itself: nothing is verified.',
    examples: [{ what: 'signatures, attestations and SBOMs of an image', line: 'tree IMAGE' }],
    arguments: onImage,
    flags: treeFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attached/tree.ts')).showTree,
  }),
  defineCommand({
    name: 'triangulate',
    group: 'Attached to images',
    summary: 'Print where the layout of cosign 2 keeps what is attached to an image',
    examples: [
      { what: 'the tag of its signatures', line: 'triangulate IMAGE' },
      { what: 'its name by digest', line: 'triangulate --type digest IMAGE' },
    ],
    arguments: onImage,
    flags: triangulateFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attached/triangulate.ts')).triangulate,
  }),
  defineCommand({
    name: 'generate',
    group: 'Attached to images',
    summary: 'Print the payload that signs an image in the layout of cosign 2',
    description: 'For signing by other means; `attach signature` stores what they made. No line end follows: each byte is signed.',
    examples: [
      { what: 'sign by OpenSSL', line: 'generate IMAGE > payload.json; openssl dgst -sha256 -sign key.pem -out signature payload.json' },
      { what: 'with a claim', line: 'generate -a commit=4f2a9c IMAGE' },
    ],
    arguments: onImage,
    flags: generateFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attached/generate.ts')).generatePayload,
  }),
  defineCommand({
    name: 'download signature',
    group: 'Attached to images',
    summary: 'Print the signatures of an image, one JSON document on each line',
    description:
      'Its bundles, attestations among them; where there is none, its signatures in the layout of cosign 2.\n' +
      'Nothing is verified: what is printed is what the registry holds.',
    examples: [{ what: 'keep the bundle of an image', line: 'download signature IMAGE > image.sigstore.json' }],
    arguments: onImage,
    flags: downloadSignatureFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attached/download-signature.ts')).downloadSignatures,
  }),
  defineCommand({
    name: 'download attestation',
    group: 'Attached to images',
    summary: 'Print what is attested of an image, one JSON document on each line',
    description:
      'Its bundles, signatures among them, then its attestations in the layout of cosign 2; size, type, signer and age of each go to\n' +
      'standard error. Nothing is verified: what is printed is what the registry holds.',
    examples: [
      { what: 'keep the attestations of an image', line: 'download attestation IMAGE > attestations.jsonl' },
      { what: 'its SBOMs', line: 'download attestation --predicate-type cyclonedx IMAGE' },
      { what: 'those of one image of an index', line: 'download attestation --platform linux/arm64 IMAGE' },
    ],
    arguments: onImage,
    flags: downloadAttestationFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attached/download-attestation.ts')).downloadAttestations,
  }),
  defineCommand({
    name: 'download sbom',
    group: 'Attached to images',
    summary: 'Print the SBOM that is attached to an image',
    description: 'What `attach sbom` has stored, as it is. Nobody signed it: an SBOM that is attested is verified by `verify-attestation`.',
    examples: [{ what: 'keep the SBOM of an image', line: 'download sbom IMAGE > sbom.json' }],
    arguments: onImage,
    flags: downloadSbomFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attached/download-sbom.ts')).downloadSbom,
  }),
  defineCommand({
    name: 'attach signature',
    group: 'Attached to images',
    summary: 'Store a signature that was made elsewhere beside its image',
    description:
      'What is attached must be about this image; who signed it is for `verify` to say. Attaching the same twice stores it once.\n' +
      'Certificates, log entries and timestamps are kept as they are; only their form is checked.',
    examples: [
      { what: 'a bundle that `download signature` printed', line: 'attach signature --bundle image.sigstore.json IMAGE' },
      { what: 'a signature over what `generate` printed', line: 'attach signature --payload payload.json --signature signature IMAGE' },
    ],
    arguments: onImage,
    flags: attachSignatureFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attached/attach-signature.ts')).attachSignature,
  }),
  defineCommand({
    name: 'promote',
    group: 'Attached to images',
    summary: 'Sign the SBOMs and provenance that docker buildx has put into an image index',
    description:
      'BuildKit keeps what it states of each image in the index, unsigned, where verifiers do not look. Each statement is signed\n' +
      'as it is and attached to the image it is about; the index, and its digest, stay as they are. A statement about another image\n' +
      'refuses all. What a key has promoted is not signed again.',
    examples: [
      { what: 'by the identity that the CI system gives this job', line: 'promote --yes IMAGE@sha256:...' },
      {
        what: 'by a key, with the services of a signing config',
        line: 'promote --key cosign.key --signing-config signing-config.json IMAGE@sha256:...',
      },
    ],
    arguments: onImage,
    flags: promoteFlags,
    exits: 'own',
    load: async () => (await import('../commands/attached/promote.ts')).promote,
  }),
]
