import { CountersignError, readAt } from '../../codec/error.ts'
import { createJsonCursor } from '../../codec/json/json-cursor.ts'
import { splitJsonObjects } from '../../codec/json/json-documents.ts'
import { withoutLongString } from '../../codec/json/long-string.ts'
import { bytesWithBase64, type TextWithBase64 } from '../../codec/json/text-with-base64.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { type Bundle, bundleLimitBytes, bundlePayloadPath, parseBundle } from '../../formats/bundle.ts'
import { type DsseEnvelope, parseDsseEnvelope, withLongPayload } from '../../formats/dsse.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { parseSignatureDocuments } from '../../formats/signature-document.ts'
import { parseStatement, statementPayloadType } from '../../formats/statement.ts'
import { type AppendLayerOptions, appendSignatureLayer } from '../../oci/attached/signature-tag.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import type { Repository } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { attachBundleOnce } from '../given-bundle.ts'
import { attestationLayer } from './attach-attestation.ts'
import { isLarge, sourceOfText } from './encoded-attestation.ts'
import { checkStatementAbout } from './given-statement.ts'

/** An attestation that somebody else made: a bundle, or an envelope that becomes a layer. Both about the image that was asked for. */
export type GivenAttestation =
  | { readonly kind: 'bundle'; readonly content: GivenContent; readonly predicateType: string }
  | { readonly kind: 'envelope'; readonly content: GivenContent; readonly predicateType: string }

/** Its bytes as they came; where a payload is large, that decoded, and the bytes around its base64. */
type GivenContent = Uint8Array | TextWithBase64

const maxDocuments = 1_000

/**
 * Reads a file of attestations, envelopes and bundles in any order. Who signed them is for whoever verifies; that they are signed in-toto
 * statements about this image is asked here, and cosign does not ask the last.
 *
 * @param bytes - nobody may look at them again: a large payload is decoded in its own place
 * @param what - begins messages
 * @throws CountersignError `DSSE_MALFORMED`, `BUNDLE_MALFORMED`, `STATEMENT_MALFORMED`, `ARTIFACT_MISMATCH`, `JSON_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function readGivenAttestations(bytes: Uint8Array, image: OciDigest, what: string): readonly GivenAttestation[] {
  if (bytes.length > bundleLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${bundleLimitBytes} bytes, got ${bytes.length}`)
  const documents = splitJsonObjects(bytes, what, maxDocuments)
  if (documents.length === 0) throw new CountersignError('DSSE_MALFORMED', `${what}: want an envelope or a bundle, got nothing`)
  return documents.map((document, index) =>
    readAt(`${what}: document ${index + 1}`, () => readLarge(document, image) ?? readDocument(document, image)),
  )
}

/** A document with a large payload; nothing for any other, and for what is no such document, of which its own reader says why. */
function readLarge(bytes: Uint8Array, image: OciDigest): GivenAttestation | undefined {
  if (!isLarge(bytes)) return undefined
  const kind = kindOf(bytes)
  if (!kind) return undefined
  const { rest, string } = withoutLongString(bytes, kind, { bytes: bundleLimitBytes }, payloadPaths[kind])
  if (!string) return undefined
  const start = string.byteOffset - bytes.byteOffset
  const [before, after] = [bytes.slice(0, start), bytes.slice(start + string.length)]
  const { envelope, at } =
    kind === 'bundle'
      ? { envelope: envelopeOf(parseBundle(rest)), at: 'dsseEnvelope' }
      : { envelope: parseDsseEnvelope(rest, kind), at: kind }
  const whole = withLongPayload(envelope, string, at, bytes)
  return { kind, content: bytesWithBase64(before, whole.payload, after), predicateType: predicateTypeAbout(whole, image) }
}

const payloadPaths = { bundle: bundlePayloadPath, envelope: [['payload']] }

function kindOf(bytes: Uint8Array): GivenAttestation['kind'] | undefined {
  const names = new Set<string>()
  try {
    createJsonCursor(bytes, 'JSON', { bytes: bundleLimitBytes }).object(name => names.add(name))
  } catch (error) {
    if (error instanceof CountersignError) return undefined
    throw error
  }
  if (names.has('mediaType') || names.has('media_type')) return 'bundle'
  return names.has('payloadType') && !names.has('base64Signature') ? 'envelope' : undefined
}

function envelopeOf({ content }: Bundle): DsseEnvelope {
  if (content.kind !== 'dsse') throw new CountersignError('DSSE_MALFORMED', 'bundle: want an attestation, got the signature of a file')
  return content.envelope
}

function readDocument(bytes: Uint8Array, image: OciDigest): GivenAttestation {
  const [document] = parseSignatureDocuments(bytes, 'JSON')
  if (document.format === 'bundle') {
    return { kind: 'bundle', content: bytes, predicateType: predicateTypeAbout(envelopeOf(document.bundle), image) }
  }
  if (document.format !== 'dsse-envelope')
    throw new CountersignError('DSSE_MALFORMED', `want an envelope or a bundle, got a signature (${document.format})`)
  return { kind: 'envelope', content: bytes, predicateType: predicateTypeAbout(document.envelope, image) }
}

function predicateTypeAbout(
  { payloadType, payload }: { readonly payloadType: string; readonly payload: Uint8Array },
  digest: OciDigest,
): string {
  if (payloadType !== statementPayloadType)
    throw new CountersignError('DSSE_MALFORMED', `invalid payloadType ${quote(payloadType)} on envelope. Expected ${statementPayloadType}`)
  const statement = parseStatement(payload)
  checkStatementAbout(statement, { kind: 'image', digest })
  return statement.predicateType
}

/**
 * Attaches an attestation that somebody else made, unless it is there already: a bundle among the referrers, an envelope at the legacy tag.
 *
 * @throws CountersignError from the registry; `REFERRERS_CONTENDED`, `LIMIT_EXCEEDED`
 */
export async function attachGivenAttestation(
  client: RegistryClient,
  world: World,
  place: { readonly repository: Repository; readonly tag: string },
  image: Descriptor,
  given: GivenAttestation,
  options: Pick<AppendLayerOptions, 'dockerMediaTypes'>,
  signal: AbortSignal,
): Promise<{ readonly added: boolean }> {
  const { kind, content, predicateType } = given
  const bytes = content instanceof Uint8Array ? content : await sourceOfText(content)
  if (kind === 'bundle') return await attachBundleOnce(client, world, place.repository, image, { bytes, predicateType }, signal)
  const layer = attestationLayer(bytes, predicateType, new Map())
  return await appendSignatureLayer(client, world, place.repository, place.tag, layer, options, signal)
}
