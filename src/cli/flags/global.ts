import type { FlagTable } from '../command.ts'

/** Flags that every command takes, before or after its name. */
export const globalFlags = {
  help: { type: 'boolean', shorthand: 'h', default: false, help: 'show what a command does and which flags it takes' },
  'output-file': { type: 'string', default: '', placeholder: 'FILE', help: 'write to FILE what would go to standard output' },
  timeout: { type: 'duration', shorthand: 't', default: '3m0s', help: 'end the command with an error after this time' },
  verbose: { type: 'boolean', shorthand: 'd', default: false, help: 'show the HTTP requests made, without secrets' },
} as const satisfies FlagTable

/** Our own `--output`, for commands whose standard output has one form; those that can print a document say so in `help`. */
export const failureFormatFlags = {
  output: {
    type: 'string',
    shorthand: 'o',
    default: 'text',
    choices: ['text', 'json'],
    placeholder: 'FORMAT',
    own: true,
    format: true,
    help: 'json: print a failure also as one JSON document on standard output',
  },
} as const satisfies FlagTable
