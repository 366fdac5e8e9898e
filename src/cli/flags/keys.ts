import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'

/** What is said of keys on hardware tokens where they are asked for by PIV: the way that works. */
export const hardwareTokens =
  'keys on a PIV token are reached through PKCS #11; use --key "pkcs11:token=...;id=...?module-path=/.../libykcs11.so", which pkcs11-tool list-keys-uris shows'

/** Hardware tokens by PIV, cosign's way. */
export const securityKeyFlags = {
  sk: {
    type: 'boolean',
    default: false,
    forGood: true,
    refused: hardwareTokens,
    help: 'use a key on a PIV token',
  },
  slot: {
    type: 'string',
    default: '',
    placeholder: 'SLOT',
    forGood: true,
    refused: hardwareTokens,
    help: 'slot of the PIV token: authentication, signature, card-authentication or key-management',
  },
} as const satisfies FlagTable

/** Flags of `pkcs11-tool list-tokens`. */
export const listTokensFlags = {
  ...failureFormatFlags,
  'module-path': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    help: 'PKCS #11 module, by its absolute path; COUNTERSIGN_PKCS11_MODULE_PATH or COSIGN_PKCS11_MODULE_PATH unless told',
  },
  'no-input': {
    type: 'boolean',
    shorthand: 'f',
    default: false,
    effectless: 'nothing is asked for',
    help: 'ask for nothing',
  },
} as const satisfies FlagTable

/** Flags of `pkcs11-tool list-keys-uris`. */
export const listKeysUrisFlags = {
  ...listTokensFlags,
  'no-input': { type: 'boolean', shorthand: 'f', default: false, help: 'ask for no PIN' },
  'slot-id': { type: 'integer', default: 0, placeholder: 'NUMBER', help: 'slot of the token, as list-tokens shows it' },
  pin: {
    type: 'string',
    default: '',
    placeholder: 'PIN',
    help: 'PIN of the token; others see what stands on a command line: COUNTERSIGN_PKCS11_PIN or a prompt shows it to nobody',
  },
} as const satisfies FlagTable

/** Flags of `generate-key-pair`. */
export const generateKeyPairFlags = {
  ...failureFormatFlags,
  kms: {
    type: 'string',
    default: '',
    placeholder: 'KMSREF',
    help: 'make the key in this KMS or HSM, and write PREFIX.pub alone',
  },
  'output-key-prefix': { type: 'string', default: 'cosign', placeholder: 'PREFIX', help: 'write PREFIX.key and PREFIX.pub' },
} as const satisfies FlagTable

/** Flags of `import-key-pair`. */
export const importKeyPairFlags = {
  key: { type: 'string', shorthand: 'k', default: '', placeholder: 'FILE', help: 'PEM private key to import: PKCS#1, SEC1 or PKCS#8' },
  'output-key-prefix': {
    type: 'string',
    shorthand: 'o',
    default: 'import-cosign',
    placeholder: 'PREFIX',
    help: 'write PREFIX.key and PREFIX.pub',
  },
  yes: { type: 'boolean', shorthand: 'y', default: false, help: 'overwrite existing files without asking' },
} as const satisfies FlagTable

/** Flags of `public-key`. */
export const publicKeyFlags = {
  ...failureFormatFlags,
  ...securityKeyFlags,
  key: {
    type: 'string',
    default: '',
    placeholder: 'KEY',
    help: 'private key: a file, env://NAME, https://…, gitlab://PROJECT or k8s://NAMESPACE/NAME',
  },
  outfile: { type: 'string', default: '', placeholder: 'FILE', help: 'write the public key to FILE instead of standard output' },
} as const satisfies FlagTable
