import { CountersignError } from '../../codec/error.ts'
import { parseJson } from '../../codec/json.ts'
import { readDsseEnvelope } from '../../formats/dsse.ts'
import { hexOf, type OciDigest } from '../../formats/oci-digest.ts'
import { parseSimpleSigning } from '../../formats/simple-signing.ts'
import { parseStatement, type Statement, statementPayloadType } from '../../formats/statement.ts'
import { bundleCandidate } from '../../verify/evidence.ts'
import { fetchLayers, fetchSignatureLayers } from '../attached/signature-tag.ts'
import type { ImageManifest } from '../manifest.ts'
import { parseRepository, type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import type { TaggedKind } from './removal.ts'

/**
 * The repositories that an attached object says it is about, in full; `undefined` among them stands for a signature that says
 * nothing. Nothing of it is verified: it can only be a reason to keep the object.
 */
export type NamedRepositories = ReadonlySet<string | undefined>

/**
 * What the layers under a `.sig` or `.att` tag name. An SBOM names nothing.
 *
 * @throws CountersignError of kind `malformed` or `untrusted`, or `BLOB_NOT_FOUND`, when it cannot be told
 */
export async function namedByTag(
  client: RegistryClient,
  repository: Repository,
  { tag, kind, subject }: { readonly tag: string; readonly kind: TaggedKind; readonly subject: OciDigest },
  signal: AbortSignal,
): Promise<NamedRepositories> {
  if (kind === 'sbom') return new Set([undefined])
  const layers = await fetchSignatureLayers(client, repository, tag, signal)
  return union(layers.map(({ bytes }) => (kind === 'signature' ? namedByPayload(bytes, subject) : namedByEnvelope(bytes, subject))))
}

/** What a referrer names: the statement in its bundle, or the payloads of cosign's own artifact. Throws as `namedByTag`. */
export async function namedByReferrer(
  client: RegistryClient,
  repository: Repository,
  manifest: ImageManifest,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<NamedRepositories> {
  const layers = await fetchLayers(client, repository, manifest.layers, `referrer of ${subject}`, signal)
  return union(
    layers.map(({ descriptor, bytes }) => {
      if (descriptor.mediaType.includes('simplesigning')) return namedByPayload(bytes, subject)
      if (descriptor.mediaType.includes('dsse')) return namedByEnvelope(bytes, subject)
      const { content } = bundleCandidate('bundle', bytes).decode()
      return content.kind === 'statement' ? namedByStatement(content.statement, subject) : new Set([undefined])
    }),
  )
}

function namedByPayload(bytes: Uint8Array, subject: OciDigest): NamedRepositories {
  const { dockerReference, manifestDigest } = parseSimpleSigning(bytes)
  if (manifestDigest !== subject) throw new CountersignError('ARTIFACT_MISMATCH', `payload: it is about ${manifestDigest}`)
  return new Set([fullName(dockerReference)])
}

function namedByEnvelope(bytes: Uint8Array, subject: OciDigest): NamedRepositories {
  const { payloadType, payload } = readDsseEnvelope(parseJson(bytes, 'envelope', { bytes: bytes.length }), 'envelope')
  if (payloadType !== statementPayloadType) return new Set([undefined])
  return namedByStatement(parseStatement(payload), subject)
}

function namedByStatement({ subjects }: Statement, subject: OciDigest): NamedRepositories {
  const own = subjects.filter(({ digest }) => digest.get('sha256') === hexOf(subject))
  if (own.length === 0) throw new CountersignError('ARTIFACT_MISMATCH', 'statement: it is about something else')
  return new Set(own.map(({ name }) => fullName(name)))
}

/** A repository in full; any other name as it is, which is no repository that can be looked in. */
function fullName(name: string | undefined): string | undefined {
  if (name === undefined || name === '') return undefined
  try {
    return repositoryName(parseRepository(name))
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return name
  }
}

function union(sets: readonly NamedRepositories[]): NamedRepositories {
  return sets.length === 0 ? new Set([undefined]) : new Set(sets.flatMap(names => [...names]))
}
