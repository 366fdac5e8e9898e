import type { Command } from '../command.ts'

/** Copying images between registries, and to disk and back. */
export const movingCommands: readonly Command[] = []
