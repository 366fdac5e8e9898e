import type { Format } from './actor.ts'

/** The claims of one image that `verify` printed: a blank line, one JSON array, a newline. @throws on anything else */
export function readClaims(stdout: string): readonly unknown[] {
  const [claims, ...rest] = readImages(stdout)
  if (claims === undefined || rest.length > 0) throw new Error(`want the claims of one image, got ${JSON.stringify(stdout)}`)
  return claims
}

/** The claims of all images that `verify` printed, one after the other. */
export function readAllClaims(stdout: string): readonly unknown[] {
  return readImages(stdout).flat()
}

function readImages(stdout: string): readonly (readonly unknown[])[] {
  if (!/^(\n\[.*\]\n)*$/.test(stdout))
    throw new Error(`want a blank line, an array and a newline for each image, got ${JSON.stringify(stdout)}`)
  return stdout.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]))
}

/**
 * What `verify` prints of one signature without an identity of its own.
 *
 * @param image - `HOST/REPOSITORY@sha256:…`
 */
export function claim(format: Format, image: string, annotations: Readonly<Record<string, string>> = {}): unknown {
  const [repository, digest] = image.split('@')
  const none = Object.keys(annotations).length === 0
  const [reference, type, optional] =
    format === 'bundle'
      ? [image, 'https://sigstore.dev/cosign/sign/v1', annotations]
      : [repository, 'cosign container image signature', none ? null : annotations]
  return { critical: { identity: { 'docker-reference': reference }, image: { 'docker-manifest-digest': digest }, type }, optional }
}
