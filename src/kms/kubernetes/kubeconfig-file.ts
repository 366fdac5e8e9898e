import { dirname, isAbsolute, join } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, readArray, readAs, readObject, readObjectOf, readString } from '../../codec/json.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { YamlValue } from '../../formats/kubernetes-manifest/yaml-documents.ts'

/** One kubeconfig file. Its entries are looked into once it is known which one counts. */
export type KubeconfigFile = {
  readonly currentContext: string // empty where there is none
  readonly contexts: ReadonlyMap<string, KubeconfigEntry>
  readonly clusters: ReadonlyMap<string, KubeconfigEntry>
  readonly users: ReadonlyMap<string, KubeconfigEntry>
}

/** A context, a cluster or a user, as its file has it. */
export type KubeconfigEntry = {
  readonly fields: JsonObject
  readonly at: string // begins messages: `kubeconfig "PATH": users["ann"]`
  /** A path that the entry names, which is relative to its file. */
  readonly pathOf: (path: string) => string
}

export const kubeconfigLimitBytes = 1 << 20
const [entriesLimit, valuesLimit] = [10_000, 200_000]
const members = ['apiVersion', 'kind', 'preferences', 'extensions', 'current-context', 'contexts', 'clusters', 'users']

/**
 * Parses one kubeconfig file, YAML or JSON. Members that we do not know are refused; `preferences` and `extensions`, which belong to
 * other programs, and the namespace of a context, which references name instead, are not looked at.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED`, `LIMIT_EXCEEDED`
 * @see k8s.io/client-go/tools/clientcmd/api/v1
 */
export async function parseKubeconfigFile(bytes: Uint8Array, path: string): Promise<KubeconfigFile> {
  const { parseYamlDocuments } = await import('../../formats/kubernetes-manifest/yaml-documents.ts') // the library takes its time
  const what = `kubeconfig ${quote(path)}`
  const pathOf = (named: string) => (isAbsolute(named) ? named : join(dirname(path), named))
  const documents = readYaml(what, () => parseYamlDocuments(decodeUtf8(bytes, what)))
  return readAs('CONFIGURATION_MALFORMED', what, () => {
    if (documents.length > 1) throw new CountersignError('CONFIGURATION_MALFORMED', `${what}: want one document, got ${documents.length}`)
    const values = { left: valuesLimit }
    const config = readObjectOf(documents[0] == null ? {} : plainOf(documents[0], values, what), what, members) // an empty file is one of no entries
    for (const [name, wanted] of [
      ['apiVersion', 'v1'],
      ['kind', 'Config'],
    ] as const)
      if (!isUnset(config[name]) && config[name] !== wanted)
        throw new CountersignError(
          'CONFIGURATION_MALFORMED',
          `${what}: ${name}: want ${wanted}, got ${quote(readString(config[name], name))}`,
        )
    const entries = (list: string, kind: string) => {
      const found = new Map<string, KubeconfigEntry>()
      if (isUnset(config[list])) return found
      readArray(config[list], `${what}: ${list}`, entriesLimit, (item, at) => {
        const entry = readObjectOf(item, at, ['name', kind])
        const name = readString(entry['name'], `${at}.name`)
        const place = `${what}: ${list}[${quote(name)}]`
        if (found.has(name)) throw new CountersignError('CONFIGURATION_MALFORMED', `${place}: want each name once, got it again`)
        found.set(name, { fields: isUnset(entry[kind]) ? {} : readObject(entry[kind], place), at: place, pathOf })
      })
      return found
    }
    return {
      currentContext: isUnset(config['current-context']) ? '' : readString(config['current-context'], `${what}: current-context`),
      contexts: entries('contexts', 'context'),
      clusters: entries('clusters', 'cluster'),
      users: entries('users', 'user'),
    }
  })
}

function isUnset(value: Json | undefined): boolean {
  return value === undefined || value === null // `users: null` is what kubectl itself writes
}

/** A manifest is not what is wrong here. */
function readYaml<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    const code = cause.code === 'LIMIT_EXCEEDED' ? cause.code : 'CONFIGURATION_MALFORMED'
    const reason = cause.message.replace(/^manifest: /, '')
    throw new CountersignError(code, reason.startsWith(what) ? reason : `${what}: ${reason}`, { cause })
  }
}

/** The value as JSON has it. Aliases are written out, so values are counted: a few lines of them can stand for billions. */
function plainOf(value: YamlValue, values: { left: number }, what: string): Json {
  if (values.left-- === 0) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${valuesLimit} values, got more`)
  if (typeof value === 'bigint') return value.toString()
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Map)
    return Object.fromEntries([...(value as ReadonlyMap<string, YamlValue>)].map(([key, inner]) => [key, plainOf(inner, values, what)]))
  return (value as readonly YamlValue[]).map(inner => plainOf(inner, values, what))
}
