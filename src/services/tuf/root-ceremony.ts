import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readArray, readAs, readObject, readObjectOf, readSafeInteger, readString } from '../../codec/json.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { TopLevelRole } from '../../trust/tuf/metadata.ts'
import { countSignatures, draftMetadata, type MetadataFile, parseMetadata, signMetadata } from './metadata-file.ts'
import { readTufKey, tufKeyOf } from './tuf-key.ts'

/** Whose signatures a role needs, and how many of them. */
export type TufRole = { readonly keys: readonly PublicKey[]; readonly threshold: number }

export type TufRoles = Readonly<Record<TopLevelRole, TufRole>>

/** A root: who signs what, until when. */
export type TufRoot = { readonly file: MetadataFile; readonly roles: TufRoles }

const topLevelRoles = ['root', 'timestamp', 'snapshot', 'targets'] as const
const maxKeys = 64

/**
 * A root to be signed: by the threshold of its own root keys and, past version 1, of the root's before it. Each holder of a key does so where
 * the key is, with `signRoot`, and the next one gets what came of it.
 *
 * @param expires - after it clients refuse the repository; half a year is usual
 * @throws CountersignError `USAGE` for roles that nobody could fulfil; `KEY_UNSUPPORTED`
 * @see TUF specification 1.0.33 §4.3, services §7
 */
export function draftRoot({
  version,
  expires,
  roles,
}: {
  readonly version: number
  readonly expires: Date
  readonly roles: TufRoles
}): Uint8Array {
  if (!Number.isSafeInteger(version) || version < 1) throw usage(`want a version of 1 or more, got ${version}`)
  const keys: { [id: string]: JsonObject } = {}
  const listed: { [role: string]: JsonObject } = {}
  for (const name of topLevelRoles) {
    const role = roles[name]
    const known = role.keys.map(tufKeyOf)
    const ids = known.map(({ id }) => id)
    if (new Set(ids).size !== ids.length) throw usage(`role ${name}: a key stands twice`)
    if (!Number.isSafeInteger(role.threshold) || role.threshold < 1 || role.threshold > ids.length)
      throw usage(`role ${name}: want a threshold from 1 to ${ids.length}, the number of its keys, got ${role.threshold}`)
    for (const { id, json } of known) keys[id] = json
    listed[name] = { keyids: ids, threshold: role.threshold }
  }
  return draftMetadata('root', { version, expires, body: { consistent_snapshot: true, keys, roles: listed } }).bytes
}

/**
 * A root with one more signature.
 *
 * @throws CountersignError `TUF_MALFORMED`, `LIMIT_EXCEEDED`, `KEY_UNSUPPORTED`, and what the signer throws
 */
export async function signRoot(root: Uint8Array, signer: Signer): Promise<Uint8Array> {
  return (await signMetadata(parseRoot(root, 'root').file, [signer])).bytes
}

/**
 * Reads a root that `draftRoot` made. Stricter than clients: every key under the id of its canonical form, consistent snapshots, no thresholds
 * beyond the keys.
 *
 * @throws CountersignError `TUF_MALFORMED`, `LIMIT_EXCEEDED`, `KEY_MALFORMED`, `KEY_UNSUPPORTED`
 */
export function parseRoot(bytes: Uint8Array, what: string): TufRoot {
  const file = parseMetadata('root', bytes, what)
  return readAs('TUF_MALFORMED', what, () => {
    if (file.signed['consistent_snapshot'] !== true) throw malformed(what, 'want consistent snapshots')
    const keys = new Map(
      Object.entries(readObject(file.signed['keys'], `${what}: keys`)).map(([id, key]) => [id, readTufKey(key, id, `${what}: keys`)]),
    )
    const listed = readObjectOf(file.signed['roles'], `${what}: roles`, topLevelRoles)
    const read = (name: TopLevelRole) => readRole(listed[name], keys, `${what}: roles.${name}`)
    return { file, roles: { root: read('root'), timestamp: read('timestamp'), snapshot: read('snapshot'), targets: read('targets') } }
  })
}

function readRole(value: unknown, keys: ReadonlyMap<string, PublicKey>, at: string): TufRole {
  const role = readObjectOf(value, at, ['keyids', 'threshold'])
  const ids = readArray(role['keyids'], `${at}.keyids`, maxKeys, readString)
  const threshold = readSafeInteger(role['threshold'], `${at}.threshold`)
  const own = [...new Set(ids)].map(id => keys.get(id)).filter(key => key !== undefined)
  if (own.length !== ids.length) throw malformed(at, 'want ids of listed keys, each once')
  if (threshold < 1 || threshold > own.length) throw malformed(at, `want a threshold from 1 to ${own.length}, got ${threshold}`)
  return { keys: own, threshold }
}

/** Whether enough keys of a role have signed. */
export async function isSignedBy(file: MetadataFile, { keys, threshold }: TufRole): Promise<boolean> {
  return (await countSignatures(file, keys)) >= threshold
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('TUF_MALFORMED', `${what}: ${problem}`)
}

function usage(problem: string): CountersignError {
  return new CountersignError('USAGE', `TUF root: ${problem}`)
}
