import { decodeBase64 } from '../../../codec/base64.ts'
import { CountersignError } from '../../../codec/error.ts'
import { parseJson, readAs } from '../../../codec/json.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { decodeCertificate } from '../../../formats/signature-material.ts'
import { readTimestampJson } from '../../../formats/timestamp/timestamp-json.ts'
import type { GivenMaterial } from '../../../verify/evidence.ts'
import type { CommandContext } from '../../context.ts'
import { readFileOrUrl } from '../artifacts.ts'

const materialLimitBytes = 1 << 20

/** What is given in files of its own beside a signature: `--certificate`, `--sct`, `--rfc3161-timestamp`. */
export async function materialFromFlags(
  context: CommandContext,
  flags: { readonly certificate: string; readonly sct: string; readonly rfc3161Timestamp?: string; readonly offline: boolean },
): Promise<GivenMaterial> {
  const { certificate, sct, rfc3161Timestamp: timestamp = '', offline } = flags
  return {
    ...(certificate !== '' && {
      certificate: decodeCertificateFile(
        await readFileOrUrl(context, 'certificate', certificate, materialLimitBytes, offline),
        certificate,
      ),
    }),
    ...(sct !== '' && { certificateTimestamp: await context.files.read(sct, materialLimitBytes) }),
    ...(timestamp !== '' && { timestamps: [readTimestamp(await context.files.read(timestamp, materialLimitBytes), timestamp)] }),
  }
}

/**
 * DER of the certificate in a file: PEM, or PEM in base64 once more, as cosign's `--output-certificate` writes it.
 *
 * @throws CountersignError `MATERIAL_MALFORMED`
 */
export function decodeCertificateFile(bytes: Uint8Array, name: string): Uint8Array {
  const what = `certificate ${name}`
  const text = decodeUtf8(bytes, what, 'MATERIAL_MALFORMED')
  const pem = text.includes('-----BEGIN')
    ? text
    : decodeUtf8(decodeBase64(text.trim(), what, 'MATERIAL_MALFORMED'), what, 'MATERIAL_MALFORMED')
  return decodeCertificate(pem, what)
}

/** The file that cosign's `--rfc3161-timestamp` writes, or the response itself in DER. */
function readTimestamp(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] === 0x30) return bytes
  const what = `timestamp ${name}`
  return readAs('TIMESTAMP_MALFORMED', what, () => readTimestampJson(parseJson(bytes, what, { bytes: materialLimitBytes }), what))
}

/** A bundle of the present format holds its own; beside one anything else would be left aside. @throws CountersignError `USAGE` */
export function refuseBesideBundle(flags: {
  readonly certificate: string
  readonly rfc3161Timestamp?: string
  readonly sct: string
}): void {
  const { certificate, rfc3161Timestamp = '', sct } = flags
  for (const [name, value] of Object.entries({ certificate, 'rfc3161-timestamp': rfc3161Timestamp, sct }))
    if (value !== '') throw new CountersignError('USAGE', `--${name} does not go with a Sigstore bundle, which holds its own`)
}
