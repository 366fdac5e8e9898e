import { isDeepStrictEqual } from 'node:util'
import { encodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { serializeProtoJson } from '../codec/go-json.ts'
import { readObject } from '../codec/json.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { type Bundle, type BundleVersion, bundleMediaType, parseBundle, parseBundleJson } from './bundle.ts'
import { type LogEntry, logEntryJson } from './log/log-entry.ts'

export type UpgradedBundle = {
  readonly from: BundleVersion
  readonly bytes: Uint8Array // those given, where they are of version 0.3 already
  readonly issuers: number // certificates of the chain that 0.3 has no place for
}

/**
 * Rewrites a bundle as version 0.3: of a certificate chain the leaf stays, which is all that any version trusts; every other member
 * stays as it is. A bundle of version 0.3 is returned to the last byte.
 *
 * @param proveEntry - asks the log for an entry without an inclusion proof; left out, such an entry cannot be converted
 * @throws CountersignError `CONVERSION_IMPOSSIBLE` naming a log entry without an inclusion proof, which only the log could
 *   give; whatever `parseBundle` and `proveEntry` throw
 * @see formats-and-flows §4
 */
export async function upgradeBundle(bytes: Uint8Array, proveEntry?: (entry: LogEntry) => Promise<LogEntry>): Promise<UpgradedBundle> {
  const bundle = parseBundle(bytes)
  const { version, material } = bundle
  if (version === '0.3') return { from: version, bytes, issuers: 0 }
  const logEntries = await proven(bundle.logEntries, proveEntry)
  const upgraded = rewrite(bytes, material, logEntries)
  if (!isDeepStrictEqual(parseBundle(upgraded), { ...bundle, version: '0.3', logEntries, material: withoutIssuers(material) }))
    throw new TypeError('an upgraded bundle says something else than the one it was made of')
  return { from: version, bytes: upgraded, issuers: material.kind === 'certificate' ? material.chain.length - 1 : 0 }
}

/** Works on the JSON, so that members which are read by nobody, as an envelope's `keyid`, survive too. */
function rewrite(bytes: Uint8Array, material: Bundle['material'], logEntries: readonly LogEntry[]): Uint8Array {
  const json = parseBundleJson(bytes)
  const { x509CertificateChain: _, tlogEntries, ...others } = readObject(json['verificationMaterial'], 'verificationMaterial')
  const leaf = material.kind === 'certificate' ? { certificate: { rawBytes: encodeBase64(material.chain[0]) } } : {}
  const entries = tlogEntries === undefined ? {} : { tlogEntries: logEntries.map(logEntryJson) }
  return encodeUtf8(serializeProtoJson({ ...json, mediaType: bundleMediaType, verificationMaterial: { ...leaf, ...entries, ...others } }))
}

function withoutIssuers(material: Bundle['material']): Bundle['material'] {
  return material.kind === 'certificate' ? { kind: 'certificate', chain: [material.chain[0]] } : material
}

/** The entries with the proofs that version 0.3 wants, each of its own or fetched. */
async function proven(entries: readonly LogEntry[], proveEntry?: (entry: LogEntry) => Promise<LogEntry>): Promise<readonly LogEntry[]> {
  const lacking = entries.flatMap((entry, index) => {
    const lack = lackOf(entry)
    return lack === undefined ? [] : [`tlogEntries[${index}] (log index ${entry.logIndex}) has ${lack}`]
  })
  if (lacking.length === 0) return entries
  if (!proveEntry)
    throw new CountersignError(
      'CONVERSION_IMPOSSIBLE',
      `bundle: version 0.3 wants an inclusion proof with a checkpoint, which only the log can give: ${lacking.join('; ')}`,
    )
  return await Promise.all(entries.map(entry => (lackOf(entry) === undefined ? entry : proveEntry(entry))))
}

function lackOf({ inclusionPromise, inclusionProof }: LogEntry): string | undefined {
  if (!inclusionProof) return inclusionPromise ? 'an inclusion promise and no inclusion proof' : 'no inclusion proof'
  return inclusionProof.checkpoint === undefined ? 'an inclusion proof without a checkpoint' : undefined
}
