import { readObject, readString, readStringMap } from '../../codec/json.ts'
import { malformed, readOptional } from './fields.ts'

/** How in-toto names something: by where it is, by what it is called, by its digests. */
export type ResourceDescriptor = {
  readonly name: string | undefined
  readonly uri: string | undefined
  readonly digests: ReadonlyMap<string, string>
}

/**
 * Reads a resource descriptor. What else it holds (media type, annotations, content) is left aside.
 *
 * @see in-toto attestation spec v1, resource_descriptor.md: one of uri, digest and content is there
 */
export function readResourceDescriptor(value: unknown, at: string): ResourceDescriptor {
  const descriptor = readLooseDescriptor(value, at)
  if (descriptor.uri === undefined && descriptor.digests.size === 0 && readObject(value, at)['content'] === undefined)
    throw malformed(`${at}: want a uri, a digest or content, got none of them`)
  return descriptor
}

/** The same where nothing need be there: a material or `configSource` of SLSA provenance 0.2. */
export function readLooseDescriptor(value: unknown, at: string): ResourceDescriptor {
  const descriptor = readObject(value, at)
  return {
    name: readOptional(descriptor['name'], `${at}.name`, readString),
    uri: readOptional(descriptor['uri'], `${at}.uri`, readString) || undefined,
    digests: readOptional(descriptor['digest'], `${at}.digest`, readStringMap) ?? new Map(),
  }
}
