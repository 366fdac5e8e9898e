import type { Case } from './setup.ts'

/** Flags of the bundle commands. */
export function bundleCases(): readonly Case[] {
  return []
}
