import { type Command, defineCommand } from '../command.ts'
import { bundleCreateFlags, bundleInspectFlags, bundleUpgradeFlags } from '../flags/bundles.ts'

/** Making, reading and upgrading Sigstore bundles. */
export const bundleCommands: readonly Command[] = [
  defineCommand({
    name: 'bundle create',
    group: 'Bundles',
    summary: 'Make a bundle of version 0.3 of the parts of a signature',
    description:
      'The signature must verify with the key or certificate, and log entry and timestamp must be about it; whom to trust is for\n' +
      'verify-blob to say. Without --ignore-tlog the log entry, or the proof that one of cosign 2 lacks, is fetched from the log.',
    examples: [
      {
        what: 'a signature by a key, which was not logged',
        line: 'bundle create --artifact FILE --signature FILE.sig --key cosign.pub --ignore-tlog --out FILE.sigstore.json',
      },
      {
        what: 'a signature by a certificate, with the entry of the log',
        line: 'bundle create --artifact FILE --signature FILE.sig --certificate FILE.pem --out FILE.sigstore.json',
      },
      {
        what: 'an attestation that is a DSSE envelope',
        line: 'bundle create --attestation FILE.att --key cosign.pub --ignore-tlog --out FILE.sigstore.json',
      },
      {
        what: 'a blob bundle of cosign 2',
        line: 'bundle create --artifact FILE --bundle FILE.bundle --key cosign.pub --ignore-tlog --out FILE.sigstore.json',
      },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: bundleCreateFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/bundle/create.ts')).createBundle,
  }),
  defineCommand({
    name: 'bundle inspect',
    group: 'Bundles',
    summary: 'Show what a bundle or another signature file says',
    description:
      'Nothing is verified: certificates, log entries and timestamps are shown as they state themselves. Reads Sigstore bundles of\n' +
      'version 0.1, 0.2 and 0.3, blob bundles of cosign 2, DSSE envelopes and the lines that `download signature` prints.\n' +
      'FILE is a path, or - for standard input.',
    examples: [
      { what: 'for people', line: 'bundle inspect FILE.sigstore.json' },
      { what: 'for programs', line: 'bundle inspect --output json FILE.sigstore.json' },
    ],
    arguments: { name: 'FILE', min: 1, max: 1 },
    flags: bundleInspectFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/bundle/inspect.ts')).inspectBundle,
  }),
  defineCommand({
    name: 'bundle upgrade',
    group: 'Bundles',
    summary: 'Convert an older signature file to a bundle of version 0.3',
    description:
      'Reads Sigstore bundles of version 0.1 and 0.2, and blob bundles of cosign 2 and DSSE envelopes, whose signature is checked\n' +
      'with the public key or certificate first. The private key is not needed; what could not be converted without it is\n' +
      'refused. Inclusion proofs that older bundles lack are fetched from the log. ' +
      'FILE is a path, or - for standard input.',
    examples: [
      { what: 'a bundle of version 0.1 or 0.2', line: 'bundle upgrade old.sigstore.json --out new.sigstore.json' },
      {
        what: 'a blob bundle of cosign 2, which names neither file nor key',
        line: 'bundle upgrade FILE.bundle --artifact FILE --key cosign.pub --out FILE.sigstore.json',
      },
      {
        what: 'an attestation that is a DSSE envelope',
        line: 'bundle upgrade attestation.json --key cosign.pub --out attestation.sigstore.json',
      },
    ],
    arguments: { name: 'FILE', min: 1, max: 1 },
    flags: bundleUpgradeFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/bundle/upgrade.ts')).upgradeBundleFile,
  }),
]
