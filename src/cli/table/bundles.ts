import type { Command } from '../command.ts'

/** Making, reading and upgrading Sigstore bundles. */
export const bundleCommands: readonly Command[] = []
