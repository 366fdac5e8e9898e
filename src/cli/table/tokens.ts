import { type Command, defineCommand } from '../command.ts'
import { listKeysUrisFlags, listTokensFlags } from '../flags/keys.ts'

/** What is on hardware tokens, by PKCS #11. */
export const tokenCommands: readonly Command[] = [
  defineCommand({
    name: 'pkcs11-tool list-tokens',
    group: 'Keys',
    summary: 'List the tokens that a PKCS #11 module shows',
    description:
      'Needs the package pkcs11js. The module is that of the maker of the token: libsofthsm2.so, libykcs11.so, opensc-pkcs11.so.',
    examples: [{ what: 'tokens of YubiKeys', line: 'pkcs11-tool list-tokens --module-path /usr/lib/x86_64-linux-gnu/libykcs11.so' }],
    arguments: { name: '', min: 0, max: 0 },
    flags: listTokensFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/tokens/list-tokens.ts')).listTokens,
  }),
  defineCommand({
    name: 'pkcs11-tool list-keys-uris',
    group: 'Keys',
    summary: 'List the keys on a token, with the URIs for --key',
    description:
      'Logs in with the PIN of --pin, else of COUNTERSIGN_PKCS11_PIN or COSIGN_PKCS11_PIN, else the one that is asked for.\n' +
      'No URI shows the PIN: commands take it from the same places.',
    examples: [
      {
        what: 'keys on a token of SoftHSM2',
        line: 'pkcs11-tool list-keys-uris --module-path /usr/lib/softhsm/libsofthsm2.so --slot-id 2099523502',
      },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: listKeysUrisFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/tokens/list-keys-uris.ts')).listKeysUris,
  }),
]
