import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'

/** What is said of keys on hardware tokens, until PKCS#11 is there. */
export const hardwareTokens =
  'keys on a PIV token are reached through PKCS#11, which is not supported yet (to be --key "pkcs11:token=...;object=...?module-path=..."); use --key with a key file, env://NAME or https://…'

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
  key: { type: 'string', default: '', placeholder: 'KEY', help: 'private key: a file, env://NAME, https://… or gitlab://PROJECT' },
  outfile: { type: 'string', default: '', placeholder: 'FILE', help: 'write the public key to FILE instead of standard output' },
} as const satisfies FlagTable
