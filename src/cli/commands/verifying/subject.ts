import type { OciDigest } from '../../../formats/oci-digest.ts'
import { formatReference, type ImageReference } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import { isLocalRegistry } from '../../inputs/local-name.ts'
import type { Target } from '../../inputs/targets.ts'

/** What an image is called. */
export type Named = {
  readonly typed: string // as somebody named it
  readonly name: string // in full, as cosign shows it
}

/** An image to verify. */
export type Subject = Named & {
  readonly reference: ImageReference
  readonly client: RegistryClient
  readonly digest?: OciDigest // where it is known without asking
}

/** One of several images to verify, or why it is out of reach. */
export type Queued = Subject | (Named & { readonly failure: unknown })

/**
 * An image that a command was given. A digest needs no lookup in a registry: only its signatures are fetched. In a folder the
 * manifest is read all the same, for who verifies a folder means the bytes in it.
 */
export function subjectOf({ name: typed, reference, client, isLocal }: Target): Subject {
  const { digest } = reference
  return { typed, name: isLocal ? typed : formatReference(reference), reference, client, ...(digest && !isLocal && { digest }) }
}

/** An image inside another one that was given. */
export function childOf({ reference, client }: Subject, digest: OciDigest): Subject {
  const { registry, repository } = reference
  const child = { registry, repository, digest }
  const name = formatReference(child)
  return { typed: name, name, reference: child, client, ...(!isLocalRegistry(registry) && { digest }) }
}
