import { encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError, readAt } from '../../../codec/error.ts'
import { type GoJson, serializeGoJson } from '../../../codec/go-json.ts'
import { parseJson } from '../../../codec/json.ts'
import { bundleLimitBytes, parseBundle } from '../../../formats/bundle.ts'
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
import type { Repository } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { CommandFunction } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { downloadSignatureFlags } from '../../flags/attached.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'

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
  const [first] = place.unreadable
  if (first) throw new CountersignError(first.code, `${place.unreadable.length} of what is attached cannot be read: ${first.message}`)
  if (printed === 0) throw new CountersignError('SIGNATURES_NOT_FOUND', `${image}: no signatures associated`)
  return 0
}

type Place = {
  readonly context: CommandContext
  readonly client: RegistryClient
  readonly repository: Repository
  readonly limits: { readonly maxBytes?: number }
  readonly unreadable: CountersignError[] // said last: what is broken must not hide what is not
}

async function printBundles(place: Place, image: OciDigest): Promise<number> {
  const { context, client, repository, limits, unreadable } = place
  const bundles = await listBundleReferrers(client, repository, image, error => unreadable.push(error), context.signal)
  return await printEach(place, bundles, async bundle => {
    const bytes = await fetchBundleBytes(client, repository, bundle, context.signal, limits)
    return readAt(bundle.source, () => bundleLine(bytes))
  })
}

async function printLayers(place: Place, tag: string): Promise<number> {
  const { context, client, repository, limits, unreadable } = place
  const onUnreadable = (_: Descriptor, error: CountersignError) => {
    if (!isAboutContent(error)) throw error
    unreadable.push(error)
  }
  const layers = await fetchSignatureLayers(client, repository, tag, context.signal, { ...limits, onUnreadable })
  return await printEach(place, layers, async layer => readAt(`${tag} layer ${layer.descriptor.digest}`, () => signatureLine(layer)))
}

/** Prints a line for each that can be read; returns how many. */
async function printEach<T>({ context, unreadable }: Place, items: readonly T[], lineOf: (item: T) => Promise<string>): Promise<number> {
  let printed = 0
  for (const item of items)
    try {
      context.stdout(`${await lineOf(item)}\n`)
      printed++
    } catch (error) {
      if (!isAboutContent(error)) throw error
      unreadable.push(error)
    }
  return printed
}

/** The bundle as it is, on one line. */
function bundleLine(bytes: Uint8Array): string {
  parseBundle(bytes)
  return serializeGoJson(parseJson(bytes, 'bundle', { bytes: bundleLimitBytes }))
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
