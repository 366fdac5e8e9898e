import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { AppendLayerOptions } from '../../oci/attached/signature-tag.ts'
import { parseByteSize } from '../../oci/limits.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { parseRepository, type Repository } from '../../oci/reference.ts'
import type { CommandContext } from '../context.ts'
import { variable } from '../parsing/environment.ts'
import { isTrue } from '../parsing/flag-value.ts'
import { isLocalRegistry } from './local-name.ts'

/** Where the signatures of an image are kept: `COSIGN_REPOSITORY` when set, else beside the image; those of an image on the disk always. */
export function signatureRepository({ environment }: CommandContext, image: Repository): Repository {
  const override = isLocalRegistry(image.registry) ? undefined : variable(environment, 'REPOSITORY')
  return override ? parseRepository(override) : { registry: image.registry, repository: image.repository }
}

/** Bytes of one signature or bundle that are read at most, when `COSIGN_MAX_ATTACHMENT_SIZE` says so. */
export function maxAttachmentBytes({ environment }: CommandContext): { readonly maxBytes?: number } {
  const size = variable(environment, 'MAX_ATTACHMENT_SIZE')
  return size ? { maxBytes: parseByteSize(size, 'COSIGN_MAX_ATTACHMENT_SIZE') } : {}
}

type LayoutFlags = { readonly recordCreationTimestamp: boolean; readonly registryReferrersMode: '' | 'legacy' | 'oci-1-1' }

/** How a signature of the older layout is stored, by flags and environment. Source: formats-and-flows §2.2. */
export function legacyLayout(context: CommandContext, flags: LayoutFlags, image: Descriptor): Omit<AppendLayerOptions, 'isDuplicate'> {
  const { environment, world } = context
  const asReferrer = flags.registryReferrersMode === 'oci-1-1'
  if (asReferrer && !isTrue(variable(environment, 'EXPERIMENTAL')))
    throw new CountersignError('USAGE', 'in order to use mode "oci-1-1", you must set COSIGN_EXPERIMENTAL=1')
  return {
    dockerMediaTypes: isTrue(variable(environment, 'DOCKER_MEDIA_TYPES')),
    ...(flags.recordCreationTimestamp && { created: sourceDate(environment.get('SOURCE_DATE_EPOCH')) ?? world.now() }),
    ...(asReferrer && { subject: image }),
  }
}

/** The time that reproducible builds ask for: whole seconds since 1970. Source: reproducible-builds.org "SOURCE_DATE_EPOCH". */
function sourceDate(value: string | undefined): Date | undefined {
  if (value === undefined || value === '') return undefined
  if (!/^[0-9]{1,12}$/.test(value))
    throw new CountersignError('USAGE', `SOURCE_DATE_EPOCH: want whole seconds since 1970, got ${quote(value)}`)
  return new Date(Number(value) * 1000)
}
