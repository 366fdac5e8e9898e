import type { Json } from '../../../codec/json.ts'
import type { Claims } from '../../../identity/id-token.ts'
import { type ConfigNode, malformedAt, textOf } from './config-node.ts'

/** Names of members, from the outermost in. */
export type JsonPath = readonly string[]

const step = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(?:'([^'\\]*)'|"([^"\\]*)")\]/y

/**
 * Reads the part of JSONPath that names one member: `$.federated_claims.connector_id`, `$['a b'].c`.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED`
 * @see RFC 9535 §2.3.1; services.md §1.3 `issuer-claim`
 */
export function readJsonPath(node: ConfigNode): JsonPath {
  const text = textOf(node)
  const names: string[] = []
  let at = 1
  while (at < text.length) {
    step.lastIndex = at
    const found = step.exec(text)
    if (!found) break
    names.push(found[1] ?? found[2] ?? found[3] ?? '')
    at += found[0].length
  }
  if (text[0] !== '$' || at < text.length || names.length === 0 || names.length > 16)
    throw malformedAt(node, `want a path of names like $.claim.member, got "${text}"`)
  return names
}

/** The claim at a path; nothing where there is none. */
export function claimAt(claims: Claims, [first, ...rest]: JsonPath): Json | undefined {
  let value = first === undefined ? undefined : claims.get(first)
  for (const name of rest) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return undefined
    value = (value as { readonly [member: string]: Json })[name]
  }
  return value
}
