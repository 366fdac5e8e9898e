import { parseBundle } from '../../formats/bundle.ts'
import type { CommandContext } from '../context.ts'

/**
 * Writes a bundle, to the last byte into a file that only its owner reads; on standard output ended by a newline, as cosign does. What
 * cannot be read back is not written, and one whose certificate will soon have expired with nothing to say when it signed is warned of.
 *
 * @param out - path, empty for standard output
 * @throws CountersignError `BUNDLE_MALFORMED`, `FILE_UNWRITABLE`
 */
export async function writeBundle(context: CommandContext, out: string, bundle: Uint8Array): Promise<void> {
  const { material, logEntries, timestamps } = parseBundle(bundle)
  if (material.kind === 'certificate' && logEntries.length === 0 && timestamps.length === 0)
    context.warn('neither a log entry nor a timestamp says when the certificate signed: the bundle verifies only while it is valid')
  if (out === '') {
    context.stdout(bundle)
    if (bundle.at(-1) !== 0x0a) context.stdout('\n')
  } else await context.files.write(out, bundle, { mode: 0o600 })
}
