import type { CommandContext } from '../context.ts'

/** Writes a bundle, to the last byte into a file that only its owner reads; on standard output ended by a newline, as cosign does. */
export async function writeBundle(context: CommandContext, out: string, bundle: Uint8Array): Promise<void> {
  if (out === '') {
    context.stdout(bundle)
    if (bundle.at(-1) !== 0x0a) context.stdout('\n')
  } else await context.files.write(out, bundle, { mode: 0o600 })
}
