import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, readArray, readObject, readString, readStringMap } from '../../codec/json.ts'
import { goTime } from './times.ts'

const maxItems = 100_000

/** What Go's zero time is written as: cosign has it where no time was given. */
const zeroTime = '0001-01-01T00:00:00Z'

/**
 * The predicate that cosign makes of a vulnerability scan: what is missing is there as its type's zero, and what there is no place for is
 * left out. The scanner's own report stays as it is.
 *
 * @param leftOut - gets the places of what is left out
 * @throws CountersignError `JSON_MALFORMED`
 * @see cosign's specs/COSIGN_VULN_ATTESTATION_SPEC.md, formats-and-flows §6
 */
export function shapeVulnerabilities(value: unknown, at: string, leftOut: string[]): JsonObject {
  const members = (of: unknown, place: string, names: readonly string[]) => {
    const object = readObject(of ?? {}, place)
    leftOut.push(...Object.keys(object).flatMap(name => (names.includes(name) ? [] : [`${place}.${name}`])))
    return object
  }
  const text = (of: JsonObject, place: string, name: string) => readString(of[name] ?? '', `${place}.${name}`)
  const time = (of: JsonObject, place: string, name: string) =>
    (of[name] ?? null) === null ? zeroTime : goTime(of[name], `${place}.${name}`)
  const { invocation, scanner, metadata } = members(readObject(value, at), at, ['invocation', 'scanner', 'metadata'])
  const places = { invocation: `${at}.invocation`, scanner: `${at}.scanner`, db: `${at}.scanner.db`, metadata: `${at}.metadata` }
  const asked = members(invocation, places.invocation, ['parameters', 'uri', 'event_id', 'builder.id'])
  const scanned = members(scanner, places.scanner, ['uri', 'version', 'db', 'result'])
  const database = members(scanned['db'], places.db, ['uri', 'version'])
  const about = members(metadata, places.metadata, ['scanStartedOn', 'scanFinishedOn'])
  return {
    invocation: {
      parameters: asked['parameters'] ?? null,
      uri: text(asked, places.invocation, 'uri'),
      event_id: text(asked, places.invocation, 'event_id'),
      'builder.id': text(asked, places.invocation, 'builder.id'),
    },
    scanner: {
      uri: text(scanned, places.scanner, 'uri'),
      version: text(scanned, places.scanner, 'version'),
      db: { uri: text(database, places.db, 'uri'), version: text(database, places.db, 'version') },
      result: scanned['result'] ?? null,
    },
    metadata: {
      scanStartedOn: time(about, places.metadata, 'scanStartedOn'),
      scanFinishedOn: time(about, places.metadata, 'scanFinishedOn'),
    },
  }
}

const linkMembers = ['_type', 'name', 'materials', 'products', 'byproducts', 'command', 'environment'] as const

/**
 * The predicate that cosign makes of an in-toto link: every member must be there, and no others are kept.
 *
 * @param leftOut - gets the places of what is left out
 * @throws CountersignError `JSON_MALFORMED`; `LIMIT_EXCEEDED` past 100,000 materials, products or words of the command
 * @see in-toto specification 1.0 §4.4
 */
export function shapeLink(value: unknown, at: string, leftOut: string[]): JsonObject {
  const link = readObject(value, at)
  for (const name of linkMembers)
    if (link[name] === undefined) throw new CountersignError('JSON_MALFORMED', `${at}: required field ${name} missing`)
  leftOut.push(...Object.keys(link).flatMap(name => (linkMembers.some(known => known === name) ? [] : [`${at}.${name}`])))
  const place = (name: string) => `${at}.${name}`
  for (const name of ['_type', 'name']) readString(link[name], place(name))
  for (const name of ['materials', 'products']) {
    const artifacts = Object.entries(orNothing(link[name], place(name)))
    if (artifacts.length > maxItems)
      throw new CountersignError('LIMIT_EXCEEDED', `${place(name)}: want at most ${maxItems} artifacts, got ${artifacts.length}`)
    for (const [artifact, digests] of artifacts) readStringMap(digests, `${place(name)}[${JSON.stringify(artifact)}]`)
  }
  for (const name of ['byproducts', 'environment']) orNothing(link[name], place(name))
  if (link['command'] !== null) readArray(link['command'], place('command'), maxItems, readString)
  return Object.fromEntries(linkMembers.map(name => [name, link[name]!]))
}

/** Go writes a map that is not there as null, and so do tools that are written in it. */
function orNothing(value: Json | undefined, at: string): JsonObject {
  return value === null ? {} : readObject(value, at)
}
