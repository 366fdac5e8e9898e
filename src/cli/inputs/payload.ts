import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { parseSimpleSigning, payloadLimitBytes } from '../../formats/simple-signing.ts'
import type { CommandContext } from '../context.ts'

/**
 * The payload that `--payload` names, for signing. It must be one, and about the image it is to be attached to: anything
 * else could never be verified.
 *
 * @throws CountersignError `PAYLOAD_MALFORMED`, `ARTIFACT_MISMATCH`, `FILE_UNREADABLE`
 */
export async function readPayload(context: CommandContext, path: string, image: OciDigest): Promise<Uint8Array> {
  const bytes = await context.files.read(path, payloadLimitBytes)
  const { manifestDigest } = parseSimpleSigning(bytes)
  if (manifestDigest !== image)
    throw new CountersignError('ARTIFACT_MISMATCH', `payload ${path}: want one about ${image}, got one about ${manifestDigest}`)
  return bytes
}
