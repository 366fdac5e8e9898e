import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'

export const envFlags = {
  ...failureFormatFlags,
  'show-descriptions': { type: 'boolean', default: true, help: 'say what each variable is for' },
  'show-sensitive-values': { type: 'boolean', default: false, help: 'print secrets instead of masking them' },
} as const satisfies FlagTable

export const completionFlags = {
  ...failureFormatFlags,
} as const satisfies FlagTable

export const debugProvidersFlags = {
  ...failureFormatFlags,
} as const satisfies FlagTable

export const versionFlags = {
  json: { type: 'boolean', default: false, format: true, help: 'print JSON instead of text' },
} as const satisfies FlagTable
