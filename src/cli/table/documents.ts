import type { Command } from '../command.ts'

/** Verifying the images that a document names: a manifest, a Dockerfile. */
export const documentCommands: readonly Command[] = []
