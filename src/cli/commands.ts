import { type Command, defineCommand } from './command.ts'
import { generateKeyPairFlags, importKeyPairFlags, publicKeyFlags } from './flags/keys.ts'
import { loginFlags, registryServerFlags, treeFlags, versionFlags } from './flags/other.ts'
import { signBlobFlags, signFlags } from './flags/sign.ts'
import { verifyBlobFlags, verifyFlags } from './flags/verify.ts'

const any = Number.POSITIVE_INFINITY

/**
 * Every command there is. Parsing, help, the environment, `docs/commands.md` and the comparison with cosign's flags are all
 * made from this table.
 */
export const commands: readonly Command[] = [
  defineCommand({
    name: 'sign',
    group: 'Sign and verify',
    summary: 'Sign container images',
    description:
      'Name the image by its digest: a tag moves, and what is signed is what the tag points to now.\n' +
      'The signature is stored beside the image in its registry, as a Sigstore bundle that cosign 3 verifies;\n' +
      '--new-bundle-format=false writes the layout of cosign 2.',
    examples: [
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
        what: 'take the key from an environment variable',
        line: 'sign --key env://SIGNING_KEY --signing-config signing-config.json IMAGE@sha256:...',
      },
    ],
    arguments: { name: 'IMAGE...', min: 1, max: any },
    flags: signFlags,
    exits: 'cosign',
    load: async () => (await import('./commands/sign.ts')).signImages,
  }),
  defineCommand({
    name: 'verify',
    group: 'Sign and verify',
    summary: 'Verify the signatures of container images',
    description:
      'What was verified goes to standard output as JSON, the checks made to standard error.\n' +
      'Exit status: 0 verified, 10 nothing is signed, 11 no such tag, 12 none of the older signatures verifies, 1 anything else.',
    examples: [
      { what: 'verify with a public key', line: 'verify --key cosign.pub --insecure-ignore-tlog IMAGE@sha256:...' },
      { what: 'require a claim', line: 'verify --key cosign.pub --insecure-ignore-tlog -a commit=4f2a9c IMAGE@sha256:...' },
      { what: 'verify several images', line: 'verify --key cosign.pub --insecure-ignore-tlog IMAGE IMAGE...' },
      { what: 'take the key from the web', line: 'verify --key https://example.com/cosign.pub --insecure-ignore-tlog IMAGE' },
    ],
    arguments: { name: 'IMAGE...', min: 1, max: any },
    flags: verifyFlags,
    exits: 'cosign verify',
    load: async () => (await import('./commands/verify.ts')).verifyImages,
  }),
  defineCommand({
    name: 'sign-blob',
    group: 'Sign and verify',
    summary: 'Sign files',
    description: 'FILE is a path, or - for standard input.',
    examples: [
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
    load: async () => (await import('./commands/sign-blob.ts')).signBlobs,
  }),
  defineCommand({
    name: 'verify-blob',
    group: 'Sign and verify',
    summary: 'Verify the signature of a file',
    description: 'FILE is a path, - for standard input, or sha256:HEX for a file known by its digest (with a bundle).',
    examples: [
      { what: 'verify with a bundle', line: 'verify-blob --key cosign.pub --insecure-ignore-tlog --bundle FILE.sigstore.json FILE' },
      { what: 'verify with a signature on its own', line: 'verify-blob --key cosign.pub --insecure-ignore-tlog --signature FILE.sig FILE' },
    ],
    arguments: { name: 'FILE', min: 1, max: 1 },
    flags: verifyBlobFlags,
    exits: 'cosign',
    load: async () => (await import('./commands/verify-blob.ts')).verifyBlob,
  }),
  defineCommand({
    name: 'generate-key-pair',
    group: 'Keys',
    summary: 'Make a key pair',
    description:
      'Writes PREFIX.key, an ECDSA P-256 key encrypted with a passphrase, and PREFIX.pub.\n' +
      'The passphrase is COSIGN_PASSWORD, else asked for twice, else all of standard input.',
    examples: [
      { what: 'write cosign.key and cosign.pub', line: 'generate-key-pair' },
      { what: 'write release.key and release.pub', line: 'generate-key-pair --output-key-prefix release' },
    ],
    arguments: { name: '[PROVIDER://REF]', min: 0, max: 1 },
    flags: generateKeyPairFlags,
    exits: 'cosign',
    load: async () => (await import('./commands/generate-key-pair.ts')).generateKeyPair,
  }),
  defineCommand({
    name: 'import-key-pair',
    group: 'Keys',
    summary: 'Encrypt an existing private key',
    description:
      'Reads an RSA (2048, 3072 or 4096 bits), ECDSA (P-256, P-384, P-521) or Ed25519 key in PEM and writes PREFIX.key, encrypted\n' +
      'with a passphrase, and PREFIX.pub. The passphrase is COSIGN_PASSWORD, else asked for twice, else all of standard input.',
    examples: [
      { what: 'write import-cosign.key and import-cosign.pub', line: 'import-key-pair --key openssl.key' },
      { what: 'write release.key and release.pub', line: 'import-key-pair --key openssl.key --output-key-prefix release' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: importKeyPairFlags,
    exits: 'cosign',
    load: async () => (await import('./commands/import-key-pair.ts')).importKeyPair,
  }),
  defineCommand({
    name: 'public-key',
    group: 'Keys',
    summary: 'Print the public key of a private key',
    examples: [
      { what: 'print it', line: 'public-key --key cosign.key' },
      { what: 'write it to a file', line: 'public-key --key env://SIGNING_KEY --outfile cosign.pub' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: publicKeyFlags,
    exits: 'cosign',
    load: async () => (await import('./commands/public-key.ts')).publicKey,
  }),
  defineCommand({
    name: 'login',
    group: 'Registries',
    summary: 'Store the credentials for a registry',
    description: 'They go to the docker config, or to the credential helper it names.',
    examples: [
      { what: 'log in, the password kept out of the process list', line: 'login registry.example.com -u robot --password-stdin < token' },
    ],
    arguments: { name: 'SERVER', min: 1, max: 1 },
    flags: loginFlags,
    exits: 'cosign',
    load: async () => (await import('./commands/login.ts')).login,
  }),
  defineCommand({
    name: 'tree',
    group: 'Registries',
    summary: 'Show what is attached to an image',
    examples: [{ what: 'signatures, attestations and SBOMs of an image', line: 'tree IMAGE' }],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: treeFlags,
    exits: 'cosign',
    load: async () => (await import('./commands/tree.ts')).showTree,
  }),
  defineCommand({
    name: 'registry',
    group: 'Registries',
    summary: 'Serve a small OCI registry',
    description: 'For tests and demonstrations: no authentication, no TLS. Serves until it is interrupted.',
    examples: [
      { what: 'a registry in memory on a free port', line: 'registry --listen 127.0.0.1:0' },
      { what: 'one that keeps its content', line: 'registry --dir ./registry' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: registryServerFlags,
    exits: 'own',
    endless: true,
    load: async () => (await import('./commands/registry.ts')).serveRegistry,
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
    load: async () => (await import('./commands/version.ts')).version,
  }),
]

/** Commands of cosign's that are to come; until then they are refused by name. */
export const laterCommands: ReadonlySet<string> = new Set([
  'attach attestation',
  'attach sbom',
  'attach signature',
  'attest',
  'attest-blob',
  'bundle create',
  'bundle inspect',
  'bundle upgrade',
  'clean',
  'completion',
  'copy',
  'debug providers',
  'dockerfile verify',
  'download attestation',
  'download sbom',
  'download signature',
  'env',
  'generate',
  'initialize',
  'load',
  'manifest verify',
  'piv-tool attestation',
  'piv-tool generate-key',
  'piv-tool reset',
  'piv-tool set-management-key',
  'piv-tool set-pin',
  'piv-tool set-puk',
  'piv-tool unblock',
  'pkcs11-tool list-keys-uris',
  'pkcs11-tool list-tokens',
  'save',
  'signing-config create',
  'triangulate',
  'trusted-root create',
  'upload blob',
  'upload wasm',
  'verify-attestation',
  'verify-blob-attestation',
])
