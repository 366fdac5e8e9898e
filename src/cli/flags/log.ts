import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'

const logFlags = {
  output: { ...failureFormatFlags.output, help: 'json: print what is found, or a failure, as one JSON document on standard output' },
  'rekor-url': { type: 'string', default: 'https://rekor.sigstore.dev', placeholder: 'URL', own: true, help: 'transparency log to ask' },
  'log-version': {
    type: 'string',
    default: 'auto',
    choices: ['auto', 'v1', 'v2'],
    placeholder: 'VERSION',
    own: true,
    help: 'version of Rekor that it is: v1, v2, or auto to find out by asking',
  },
  'state-folder': {
    type: 'string',
    default: '',
    placeholder: 'FOLDER',
    own: true,
    help: 'where the last state of each log is kept; $XDG_CACHE_HOME/countersign/logs or ~/.cache/countersign/logs unless told',
  },
  'trusted-root': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    decidesTrust: true,
    help: 'trusted root that has the key of the log, instead of the one that TUF distributes',
  },
} as const satisfies FlagTable

const searchFlags = {
  artifact: { type: 'string', default: '', placeholder: 'FILE', own: true, help: 'entries about this file, - for standard input' },
  email: { type: 'string', default: '', placeholder: 'NAME', own: true, help: 'entries by whom a certificate names: email address or URI' },
  hash: { type: 'string', default: '', placeholder: '[sha256:]HEX', own: true, help: 'entries about what has this digest' },
  limit: { type: 'integer', default: 20, placeholder: 'COUNT', own: true, help: 'entries to look at, at most' },
  'max-entries': {
    type: 'integer',
    default: 1_000_000,
    placeholder: 'COUNT',
    own: true,
    help: 'largest log of Rekor v2 to make a local index of: all its entries are fetched once',
  },
  operator: {
    type: 'string',
    default: 'or',
    choices: ['or', 'and'],
    placeholder: 'OPERATOR',
    own: true,
    help: 'whether any of what is searched for is enough, or all must hold',
  },
  'public-key': { type: 'string', default: '', placeholder: 'FILE', own: true, help: 'entries by this PEM public key or certificate' },
} as const satisfies FlagTable

/** Flags of `log info`. */
export const logInfoFlags = logFlags

/** Flags of `log search`: where the log is, and what its entries are found by. */
export const logSearchFlags = { ...logFlags, ...searchFlags } as const satisfies FlagTable

/** Flags of `log get`: an entry is named by index or id, or found as by `log search`. */
export const logGetFlags = logSearchFlags

/** Flags of `log verify`. */
export const logVerifyFlags = {
  ...logSearchFlags,
  bundle: { type: 'string', default: '', placeholder: 'FILE', own: true, help: 'Sigstore bundle whose log entries must be in the log' },
} as const satisfies FlagTable
