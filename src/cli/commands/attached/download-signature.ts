import { encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError, readAt } from '../../../codec/error.ts'
import { type GoJson, serializeGoJson } from '../../../codec/go-json.ts'
import { logBundleJson } from '../../../formats/log/log-bundle.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { readSignatureMaterial } from '../../../formats/signature-material.ts'
import { signatureAnnotation } from '../../../formats/simple-signing.ts'
import { timestampJson } from '../../../formats/timestamp/timestamp-json.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { fetchBundleBytes, listBundleReferrers } from '../../../oci/attached/bundle-referrers.ts'
import { fetchSignatureLayers, type SignatureLayer } from '../../../oci/attached/signature-tag.ts'
import { isAboutContent } from '../../../oci/content-failure.ts'
import type { Descriptor } from '../../../oci/manifest.ts'
import type { CommandFunction } from '../../command.ts'
import type { downloadSignatureFlags } from '../../flags/attached.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'
import { factsOfBundle } from '../../output/attached-facts.ts'
import { factsOfLayer } from './layer-facts.ts'
import { type Place, predicateTypeOfBundle, printEach, readBundleLine, reportUnreadable } from './printed-lines.ts'

/**
 * `download signature`: what is attached to an image, one JSON document on each line: its bundles, attestations among them,
 * or, where there is none, its signatures of the older layout. Decoded and bounded; nothing is verified. Source:
 * formats-and-flows §10.
 */
export const downloadSignatures: CommandFunction<typeof downloadSignatureFlags> = async (context, flags, [image]) => {
  const { reference, client } = await openTarget(context, flags, image!, { willPush: false })
  const { digest } = await client.resolve(reference, context.signal)
  const repository = signatureRepository(context, reference)
  const place: Place = { context, client, repository, limits: maxAttachmentBytes(context), unreadable: [] }
  const printed = (await printBundles(place, digest)) || (await printLayers(place, signatureTag(digest, 'sig', flags.attachmentTagPrefix)))
  reportUnreadable(place)
  if (printed === 0) throw new CountersignError('SIGNATURES_NOT_FOUND', `${image}: no signatures associated`)
  return 0
}

async function printBundles(place: Place, image: OciDigest): Promise<number> {
  const { context, client, repository, limits, unreadable } = place
  const bundles = await listBundleReferrers(client, repository, image, error => unreadable.push(error), context.signal)
  return await printEach(place, bundles, async bundle => {
    const bytes = await fetchBundleBytes(client, repository, bundle, context.signal, limits)
    return readAt(bundle.source, () => {
      const { bundle: parsed, text } = readBundleLine(bytes)
      const type = predicateTypeOfBundle(parsed) ?? bundle.layer.mediaType
      return { text, source: bundle.source, facts: { size: bytes.length, type, ...factsOfBundle(parsed, bundle.created) } }
    })
  })
}

async function printLayers(place: Place, tag: string): Promise<number> {
  const { context, client, repository, limits, unreadable } = place
  const onUnreadable = (_: Descriptor, error: CountersignError) => {
    if (!isAboutContent(error)) throw error
    unreadable.push(error)
  }
  const layers = await fetchSignatureLayers(client, repository, tag, context.signal, { ...limits, onUnreadable })
  return await printEach(place, layers, async layer => {
    const source = `${tag} layer ${layer.descriptor.digest}`
    return readAt(source, () => ({ text: signatureLine(layer), source, facts: factsOfLayer(layer) }))
  })
}

/** A signature of the older layout with what lies beside it, in the members of cosign's; of a certificate only `Raw`, its DER. */
function signatureLine({ annotations, bytes }: SignatureLayer): string {
  const { certificate, chain, logBundle, timestamp } = readSignatureMaterial(annotations)
  return serializeGoJson({
    Base64Signature: annotations.get(signatureAnnotation) ?? '',
    Payload: encodeBase64(bytes),
    Cert: certificate ? certificateJson(certificate) : null,
    Chain: chain ? chain.map(certificateJson) : null,
    Bundle: logBundle ? logBundleJson(logBundle) : null,
    RFC3161Timestamp: timestamp ? timestampJson(timestamp) : null,
  })
}

function certificateJson(der: Uint8Array): GoJson {
  return { Raw: encodeBase64(der) }
}
