import type { Format } from './actor.ts'

/** The claims of `verify`'s standard output: a blank line, one JSON array, a newline, once per image. @throws on anything else */
export function readClaims(stdout: string): unknown {
  const [blank, array, end, ...rest] = stdout.split('\n')
  if (blank !== '' || array === undefined || end !== '' || rest.length > 0)
    throw new Error(`want a blank line, an array, a newline, got ${JSON.stringify(stdout)}`)
  return JSON.parse(array)
}

/** The claim that one signature without further identity makes, as `verify` prints it. */
export function claim(format: Format, repository: string, digest: string, annotations: Readonly<Record<string, string>> = {}): unknown {
  const none = Object.keys(annotations).length === 0
  const [reference, type, optional] =
    format === 'bundle'
      ? [`${repository}@${digest}`, 'https://sigstore.dev/cosign/sign/v1', annotations]
      : [repository, 'cosign container image signature', none ? null : annotations]
  return { critical: { identity: { 'docker-reference': reference }, image: { 'docker-manifest-digest': digest }, type }, optional }
}
