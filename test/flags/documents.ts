import type { Case } from './setup.ts'

/** Flags of manifest verify and dockerfile verify. */
export function documentCases(): readonly Case[] {
  return []
}
