import { CountersignError } from '../../../codec/error.ts'
import { logEntryOfBundle } from '../../../formats/log/log-bundle.ts'
import { readSignatureMaterial } from '../../../formats/signature-material.ts'
import { layerPredicateType } from '../../../oci/attached/image-evidence.ts'
import type { Descriptor } from '../../../oci/manifest.ts'
import { type AttachedFacts, signerOfCertificate, statedTime } from '../../output/attached-facts.ts'

/** What a layer of the older layout says of itself, by its descriptor alone. Broken annotations say nothing. */
export function factsOfLayer({ descriptor }: { readonly descriptor: Descriptor }): AttachedFacts {
  const { size, mediaType, annotations = new Map<string, string>() } = descriptor
  const type = annotations.get(layerPredicateType) ?? mediaType
  try {
    const { certificate, logBundle, timestamp } = readSignatureMaterial(annotations)
    const time = statedTime(logBundle ? [logEntryOfBundle(logBundle)] : [], timestamp ? [timestamp] : [])
    return { size, type, ...(certificate && { signer: signerOfCertificate(certificate) }), ...(time && { time }) }
  } catch (error) {
    if (error instanceof CountersignError) return { size, type }
    throw error
  }
}
