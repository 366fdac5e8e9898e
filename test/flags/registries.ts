import type { Case } from './setup.ts'

/** Flags of the registry commands. */
export function registryCommandCases(): readonly Case[] {
  return []
}
