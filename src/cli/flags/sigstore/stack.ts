import type { FlagTable } from '../../command.ts'
import { failureFormatFlags } from '../global.ts'

const data = {
  type: 'string',
  default: 'stack',
  placeholder: 'FOLDER',
  own: true,
  help: 'the folder of the stack: its configuration, keys, logs',
} as const

/** Flags of `stack init`. */
export const stackInitFlags = {
  ...failureFormatFlags,
  data,
  key: {
    type: 'list',
    default: [],
    placeholder: 'NAME=KEY',
    own: true,
    help: 'a key that stays in a KMS or an HSM: authority, ct-log, rekor-v1, rekor-v2 (Ed25519, or P-256 without witnesses) or timestamps',
  },
  operator: {
    type: 'string',
    default: '',
    placeholder: 'NAME',
    own: true,
    help: 'who runs it, in its certificates; the host of --url unless told',
  },
  'root-keys': {
    type: 'string',
    default: 'stack-root-keys',
    placeholder: 'FOLDER',
    own: true,
    help: 'for the keys that it does not need to run: keep that folder elsewhere',
  },
  'sign-with': {
    type: 'string',
    default: 'v1',
    choices: ['v1', 'v2'],
    placeholder: 'LOG',
    own: true,
    help: 'the log that clients are told to use: v1 is understood by cosign 2 as well',
  },
  url: {
    type: 'string',
    default: 'http://127.0.0.1:7070',
    placeholder: 'URL',
    own: true,
    help: 'by which clients reach it; it stays for ever',
  },
} as const satisfies FlagTable

/** Flags of `stack up`. */
export const stackUpFlags = {
  ...failureFormatFlags,
  data,
  dev: {
    type: 'boolean',
    default: false,
    own: true,
    help: 'make the folder where it is not there, and give tokens as GitHub Actions does; on loopback only',
  },
  url: {
    type: 'string',
    default: 'http://127.0.0.1:7070',
    placeholder: 'URL',
    own: true,
    help: 'with --dev, of a folder that is made: by which clients reach it; port 0 takes a free one',
  },
} as const satisfies FlagTable

/** Flags of `stack status`. */
export const stackStatusFlags = {
  output: { ...failureFormatFlags.output, help: 'json: print the findings, or a failure, as one JSON document on standard output' },
  data,
} as const satisfies FlagTable

/** Flags of `stack doctor`: those of `stack status`, and who signs the probe. */
export const stackDoctorFlags = {
  ...stackStatusFlags,
  'identity-token': {
    type: 'string',
    default: '',
    placeholder: 'TOKEN',
    own: true,
    help: 'sign the probe by this ID token, a literal or a file, instead of one by the issuer of the stack',
  },
} as const satisfies FlagTable

/** Flags of `stack export-trust`. */
export const stackExportTrustFlags = {
  ...failureFormatFlags,
  data,
  out: { type: 'string', default: 'trust', placeholder: 'FOLDER', own: true, help: 'write the files into FOLDER, which is made' },
} as const satisfies FlagTable

/** Flags of `stack freeze`. */
export const stackFreezeFlags = {
  ...failureFormatFlags,
  data,
  next: {
    type: 'string',
    default: 'use the log that the signing config names',
    placeholder: 'TEXT',
    own: true,
    help: 'what the last checkpoint tells people: where to go on, in one line',
  },
} as const satisfies FlagTable

/** Flags of `stack renew-authority`. */
export const stackRenewAuthorityFlags = {
  ...failureFormatFlags,
  data,
  'root-keys': { ...stackInitFlags['root-keys'], help: 'the folder of the keys of the roots, which `stack init` made' },
} as const satisfies FlagTable

/** Flags of `stack hash-password`. */
export const stackHashPasswordFlags = failureFormatFlags
