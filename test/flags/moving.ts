import type { Case } from './setup.ts'

/** Flags of copy, save and load. */
export function movingCases(): readonly Case[] {
  return []
}
