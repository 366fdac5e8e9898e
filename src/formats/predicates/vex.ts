import { type Json, readArray, readAs, readObject, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { malformed, readMoment, readOptional, readText, readWord } from './fields.ts'

const statuses = ['not_affected', 'affected', 'fixed', 'under_investigation'] as const
const justifications = [
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
] as const

/** What somebody says of one vulnerability in some products. */
export type VexStatement = {
  readonly vulnerability: string
  readonly aliases: readonly string[]
  readonly products: readonly string[] // purls and other identifiers; empty where the statement leaves it to the subject of the attestation
  readonly status: (typeof statuses)[number]
  readonly justification?: (typeof justifications)[number] | undefined
  readonly timestamp: Date | undefined // that of the document, where the statement has none
}

/** An OpenVEX document. */
export type Vex = {
  readonly id: string
  readonly author: string
  readonly timestamp: Date | undefined
  readonly statements: readonly VexStatement[]
}

const what = 'OpenVEX document'
const limits = { statements: 1_000_000, products: 100_000, aliases: 1000 }

/**
 * Reads an OpenVEX document of version 0.2.0, or of 0.0.x, which has vulnerabilities and products as strings.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`, `LIMIT_EXCEEDED`
 * @see OpenVEX specification 0.2.0, "The OpenVEX Format"
 */
export function readVex(predicate: Json | undefined): Vex {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const document = readObject(predicate, what)
    const context = readText(document['@context'], '@context')
    if (!/^https:\/\/openvex\.dev\/ns(\/v0\.[02]\.\d+)?$/.test(context))
      throw malformed(`@context: want that of OpenVEX 0.2 or 0.0, got ${quote(context)}`)
    const timestamp = readMoment(document['timestamp'], 'timestamp')
    const statements = readArray(document['statements'], 'statements', limits.statements, (item, at) => readStatement(item, at, timestamp))
    if (statements.length === 0) throw malformed('statements: want at least one, got none')
    return { id: readText(document['@id'], '@id'), author: readText(document['author'], 'author'), timestamp, statements }
  })
}

function readStatement(value: unknown, at: string, timestamp: Date | undefined): VexStatement {
  const statement = readObject(value, at)
  const status = readWord(statement['status'], `${at}.status`, statuses)
  const justification = readOptional(statement['justification'], `${at}.justification`, (word, path) =>
    readWord(word, path, justifications),
  )
  const impact = readOptional(statement['impact_statement'], `${at}.impact_statement`, readString)
  if (status === 'not_affected' && justification === undefined && impact === undefined)
    throw malformed(`${at}: want a justification or an impact_statement with status not_affected, got neither`)
  if (status === 'affected') readString(statement['action_statement'], `${at}.action_statement`)
  return {
    ...readVulnerability(statement['vulnerability'], `${at}.vulnerability`),
    products: readOptional(statement['products'], `${at}.products`, readProducts) ?? [],
    status,
    justification,
    timestamp: readOptional(statement['timestamp'], `${at}.timestamp`, readMoment) ?? timestamp,
  }
}

function readVulnerability(value: unknown, at: string): { readonly vulnerability: string; readonly aliases: readonly string[] } {
  if (typeof value === 'string') return { vulnerability: readText(value, at), aliases: [] }
  const vulnerability = readObject(value, at)
  const aliases = readOptional(vulnerability['aliases'], `${at}.aliases`, (names, path) =>
    readArray(names, path, limits.aliases, readString),
  )
  return { vulnerability: readText(vulnerability['name'], `${at}.name`), aliases: aliases ?? [] }
}

function readProducts(value: unknown, at: string): readonly string[] {
  return readArray(value, at, limits.products, readProduct)
}

/** Its `@id`, else the first of its identifiers, else the first of its hashes. */
function readProduct(value: unknown, at: string): string {
  if (typeof value === 'string') return readText(value, at)
  const product = readObject(value, at)
  if (product['@id'] !== undefined) return readText(product['@id'], `${at}.@id`)
  for (const member of ['identifiers', 'hashes']) {
    const [first] = Object.entries(readOptional(product[member], `${at}.${member}`, readObject) ?? {})
    if (first) return readText(first[1], `${at}.${member}.${first[0]}`)
  }
  throw malformed(`${at}: want an @id, identifiers or hashes, got none of them`)
}
