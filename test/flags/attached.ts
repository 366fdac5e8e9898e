import type { Case } from './setup.ts'

/** Flags of the commands about what is attached to an image. */
export function attachedCases(): readonly Case[] {
  return []
}
