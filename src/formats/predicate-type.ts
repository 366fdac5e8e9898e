import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'

/** Names for predicate types that `--type` knows, with the URI that a statement then holds. Source: formats-and-flows §6. */
export const predicateTypeAliases: ReadonlyMap<string, string> = new Map([
  ['custom', 'https://cosign.sigstore.dev/attestation/v1'],
  ['cyclonedx', 'https://cyclonedx.org/bom'],
  ['link', 'https://in-toto.io/Link/v1'],
  ['openvex', 'https://openvex.dev/ns'],
  ['slsaprovenance', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance02', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
  ['spdx', 'https://spdx.dev/Document'],
  ['spdxjson', 'https://spdx.dev/Document'],
  ['vuln', 'https://cosign.sigstore.dev/attestation/vuln/v1'],
])

/**
 * The URI that a name or a URI stands for.
 *
 * @throws CountersignError `USAGE` for what is neither a known name nor an absolute URI
 */
export function predicateTypeOf(nameOrUri: string): string {
  const known = predicateTypeAliases.get(nameOrUri)
  if (known !== undefined) return known
  if (URL.canParse(nameOrUri)) return nameOrUri
  const names = [...predicateTypeAliases.keys()].join(', ')
  throw new CountersignError('USAGE', `invalid predicate type: ${quote(nameOrUri)}: want one of ${names}, or a URI`)
}
