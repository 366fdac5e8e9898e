import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { behindPreAuthPrefix } from '../../../formats/dsse.ts'
import { statementPayloadType } from '../../../formats/statement.ts'
import { listInIndexStatements } from '../../../oci/attached/in-index.ts'
import { ociLimits } from '../../../oci/limits.ts'
import type { Descriptor } from '../../../oci/manifest.ts'
import { formatReference, repositoryName } from '../../../oci/reference.ts'
import { attachAttestationBundle } from '../../../sign/attestation/attach-attestation.ts'
import { findEarlierAttestation } from '../../../sign/attestation/earlier-attestation.ts'
import { checkStatementOnlyAbout, readGivenStatement } from '../../../sign/attestation/given-statement.ts'
import { type StatementToSign, signAttestationBundle } from '../../../sign/attestation/sign-attestation.ts'
import type { CommandFunction } from '../../command.ts'
import type { promoteFlags } from '../../flags/promote.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { openSigning } from '../../inputs/signing/open-signing.ts'
import { plainSignerFlags } from '../../inputs/signing/plain-signer-flags.ts'
import { openTarget } from '../../inputs/targets.ts'
import { jsonText } from '../../output/json-document.ts'

/** A statement in the index, read and checked. */
type Found = { readonly image: Descriptor; readonly source: string; readonly toSign: StatementToSign }

/**
 * `promote`: signs the statements that BuildKit keeps in an image index, and attaches each as a referrer of the image it is about. The index
 * stays as it is, to its digest. Every statement is read before any is signed; one that is about another image, if only as well, refuses all.
 */
export const promote: CommandFunction<typeof promoteFlags> = async (context, flags, [name]) => {
  const { client, reference } = await openTarget(context, flags, name!, { willPush: true })
  const root = await client.resolve(reference, context.signal)
  const limits = maxAttachmentBytes(context)
  const onUnknown = (source: string, mediaType: string) =>
    context.warn(`${source} is ${quote(mediaType)}, no statement: it is left where it is`)
  const listed = await listInIndexStatements(client, reference, root, onUnknown, context.signal)
  if (listed.length === 0)
    throw new CountersignError(
      'ATTESTATIONS_NOT_FOUND',
      `${name}: the index holds no attestations (docker buildx build --sbom=true --provenance=true)`,
    )
  const signing = await openSigning(context, { ...plainSignerFlags, ...flags }, { promise: false, timestamp: false })
  const found: Found[] = [] // fetched once the key's scrypt has given its 64 MiB back: an SBOM may be as large
  for (const { image, source, layer, declared } of listed) {
    const bytes = await client.fetchBlob(reference, layer, limits.maxBytes ?? ociLimits.attachmentBytes, context.signal)
    found.push({ image, source, toSign: readStatement(bytes, declared, image, source) })
  }
  const place = signatureRepository(context, reference)
  const promoted: { image: string; predicateType: string; referrer: string; added: boolean }[] = []
  for (const { image, source, toSign } of found) {
    const entry = { image: image.digest, predicateType: toSign.predicateType }
    const earlier = await findEarlierAttestation(client, place, image.digest, signing, toSign, limits, context.signal)
    if (earlier !== undefined) promoted.push({ ...entry, referrer: earlier.replace(/^referrer /, ''), added: false })
    else {
      context.stderr(`Signing ${source}...\n`)
      const signed = await signAttestationBundle(signing, toSign, { kind: 'image', digest: image.digest })
      const { digest } = await attachAttestationBundle(client, context.world, place, image, signed, context.signal)
      promoted.push({ ...entry, referrer: digest, added: true })
    }
  }
  if (flags.output === 'json') context.stdout(`${jsonText({ image: formatReference(reference), digest: root.digest, promoted })}\n`)
  else
    for (const { image, predicateType, referrer, added } of promoted)
      context.stdout(
        `${added ? 'promoted' : 'there already'}: ${quote(predicateType)} of ${repositoryName(reference)}@${image}: ${repositoryName(place)}@${referrer}\n`,
      )
  return 0
}

function readStatement(fetched: Uint8Array, declared: string | undefined, image: Descriptor, source: string): StatementToSign {
  const bytes = behindPreAuthPrefix(statementPayloadType, fetched)
  try {
    const statement = readGivenStatement(bytes, declared)
    checkStatementOnlyAbout(statement, { kind: 'image', digest: image.digest })
    return { statement: bytes, predicateType: statement.predicateType }
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError(cause.code, `${source}: ${cause.message}`, { cause })
  }
}
