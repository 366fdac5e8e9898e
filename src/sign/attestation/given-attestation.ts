import { CountersignError, readAt } from '../../codec/error.ts'
import { splitJsonObjects } from '../../codec/json/json-documents.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { bundleLimitBytes } from '../../formats/bundle.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { parseSignatureDocuments } from '../../formats/signature-document.ts'
import { parseStatement, statementPayloadType } from '../../formats/statement.ts'
import { type AppendLayerOptions, appendSignatureLayer, type NewSignatureLayer } from '../../oci/attached/signature-tag.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import type { Repository } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { attachGivenBundle } from '../given-bundle.ts'
import { attestationLayer } from './attach-attestation.ts'
import { checkStatementAbout } from './given-statement.ts'

/** An attestation that somebody else made: a bundle, or an envelope that becomes a layer. Both about the image that was asked for. */
export type GivenAttestation =
  | { readonly kind: 'bundle'; readonly bytes: Uint8Array }
  | { readonly kind: 'envelope'; readonly layer: NewSignatureLayer }

const maxDocuments = 1_000

/**
 * Reads a file of attestations, envelopes and bundles in any order. Who signed them is for whoever verifies; that they are signed in-toto
 * statements about this image is asked here, and cosign does not ask the last.
 *
 * @param what - begins messages
 * @throws CountersignError `DSSE_MALFORMED`, `BUNDLE_MALFORMED`, `STATEMENT_MALFORMED`, `ARTIFACT_MISMATCH`, `JSON_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function readGivenAttestations(bytes: Uint8Array, image: OciDigest, what: string): readonly GivenAttestation[] {
  if (bytes.length > bundleLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${bundleLimitBytes} bytes, got ${bytes.length}`)
  const documents = splitJsonObjects(bytes, what, maxDocuments)
  if (documents.length === 0) throw new CountersignError('DSSE_MALFORMED', `${what}: want an envelope or a bundle, got nothing`)
  return documents.map((document, index) => readAt(`${what}: document ${index + 1}`, () => readDocument(document, image)))
}

function readDocument(bytes: Uint8Array, image: OciDigest): GivenAttestation {
  const [document] = parseSignatureDocuments(bytes, 'JSON')
  if (document.format === 'bundle') {
    const { content } = document.bundle
    if (content.kind !== 'dsse') throw new CountersignError('DSSE_MALFORMED', 'bundle: want an attestation, got the signature of a file')
    predicateTypeAbout(content.envelope, image)
    return { kind: 'bundle', bytes }
  }
  if (document.format !== 'dsse-envelope')
    throw new CountersignError('DSSE_MALFORMED', `want an envelope or a bundle, got a signature (${document.format})`)
  return { kind: 'envelope', layer: attestationLayer(bytes, predicateTypeAbout(document.envelope, image), new Map()) }
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
  if (given.kind === 'bundle') return await attachGivenBundle(client, world, place.repository, image, given.bytes, signal)
  return await appendSignatureLayer(client, world, place.repository, place.tag, given.layer, options, signal)
}
