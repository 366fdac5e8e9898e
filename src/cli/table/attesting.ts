import { type Command, defineCommand } from '../command.ts'
import { attachAttestationFlags, attachSbomFlags } from '../flags/attesting/attach.ts'
import { attestBlobFlags, attestFlags } from '../flags/attesting/attest.ts'

const any = Number.POSITIVE_INFINITY
const onImage = { name: 'IMAGE', min: 1, max: 1 } as const

/** Attestations: statements about images and files, signed. */
export const attestingCommands: readonly Command[] = [
  defineCommand({
    name: 'attest',
    group: 'Sign and verify',
    summary: 'Sign statements about container images',
    description:
      'States what the file of --predicate says about an image: an SBOM, the result of a scan, how it was built.\n' +
      'The signed statement is stored beside the image in its registry, as a Sigstore bundle that cosign 3 verifies;\n' +
      '--new-bundle-format=false writes the layout of cosign 2. Without --key whoever an identity token names attests.\n' +
      'A statement that is there already is signed as it is with --statement; it must name the image by its digest.',
    examples: [
      { what: 'attest to an SBOM', line: 'attest --yes --type cyclonedx --predicate sbom.cdx.json IMAGE@sha256:...' },
      {
        what: 'with a key, recording it in no transparency log, and the predicate from another program',
        line: 'attest --key cosign.key --tlog-upload=false --use-signing-config=false --type vuln --predicate - IMAGE@sha256:...',
      },
      {
        what: 'sign a statement of your own type that some tool has made',
        line: 'attest --key cosign.key --signing-config signing-config.json --statement statement.json IMAGE@sha256:...',
      },
      {
        what: 'state how this job of GitHub Actions or GitLab CI has built it',
        line: 'attest --yes --type slsaprovenance1 --generate IMAGE@sha256:...',
      },
      {
        what: 'for readers of cosign 2, in place of the scan that was there',
        line: 'attest --key cosign.key --signing-config signing-config.json --new-bundle-format=false --replace --type vuln --predicate scan.json IMAGE@sha256:...',
      },
    ],
    arguments: { name: 'IMAGE...', min: 1, max: any },
    flags: attestFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attesting/attest.ts')).attestImages,
  }),
  defineCommand({
    name: 'attest-blob',
    group: 'Sign and verify',
    summary: 'Sign a statement about a file',
    description:
      'FILE is a path, or - for standard input; with --hash it is a name alone. A statement that is given with --statement\n' +
      'says itself what it is about; a FILE beside it must be that.',
    examples: [
      {
        what: 'attest to how a file was built, and write a bundle',
        line: 'attest-blob --yes --type slsaprovenance1 --predicate provenance.json --bundle FILE.sigstore.json FILE',
      },
      {
        what: 'the same of a file that is elsewhere, with a key and no transparency log',
        line: 'attest-blob --key cosign.key --tlog-upload=false --use-signing-config=false --hash HEX --type slsaprovenance1 --predicate provenance.json --bundle FILE.sigstore.json FILE',
      },
      {
        what: 'sign a statement that some tool has made',
        line: 'attest-blob --key cosign.key --signing-config signing-config.json --statement statement.json --bundle statement.sigstore.json',
      },
    ],
    arguments: { name: '[FILE]', min: 0, max: 1 },
    flags: attestBlobFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attesting/attest-blob.ts')).attestBlob,
  }),
  defineCommand({
    name: 'attach attestation',
    group: 'Attached to images',
    summary: 'Store attestations that were made elsewhere beside their image',
    description:
      'DSSE envelopes are kept in the layout of cosign 2, Sigstore bundles as referrers. What is attached must be about this\n' +
      'image; who signed it is for `verify-attestation` to say. Attaching the same twice stores it once.',
    examples: [
      { what: 'a bundle that `attest --no-upload` printed', line: 'attach attestation --attestation sbom.sigstore.json IMAGE' },
      {
        what: 'what `download attestation` printed of another copy of the image',
        line: 'attach attestation --attestation all.jsonl IMAGE',
      },
    ],
    arguments: onImage,
    flags: attachAttestationFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attesting/attach-attestation.ts')).attachAttestations,
  }),
  defineCommand({
    name: 'attach sbom',
    group: 'Attached to images',
    summary: 'Store an SBOM beside its image, unsigned',
    description: 'Nobody signs it, and it takes the place of another. `attest` makes a signed statement of an SBOM.',
    examples: [
      { what: 'an SBOM that some tool has written', line: 'attach sbom --type cyclonedx --sbom sbom.cdx.json IMAGE' },
      { what: 'the same from standard input', line: 'attach sbom --type spdx --input-format json --sbom - IMAGE' },
    ],
    arguments: onImage,
    flags: attachSbomFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/attesting/attach-sbom.ts')).attachSbom,
  }),
]
