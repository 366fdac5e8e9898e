import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json, JsonObject } from '../../../src/codec/json.ts'
import { isList, isYamlMap, parseYamlDocuments, type YamlValue } from '../../../src/formats/kubernetes-manifest/yaml-documents.ts'

const folder = join(import.meta.dirname, '../../../../shared/upstream/policy-controller')

/** A file of policy-controller's suites, read from where it lies. @throws Error where it is missing */
export function upstreamText(path: string): string {
  const file = join(folder, path)
  if (!existsSync(file)) throw new Error(`${file} is missing: third-party cases are run from there`)
  return readFileSync(file, 'utf8')
}

/** Names of the ClusterImagePolicies of the end-to-end suite, without their ending. */
export function upstreamPolicies(): readonly string[] {
  const files = readdirSync(join(folder, 'e2e')).filter(file => file.startsWith('cip-') && file.endsWith('.yaml'))
  return files.map(file => file.slice(0, -'.yaml'.length)).sort()
}

/** The text of a policy with this key in place of those that it names, as upstream's scripts put theirs there, and nothing else changed. */
export function upstreamPolicy(name: string, publicPem: string): string {
  return upstreamText(`e2e/${name}.yaml`).replaceAll(
    /^( *)-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----$/gm,
    (_, indent: string) => publicPem.trimEnd().replaceAll(/^/gm, indent),
  )
}

/**
 * The same policy in CEL: each program gives way to the next of these. What runs is no longer upstream's text, so that its verdict says
 * nothing of CUE or Rego, and all of what stands around the programs.
 *
 * @throws Error for more or fewer programs than there are
 */
export function inCel(text: string, programs: readonly string[]): string {
  const left = [...programs]
  const replaced = (json: Json | undefined): Json | undefined => {
    if (Array.isArray(json)) return json.map(one => replaced(one)!)
    if (typeof json !== 'object' || json === null) return json
    return Object.fromEntries(
      Object.entries(json as JsonObject).map(([name, value]) => [name, name === 'policy' ? celOf(value as JsonObject) : replaced(value)!]),
    )
  }
  const celOf = ({ type, data, configMapRef, remote, ...flags }: JsonObject): JsonObject => {
    const program = left.shift()
    if (program === undefined) throw new Error(`want as many programs as there are, got ${programs.length}: ${JSON.stringify(type)}`)
    return { ...flags, type: 'cel', data: program }
  }
  const json = JSON.stringify(replaced(plain(parseYamlDocuments(text).find(value => value !== null)!)))
  if (left.length > 0) throw new Error(`want as many programs as there are, got ${programs.length}`)
  return json
}

function plain(value: YamlValue): Json {
  if (isYamlMap(value)) return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]))
  return isList(value) ? value.map(plain) : (value as Json)
}
