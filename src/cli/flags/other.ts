import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'

/** Flags of `env`. */
export const envFlags = {
  ...failureFormatFlags,
  'show-descriptions': { type: 'boolean', default: true, help: 'say what each variable is for' },
  'show-sensitive-values': { type: 'boolean', default: false, help: 'print secrets instead of masking them' },
} as const satisfies FlagTable

/** Flags of `completion`. */
export const completionFlags = {
  ...failureFormatFlags,
} as const satisfies FlagTable

/** Flags of `debug providers`. */
export const debugProvidersFlags = {
  ...failureFormatFlags,
} as const satisfies FlagTable

/** Flags of `version`. */
export const versionFlags = {
  json: { type: 'boolean', default: false, format: true, help: 'print JSON instead of text' },
} as const satisfies FlagTable
