import type { CommandContext } from '../../context.ts'

/** To the last byte into a file that its owner can read; on standard output ended by a newline, as cosign does. */
export async function writeDocument(context: CommandContext, out: string, document: Uint8Array): Promise<void> {
  if (out !== '') return await context.files.write(out, document, { mode: 0o600 })
  context.stdout(document)
  context.stdout('\n')
}
