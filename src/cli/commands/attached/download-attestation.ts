import { CountersignError, readAt } from '../../../codec/error.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { predicateTypeOf } from '../../../formats/predicate-type.ts'
import { parseStatement } from '../../../formats/statement.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { fetchBundleBytes, listBundleReferrers } from '../../../oci/attached/bundle-referrers.ts'
import { fetchSignatureLayers } from '../../../oci/attached/signature-tag.ts'
import { isAboutContent } from '../../../oci/content-failure.ts'
import type { Descriptor } from '../../../oci/manifest.ts'
import { resolvePlatform } from '../../../oci/mirror/platform.ts'
import type { CommandFunction } from '../../command.ts'
import type { downloadAttestationFlags } from '../../flags/attached.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'
import { factsOfBundle } from '../../output/attached-facts.ts'
import { factsOfLayer } from './layer-facts.ts'
import { type Place, predicateTypeOfBundle, printEach, readBundleLine, readEnvelopeLine, reportUnreadable } from './printed-lines.ts'

/**
 * `download attestation`: what is attested of an image, one JSON document on each line: its bundles, then the envelopes of the older
 * layout. Decoded and bounded; nothing is verified. Source: formats-and-flows §10.
 */
export const downloadAttestations: CommandFunction<typeof downloadAttestationFlags> = async (context, flags, [image]) => {
  const wanted = flags.predicateType === '' ? undefined : predicateTypeOf(flags.predicateType)
  const { reference, client } = await openTarget(context, flags, image!, { willPush: false })
  const { digest } =
    flags.platform === ''
      ? await client.resolve(reference, context.signal)
      : await resolvePlatform(client, reference, flags.platform, context.signal)
  const repository = signatureRepository(context, reference)
  const place: Place = { context, client, repository, limits: maxAttachmentBytes(context), unreadable: [] }
  const tag = signatureTag(digest, 'att', flags.attachmentTagPrefix)
  const printed = (await printBundles(place, digest, wanted)) + (await printEnvelopes(place, tag, wanted))
  reportUnreadable(place)
  if (printed > 0) return 0
  const message = wanted === undefined ? 'found no attestations' : `no attestations with predicate type '${wanted}' found`
  throw new CountersignError('ATTESTATIONS_NOT_FOUND', `${message}: ${image}`)
}

async function printBundles(place: Place, image: OciDigest, wanted: string | undefined): Promise<number> {
  const { context, client, repository, limits, unreadable } = place
  const bundles = await listBundleReferrers(client, repository, image, error => unreadable.push(error), context.signal)
  const mayBeWanted = bundles.filter(({ declared }) => wanted === undefined || declared === undefined || declared === wanted)
  return await printEach(place, mayBeWanted, async ({ source, layer, ...referrer }) => {
    const bytes = await fetchBundleBytes(client, repository, { source, layer, ...referrer }, context.signal, limits)
    return readAt(source, () => {
      const { bundle, text } = readBundleLine(bytes)
      const type = predicateTypeOfBundle(bundle)
      if (type === undefined || (wanted !== undefined && type !== wanted)) return undefined
      return { text, source, facts: { size: bytes.length, type, ...factsOfBundle(bundle, referrer.created) } }
    })
  })
}

async function printEnvelopes(place: Place, tag: string, wanted: string | undefined): Promise<number> {
  const { context, client, repository, limits, unreadable } = place
  const onUnreadable = (_: Descriptor, error: CountersignError) => {
    if (!isAboutContent(error)) throw error
    unreadable.push(error)
  }
  const layers = await fetchSignatureLayers(client, repository, tag, context.signal, { ...limits, onUnreadable })
  return await printEach(place, layers, async layer => {
    const source = `${tag} layer ${layer.descriptor.digest}`
    return readAt(source, () => {
      const { payload, text } = readEnvelopeLine(layer.bytes)
      const { predicateType: type } = parseStatement(payload)
      if (wanted !== undefined && type !== wanted) return undefined
      return { text, source, facts: { ...factsOfLayer(layer), type } }
    })
  })
}
