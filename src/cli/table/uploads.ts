import type { Command } from '../command.ts'

/** Putting files into a registry as artifacts. */
export const uploadCommands: readonly Command[] = []
