import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import { secretMembers } from '../../kms/kubernetes/key-pair-secret.ts'
import { parseSecretReference } from '../../kms/kubernetes/secret-reference.ts'
import type { CipAuthority, ClusterImagePolicy, KeySource } from '../../policy/dialects/cip/cluster-image-policy.ts'
import { parseKeysPem } from '../../policy/dialects/cip/keys-pem.ts'
import type { CipReferences } from '../../policy/dialects/cip/translate/resolve-references.ts'
import type { OutsideReferences } from '../policies/open-policies.ts'
import type { NamedObjects } from './named-objects.ts'
import type { TrustRoots } from './trust-roots.ts'

/** Where what policies of a cluster refer to is had. */
export type ReferencePlaces = {
  readonly systemNamespace: string
  readonly secrets: NamedObjects<ReadonlyMap<string, Uint8Array>>
  readonly configMaps: NamedObjects<ReadonlyMap<string, string>>
  readonly trustRoots: TrustRoots
  readonly outside: OutsideReferences
  /** Counts how often what nobody tells of is asked for anew: keys in KMS, and whom the public instance trusts. */
  readonly round: () => number
}

/** References for the time in which one policy is translated, and what was asked of them. */
export type AskedReferences = {
  readonly references: CipReferences
  readonly asked: Map<string, string>
  readonly trustRoots: Set<string>
  readonly ofPrograms: Set<unknown>
}

/** What a policy refers to, by the version that is there now: `secret a`. */
export function versionOf(what: string, { secrets, configMaps, trustRoots, round }: ReferencePlaces): string {
  const at = what.indexOf(' ')
  const [kind, name] = [what.slice(0, at), what.slice(at + 1)]
  if (kind === 'secret') return secrets.versionOf(name)
  if (kind === 'configMap') return configMaps.versionOf(name)
  return kind === 'trustRoot' ? trustRoots.versionOf(name) : String(round())
}

/** Keeps account of what is asked for, at the version that it has before it is. */
export function askReferences(places: ReferencePlaces): AskedReferences {
  const { secrets, configMaps, trustRoots: roots, outside, systemNamespace } = places
  const [asked, trustRoots, ofPrograms] = [new Map<string, string>(), new Set<string>(), new Set<unknown>()]
  const note = (what: string): void => {
    asked.set(what, versionOf(what, places))
  }
  /** Noted before it is read: what is read may be newer, and is read once more then. */
  const noted = <T>(what: string, get: () => Promise<T>): Promise<T> => {
    note(what)
    return get()
  }
  const ofProgram = async <T>(get: () => Promise<T>): Promise<T> => {
    try {
      return await get()
    } catch (cause) {
      ofPrograms.add(cause)
      throw cause
    }
  }
  const secret = (name: string, signal: AbortSignal) => noted(`secret ${name}`, () => secrets.get(name, signal))
  const references: CipReferences = {
    secret,
    configMapText: async (name, key, signal) =>
      (await ofProgram(() => noted(`configMap ${name}`, () => configMaps.get(name, signal))))?.get(key),
    remoteText: (url, signal) => ofProgram(() => outside.remoteText(url, signal)),
    kmsKeys: async (reference, signal) => {
      const name = secretOfKey(reference, systemNamespace)
      if (name !== undefined) return keysOfSecret(name, await secret(name, signal))
      note('round of KMS')
      return await outside.kmsKeys(reference, signal)
    },
    trustRoot: (name, signal) => {
      trustRoots.add(name)
      note(`trustRoot ${name}`)
      return roots.get(name, signal)
    },
    publicGood: signal => {
      note('round of public instance')
      return outside.publicGood(signal)
    },
  }
  return { references, asked, trustRoots, ofPrograms }
}

/** Names of the Secrets and ConfigMaps that a policy refers to. */
export function namesIn(
  policy: ClusterImagePolicy,
  systemNamespace: string,
): { secrets: readonly string[]; configMaps: readonly string[] } {
  const sources = policy.authorities.flatMap(keySourcesOf)
  const attested = policy.authorities.flatMap(authority => (authority.kind === 'signing' ? authority.attestations : []))
  const programs = [policy.policy, ...attested.map(attestation => attestation.policy)]
  return {
    secrets: sources.flatMap(source => {
      if (source.kind === 'kms') return readableSecret(source.reference, systemNamespace)
      return source.kind === 'secret' ? [source.name] : []
    }),
    configMaps: programs.flatMap(program => (program?.kind === 'configMap' ? [program.name] : [])),
  }
}

function keySourcesOf(authority: CipAuthority): readonly KeySource[] {
  if (authority.kind === 'static') return []
  const { signer } = authority
  if (signer.kind === 'key') return [signer.key]
  return signer.authorities ? [signer.authorities] : []
}

/**
 * The Secret of a reference `k8s://NAMESPACE/NAME`; nothing for one to a KMS.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`; `CAPABILITY_MISSING` for a namespace that is not ours: whoever writes policies has no
 *   rights to others' secrets by that
 */
function secretOfKey(reference: string, systemNamespace: string): string | undefined {
  if (!reference.startsWith('k8s://')) return undefined
  const { namespace, name } = parseSecretReference(reference.slice('k8s://'.length))
  if (namespace === systemNamespace) return name
  throw new CountersignError(
    'CAPABILITY_MISSING',
    `Secret ${quote(name)}: want namespace ${quote(systemNamespace)}, got ${quote(namespace)}`,
  )
}

function readableSecret(reference: string, systemNamespace: string): readonly string[] {
  try {
    return [secretOfKey(reference, systemNamespace) ?? []].flat()
  } catch (cause) {
    if (cause instanceof CountersignError) return [] // it is told when it is read
    throw cause
  }
}

function keysOfSecret(name: string, entries: ReadonlyMap<string, Uint8Array> | undefined): readonly PublicKey[] {
  const pem = entries?.get(secretMembers.publicKey)
  if (!pem) throw new CountersignError('KEY_NOT_FOUND', `Secret ${quote(name)}: want ${secretMembers.publicKey} in it, got none`)
  return parseKeysPem(decodeUtf8(pem, `Secret ${quote(name)}`), `Secret ${quote(name)}`)
}
