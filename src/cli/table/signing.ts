import { type Command, defineCommand } from '../command.ts'
import { signBlobFlags, signFlags } from '../flags/sign.ts'
import { identitySuggestFlags, verifyAttestationFlags, verifyBlobAttestationFlags, verifyBlobFlags, verifyFlags } from '../flags/verify.ts'

const any = Number.POSITIVE_INFINITY

/** Signing and verifying images and files. */
export const signingCommands: readonly Command[] = [
  defineCommand({
    name: 'sign',
    group: 'Sign and verify',
    summary: 'Sign container images',
    description:
      'Name the image by its digest: a tag moves, and what is signed is what the tag points to now.\n' +
      'Without --key it is signed by whoever an identity token names, and what that makes known is told first.\n' +
      'The signature is stored beside the image in its registry, as a Sigstore bundle that cosign 3 verifies;\n' +
      '--format legacy writes the layout of cosign 2, and --format both one of each: a run that broke off is completed by another.\n' +
      'IMAGE may be oci:DIR, an OCI image layout on the disk, which then holds the signature too.',
    examples: [
      {
        what: 'sign by the identity that the CI system gives this job, or that somebody logs in with',
        line: 'sign --yes IMAGE@sha256:...',
      },
      {
        what: 'the same by a token, at the services of a Sigstore of your own',
        line: 'sign --yes --identity-token token.jwt --signing-config sigstore.json --trusted-root sigstore-root.json IMAGE@sha256:...',
      },
      {
        what: 'sign an image with a key, recording it in no transparency log',
        line: 'sign --key cosign.key --tlog-upload=false --use-signing-config=false IMAGE@sha256:...',
      },
      {
        what: 'take the services that take part from a signing config',
        line: 'sign --key cosign.key --signing-config signing-config.json IMAGE@sha256:...',
      },
      {
        what: 'sign an image index and every image in it',
        line: 'sign --key cosign.key --signing-config signing-config.json --recursive IMAGE@sha256:...',
      },
      {
        what: 'sign claims together with the image',
        line: 'sign --key cosign.key --signing-config signing-config.json -a commit=4f2a9c -a build=77 IMAGE@sha256:...',
      },
      {
        what: 'sign for readers of cosign 2 and of cosign 3 in one run',
        line: 'sign --key cosign.key --signing-config signing-config.json --format both IMAGE@sha256:...',
      },
      {
        what: 'sign with a key that an authority of your own has certified',
        line: 'sign --key cosign.key --certificate cosign.pem --certificate-chain chain.pem --signing-config signing-config.json IMAGE@sha256:...',
      },
      {
        what: 'sign an image in a folder, as `save` stores it',
        line: 'sign --key cosign.key --signing-config signing-config.json oci:DIR',
      },
      {
        what: 'take the key from an environment variable',
        line: 'sign --key env://SIGNING_KEY --signing-config signing-config.json IMAGE@sha256:...',
      },
    ],
    arguments: { name: 'IMAGE...', min: 1, max: any },
    flags: signFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/sign.ts')).signImages,
  }),
  defineCommand({
    name: 'verify',
    group: 'Sign and verify',
    summary: 'Verify the signatures of container images',
    description:
      'What was verified goes to standard output as JSON, the checks made to standard error.\n' +
      'Of several images each is verified, whatever becomes of the others; those that failed are listed at the end.\n' +
      'IMAGE may also be an image on the disk, oci:DIR or oci-archive:FILE.',
    examples: [
      { what: 'verify with a public key', line: 'verify --key cosign.pub --insecure-ignore-tlog IMAGE@sha256:...' },
      {
        what: 'verify who signed: a workflow, as whoever runs it vouches',
        line: 'verify --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main --certificate-oidc-issuer https://token.actions.githubusercontent.com IMAGE@sha256:...',
      },
      {
        what: 'the same by what was built, and see why it is accepted',
        line: 'verify --repository https://github.com/acme/app --workflow .github/workflows/release.yml --ref refs/heads/main --certificate-oidc-issuer https://token.actions.githubusercontent.com --explain IMAGE@sha256:...',
      },
      { what: 'require a claim', line: 'verify --key cosign.pub --insecure-ignore-tlog -a commit=4f2a9c IMAGE@sha256:...' },
      { what: 'verify several images', line: 'verify --key cosign.pub --insecure-ignore-tlog IMAGE IMAGE...' },
      { what: 'verify a list of images, with one JSON report', line: 'verify --key cosign.pub --insecure-ignore-tlog --file images.txt' },
      {
        what: 'accept the signature over a multi-platform image for the image of one platform in it',
        line: 'verify --key cosign.pub --insecure-ignore-tlog --via-index IMAGE:v1 IMAGE@sha256:...',
      },
      {
        what: 'verify what `save` has written, without any network',
        line: 'verify --key cosign.pub --insecure-ignore-tlog --local-image DIR',
      },
      { what: 'take the key from the web', line: 'verify --key https://example.com/cosign.pub --insecure-ignore-tlog IMAGE' },
    ],
    arguments: { name: '[IMAGE...]', min: 0, max: any },
    flags: verifyFlags,
    exits: 'cosign verify',
    load: async () => (await import('../commands/verifying/verify.ts')).verifyImages,
  }),
  defineCommand({
    name: 'verify-attestation',
    group: 'Sign and verify',
    summary: 'Verify what was attested of container images',
    description:
      'The envelope of each attestation of the type that was verified goes to standard output, one on each line, the checks made\n' +
      'to standard error. Attestations of other types, and of other signers, do not count. IMAGE may also be an image on the disk,\n' +
      'oci:DIR or oci-archive:FILE.',
    examples: [
      {
        what: 'verify an SBOM by who attested it',
        line: 'verify-attestation --type cyclonedx --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main --certificate-oidc-issuer https://token.actions.githubusercontent.com IMAGE@sha256:...',
      },
      {
        what: 'the same by a public key, and read the statement',
        line: 'verify-attestation --type spdxjson --key cosign.pub --insecure-ignore-tlog IMAGE@sha256:... | jq -r .payload | base64 -d',
      },
      {
        what: 'a predicate type of your own, and why it is accepted',
        line: 'verify-attestation --type https://acme.example/review/v1 --key cosign.pub --insecure-ignore-tlog --explain IMAGE@sha256:...',
      },
    ],
    arguments: { name: '[IMAGE...]', min: 0, max: any },
    flags: verifyAttestationFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/verifying/verify-attestation.ts')).verifyAttestations,
  }),
  defineCommand({
    name: 'identity suggest',
    group: 'Sign and verify',
    summary: 'Print the flags that would verify an image by who signed it',
    description:
      'Verifies the signatures of IMAGE whoever made them, and prints the strictest flags that would match: look at them before\n' +
      'you use them, for anybody can sign an image. IMAGE may also be an image on the disk, oci:DIR or oci-archive:FILE.',
    examples: [
      { what: 'who signed it, by the public Sigstore', line: 'identity suggest IMAGE' },
      {
        what: 'the same by a trusted root of your own, as JSON',
        line: 'identity suggest --trusted-root trusted_root.json --output json IMAGE',
      },
    ],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: identitySuggestFlags,
    exits: 'own',
    load: async () => (await import('../commands/verifying/identity-suggest.ts')).suggestIdentities,
  }),
  defineCommand({
    name: 'sign-blob',
    group: 'Sign and verify',
    summary: 'Sign files',
    description: 'FILE is a path, or - for standard input.',
    examples: [
      {
        what: 'sign a file by the identity that the CI system gives this job, or that somebody logs in with',
        line: 'sign-blob --yes --bundle FILE.sigstore.json FILE',
      },
      {
        what: 'sign a file and write a bundle',
        line: 'sign-blob --key cosign.key --tlog-upload=false --use-signing-config=false --bundle FILE.sigstore.json FILE',
      },
      {
        what: 'sign standard input',
        line: 'sign-blob --key cosign.key --signing-config signing-config.json --bundle data.sigstore.json -',
      },
    ],
    arguments: { name: 'FILE...', min: 1, max: any },
    flags: signBlobFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/sign-blob.ts')).signBlobs,
  }),
  defineCommand({
    name: 'verify-blob',
    group: 'Sign and verify',
    summary: 'Verify the signature of a file',
    description: 'FILE is a path, - for standard input, or sha256:HEX for a file known by its digest (with a bundle).',
    examples: [
      { what: 'verify with a bundle', line: 'verify-blob --key cosign.pub --insecure-ignore-tlog --bundle FILE.sigstore.json FILE' },
      {
        what: 'verify who signed, by a trusted root and without any network',
        line: 'verify-blob --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main --certificate-oidc-issuer https://token.actions.githubusercontent.com --trusted-root trusted_root.json --offline --bundle release.sigstore.json FILE',
      },
      { what: 'verify with a signature on its own', line: 'verify-blob --key cosign.pub --insecure-ignore-tlog --signature FILE.sig FILE' },
    ],
    arguments: { name: 'FILE', min: 1, max: 1 },
    flags: verifyBlobFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/verify-blob.ts')).verifyBlob,
  }),
  defineCommand({
    name: 'verify-blob-attestation',
    group: 'Sign and verify',
    summary: 'Verify what was attested of a file',
    description:
      'FILE is a path, - for standard input, or sha256:HEX for a file known by its digest; it may be left out with --digest,\n' +
      'and with --check-claims=false.',
    examples: [
      {
        what: 'verify provenance by a bundle',
        line: 'verify-blob-attestation --type slsaprovenance1 --key cosign.pub --insecure-ignore-tlog --bundle FILE.sigstore.json FILE',
      },
      {
        what: 'verify by who attested it, knowing only the digest of the file',
        line: 'verify-blob-attestation --type spdxjson --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main --certificate-oidc-issuer https://token.actions.githubusercontent.com --digest HEX --digestAlg sha256 --bundle FILE.sigstore.json',
      },
    ],
    arguments: { name: '[FILE]', min: 0, max: 1 },
    flags: verifyBlobAttestationFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/verifying/verify-blob-attestation.ts')).verifyBlobAttestation,
  }),
]
