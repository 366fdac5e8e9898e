import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, readArray, readAs, readObject, readString, readStringMap } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { malformed, readOptional, readText, readWord } from './fields.ts'
import { readResourceDescriptor } from './resource-descriptor.ts'

/** One step of an in-toto layout, as it was done. */
export type Link = {
  readonly name: string
  readonly command: readonly string[]
  readonly materials: ReadonlyMap<string, ReadonlyMap<string, string>> // name to digests
  readonly products: ReadonlyMap<string, ReadonlyMap<string, string>> | undefined // nothing where the subjects of the statement are they
  readonly byproducts: JsonObject
  readonly environment: JsonObject
}

const what = 'in-toto link'
const limits = { artifacts: 100_000, words: 10_000 }

/**
 * Reads a link as in-toto 0.9 signed it, which cosign's `--type link` carries: every member is there.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`, `LIMIT_EXCEEDED`
 * @see in-toto specification 1.0 §4.4
 */
export function readFullLink(predicate: Json | undefined): Link {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const link = readObject(predicate, what)
    readWord(link['_type'], '_type', ['link'])
    for (const member of ['materials', 'products', 'byproducts', 'command', 'environment'])
      if (link[member] === undefined) throw malformed(`${member}: want it in a link, got nothing`)
    return {
      name: readText(link['name'], 'name'),
      command: readOptional(link['command'], 'command', readCommand) ?? [],
      materials: readOptional(link['materials'], 'materials', readArtifacts) ?? new Map(),
      products: readOptional(link['products'], 'products', readArtifacts) ?? new Map(),
      byproducts: readOptional(link['byproducts'], 'byproducts', readObject) ?? {},
      environment: readOptional(link['environment'], 'environment', readObject) ?? {},
    }
  })
}

/**
 * Reads a link predicate of version 0.3: the products are the subjects of its statement.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`, `LIMIT_EXCEEDED`
 * @see in-toto attestation framework, predicates/link.md
 */
export function readLink03(predicate: Json | undefined): Link {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const link = readObject(predicate, what)
    return {
      name: readText(link['name'], 'name'),
      command: readOptional(link['command'], 'command', readCommand) ?? [],
      materials: readOptional(link['materials'], 'materials', readMaterials) ?? new Map(),
      products: undefined,
      byproducts: readOptional(link['byproducts'], 'byproducts', readObject) ?? {},
      environment: readOptional(link['environment'], 'environment', readObject) ?? {},
    }
  })
}

function readCommand(value: unknown, at: string): readonly string[] {
  return readArray(value, at, limits.words, readString)
}

function readArtifacts(value: unknown, at: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const artifacts = Object.entries(readObject(value, at))
  if (artifacts.length > limits.artifacts)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: ${at}: want at most ${limits.artifacts} artifacts, got ${artifacts.length}`)
  return new Map(artifacts.map(([name, digests]) => [name, readStringMap(digests, `${at}[${quote(name)}]`)]))
}

/** Each has a name of its own, and digests. */
function readMaterials(value: unknown, at: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const materials = new Map<string, ReadonlyMap<string, string>>()
  readArray(value, at, limits.artifacts, (item, path) => {
    const { name, digests } = readResourceDescriptor(item, path)
    if (name === undefined || digests.size === 0)
      throw malformed(`${path}: want a name and a digest, got ${name === undefined ? 'no name' : 'no digest'}`)
    if (materials.has(name)) throw malformed(`${path}.name: want each name once, got ${quote(name)} again`)
    materials.set(name, digests)
  })
  return materials
}
