import { decodeBase64 } from '../../codec/base64.ts'
import { CountersignError, readAt } from '../../codec/error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { isYamlMap, parseYamlDocuments, type YamlMap, type YamlValue } from '../../formats/kubernetes-manifest/yaml-documents.ts'
import type { ClusterImagePolicy } from '../../policy/dialects/cip/cluster-image-policy.ts'
import { readClusterImagePolicy } from '../../policy/dialects/cip/read/read-cluster-image-policy.ts'
import { readTrustRoot } from '../../policy/dialects/cip/trust-root/read-trust-root.ts'
import type { TrustRoot } from '../../policy/dialects/cip/trust-root/trust-root.ts'

/** A file of policies and of what they refer to. */
export type PolicyFile = { readonly name: string; readonly text: string }

/** What files of policies say. */
export type PolicyDocuments = {
  readonly policies: readonly [ClusterImagePolicy, ...ClusterImagePolicy[]]
  readonly trustRoots: ReadonlyMap<string, TrustRoot>
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
  readonly configMaps: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly settings: Settings
}

/** The ConfigMap `config-policy-controller`. admission.md §1.7 */
type Settings = { readonly noMatchPolicy: string; readonly legacyReferrers: boolean }

export const settingsName = 'config-policy-controller'

/** An object of a file: what it is, and where it came from, as messages begin. */
export type PolicyObject = { readonly file: string; readonly value: YamlValue }

/**
 * Reads the documents of files: ClusterImagePolicy, TrustRoot, and Secrets and ConfigMaps of the webhook's own namespace. Whatever else is
 * there is refused by its name: a policy that nobody reads would not be missed.
 *
 * @throws CountersignError `POLICY_MALFORMED`, `POLICY_EMPTY` where there is no policy, `DOCUMENT_MALFORMED`, `CAPABILITY_MISSING`; each
 *   message begins with the file
 */
export function readPolicyDocuments(files: readonly PolicyFile[], systemNamespace: string): PolicyDocuments {
  const objects = files.flatMap(({ name, text }) =>
    readAt(name, () => parseYamlDocuments(text).filter(value => value !== null)).map(value => ({ file: name, value })),
  )
  return readPolicyObjects(objects, systemNamespace)
}

/** The same of objects that are read already. @throws CountersignError as `readPolicyDocuments` */
export function readPolicyObjects(objects: readonly PolicyObject[], systemNamespace: string): PolicyDocuments {
  const documents = objects.map(({ file, value }) => ({ file, value, ...kindOf(value, file) }))
  const named = <T>(kind: string, read: (value: YamlValue) => readonly [name: string, T]) => {
    const found = new Map<string, T>()
    for (const { file, value } of documents.filter(document => document.kind === kind))
      readAt(file, () => {
        const [name, one] = read(value)
        if (found.has(name)) throw malformed(`${kind} ${quote(name)}: want it once, got it twice`)
        found.set(name, one)
      })
    return found
  }
  const configMaps = named('ConfigMap', value => readNamed(value, systemNamespace, readTexts))
  const { failsOnEmptyAuthorities, ...settings } = readSettings(configMaps.get(settingsName) ?? new Map())
  const trustRoots = named('TrustRoot', value => namedBy(readTrustRoot(value)))
  const secrets = named('Secret', value => readNamed(value, systemNamespace, readSecret))
  const policies = named('ClusterImagePolicy', value =>
    namedBy(readClusterImagePolicy(value, { systemNamespace, failsOnEmptyAuthorities })),
  )
  const [first, ...others] = policies.values()
  if (!first) throw new CountersignError('POLICY_EMPTY', 'policies: want one ClusterImagePolicy at least')
  return { policies: [first, ...others], trustRoots, secrets, configMaps, settings }
}

const kinds: ReadonlyMap<string, RegExp> = new Map([
  ['ClusterImagePolicy', /^policy\.sigstore\.dev\/v1(alpha1|beta1)$/],
  ['TrustRoot', /^policy\.sigstore\.dev\/v1alpha1$/],
  ['Secret', /^v1$/],
  ['ConfigMap', /^v1$/],
])

function kindOf(value: YamlValue, file: string): { readonly kind: string } {
  const map = isYamlMap(value) ? value : new Map<string, YamlValue>()
  const [kind, version] = [textOf(map, 'kind'), textOf(map, 'apiVersion')]
  if (!kinds.get(kind)?.test(version))
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `${file}: want ${[...kinds.keys()].join(', ')}, got ${quote(kind)} of ${quote(version)}`,
    )
  return { kind }
}

function namedBy<T extends { readonly name: string }>(value: T): readonly [string, T] {
  return [value.name, value]
}

function readNamed<T>(value: YamlValue, systemNamespace: string, read: (map: YamlMap, what: string) => T): readonly [string, T] {
  const map = isYamlMap(value) ? value : new Map<string, YamlValue>()
  const metadata = mapOf(map, 'metadata')
  const [kind, name, namespace] = [textOf(map, 'kind'), textOf(metadata, 'name'), textOf(metadata, 'namespace')]
  const what = `${kind} ${quote(name)}`
  if (name === '') throw malformed(`${kind}: want a name`)
  if (namespace !== '' && namespace !== systemNamespace)
    throw malformed(`${what}: want namespace ${quote(systemNamespace)}, got ${quote(namespace)}`)
  return [name, read(map, what)]
}

function readSecret(map: YamlMap, what: string): ReadonlyMap<string, Uint8Array> {
  refuseOthers(map, what, ['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data', 'stringData'])
  const encoded = [...texts(map, 'data', what)].map(([key, text]) => [key, decodeBase64(text, `${what}: data[${quote(key)}]`)] as const)
  const plain = [...texts(map, 'stringData', what)].map(([key, text]) => [key, encodeUtf8(text)] as const)
  return new Map([...encoded, ...plain]) // as the API server has it: stringData wins
}

function readTexts(map: YamlMap, what: string): ReadonlyMap<string, string> {
  refuseOthers(map, what, ['apiVersion', 'kind', 'metadata', 'immutable', 'data'])
  return texts(map, 'data', what)
}

/** Reads the data of the ConfigMap. @throws CountersignError `DOCUMENT_MALFORMED`, `CAPABILITY_MISSING` for what is not served */
export function readSettings(data: ReadonlyMap<string, string>): Settings & { readonly failsOnEmptyAuthorities: boolean } {
  const flag = (name: string, unlessTold: boolean): boolean => {
    const text = data.get(name) ?? String(unlessTold)
    if (text !== 'true' && text !== 'false') throw malformed(`${settingsName}: ${name}: want true or false, got ${quote(text)}`)
    return text === 'true'
  }
  for (const name of data.keys())
    if (!['no-match-policy', 'fail-on-empty-authorities', 'enable-oci11', '_example'].includes(name))
      throw new CountersignError('CAPABILITY_MISSING', `${settingsName}: ${quote(name)} is not served`)
  return {
    noMatchPolicy: data.get('no-match-policy') ?? 'deny',
    legacyReferrers: flag('enable-oci11', false),
    failsOnEmptyAuthorities: flag('fail-on-empty-authorities', true),
  }
}

function texts(map: YamlMap, name: string, what: string): ReadonlyMap<string, string> {
  return new Map(
    [...mapOf(map, name)].map(([key, value]) => {
      if (typeof value !== 'string') throw malformed(`${what}: ${name}[${quote(key)}]: want a string`)
      return [key, value]
    }),
  )
}

function mapOf(map: YamlMap, name: string): YamlMap {
  const value = map.get(name) ?? null
  if (value === null) return new Map()
  if (!isYamlMap(value)) throw malformed(`${name}: want an object`)
  return value
}

function textOf(map: YamlMap, name: string): string {
  const value = map.get(name)
  return typeof value === 'string' ? value : ''
}

function refuseOthers(map: YamlMap, what: string, known: readonly string[]): void {
  for (const name of map.keys()) if (!known.includes(name)) throw malformed(`${what}: unknown member ${quote(name)}`)
}

function malformed(message: string): CountersignError {
  return new CountersignError('DOCUMENT_MALFORMED', message)
}
