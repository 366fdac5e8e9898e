import type { Case } from './setup.ts'

/** Flags of the upload commands. */
export function uploadCases(): readonly Case[] {
  return []
}
