import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { readArray, readSafeInteger, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { readFields } from '../../formats/log/proposed/fields.ts'
import { proveProposedEntry, type RekorV1Accepted } from '../../formats/log/proposed/rekor-v1.ts'
import { ServiceRefusal } from '../service.ts'
import { entryAnswer } from './entry-answer.ts'
import type { NumberedTree, RekorTrees, TreeEntry } from './rekor-trees.ts'

/** `GET /api/v1/log`: the latest head, and the last ones of trees that have ended. */
export function logInfo({ active, inactive }: RekorTrees): object {
  return { ...headOf(active), inactiveShards: inactive.map(headOf) }
}

function headOf({ treeId, log }: NumberedTree): object {
  const { root, size, note } = log.head()
  return { rootHash: encodeHex(root), treeSize: Number(size), signedTreeHead: note, treeID: String(treeId) }
}

/**
 * `GET /api/v1/log/proof?firstSize=&lastSize=&treeID=`: that the one tree is the beginning of the other. The root is that of the latest tree,
 * as Rekor has it, not that of `lastSize`.
 *
 * @throws ServiceRefusal 400
 */
export async function consistencyProof(trees: RekorTrees, query: URLSearchParams): Promise<object> {
  const tree = treeOf(trees, query)
  const [first, last] = [sizeOf(query, 'firstSize', '1'), sizeOf(query, 'lastSize')]
  if (first > last) throw new ServiceRefusal(400, `firstSize(${first}) must be less than lastSize(${last})`)
  const { size, root } = tree.log.head()
  if (last > size) throw new ServiceRefusal(400, `the tree size requested(${last}) was greater than what is currently observable(${size})`)
  return { rootHash: encodeHex(root), hashes: (await tree.log.consistencyPath(first, last)).map(encodeHex) }
}

function sizeOf(query: URLSearchParams, name: string, absent = ''): bigint {
  const text = query.get(name) ?? absent
  if (!/^[1-9][0-9]{0,17}$/.test(text)) throw new ServiceRefusal(400, `${name}: want a whole number of 1 or more, got ${quote(text)}`)
  return BigInt(text)
}

/** `GET /api/v1/log/publicKey?treeID=`, in PEM. @throws ServiceRefusal 400 */
export function publicKeyPem(trees: RekorTrees, query: URLSearchParams): string {
  return encodePublicKeyPem(treeOf(trees, query).publicKey)
}

function treeOf(trees: RekorTrees, query: URLSearchParams): NumberedTree {
  const text = query.get('treeID') ?? ''
  if (text === '') return trees.active
  const tree = /^[1-9][0-9]{0,18}$/.test(text) ? trees.byId(BigInt(text)) : undefined
  if (!tree) throw new ServiceRefusal(400, `invalid tree ID specified: ${quote(text)}`)
  return tree
}

/** `GET /api/v1/log/entries?logIndex=N`. @throws ServiceRefusal 400 */
export function entryByIndex(trees: RekorTrees, query: URLSearchParams): Promise<TreeEntry | undefined> {
  const text = query.get('logIndex') ?? ''
  if (!/^(0|[1-9][0-9]{0,17})$/.test(text)) throw new ServiceRefusal(400, `logIndex: want a whole number, got ${quote(text)}`)
  return trees.byIndex(BigInt(text))
}

/**
 * An entry by its id, or by its leaf hash alone, in whatever tree it is.
 *
 * @returns nothing where there is none, and for a tree that there is not
 * @throws ServiceRefusal 400 for what is no id
 */
export async function entryById(trees: RekorTrees, id: string): Promise<TreeEntry | undefined> {
  const [, treeHex, leafHex] = /^([0-9a-f]{16})?([0-9a-f]{64})$/.exec(id.toLowerCase()) ?? []
  if (leafHex === undefined) throw new ServiceRefusal(400, `want an entry ID of 80 or 64 hex digits, got ${quote(id)}`)
  const leafHash = decodeHex(leafHex, 'entry ID') as Sha256
  if (treeHex === undefined) return trees.byLeafHash(leafHash)
  const tree = trees.byId(BigInt(`0x${treeHex}`))
  return tree && trees.byLeafHash(leafHash, tree)
}

const maxEntries = 10

/**
 * `POST /api/v1/log/entries/retrieve`: those entries that are there of up to ten, by ids, indexes and proposals together.
 *
 * @throws ServiceRefusal 422 for more than ten, 400 for what is no id; CountersignError for what is no proposal
 */
export async function retrieveEntries(trees: RekorTrees, value: unknown, accepted: RekorV1Accepted): Promise<readonly object[]> {
  const { entryUUIDs = [], logIndexes = [], entries = [] } = readFields(value, 'request', ['entryUUIDs', 'logIndexes', 'entries'])
  const lists = [entryUUIDs, logIndexes, entries]
  if (lists.reduce<number>((sum, list) => sum + (Array.isArray(list) ? list.length : 0), 0) > maxEntries)
    throw new ServiceRefusal(422, `more than max allowed ${maxEntries} entries in request`)
  const ids = readArray(entryUUIDs, 'request.entryUUIDs', maxEntries, readString)
  const indexes = readArray(logIndexes, 'request.logIndexes', maxEntries, readSafeInteger)
  const proposals = readArray(entries, 'request.entries', maxEntries, item => item)
  const found = [
    ...ids.map(id => entryById(trees, id)),
    ...proposals.map(async proposal => trees.byLeafHash((await proveProposedEntry(proposal, accepted)).leafHash)),
    ...indexes.map(index => trees.byIndex(BigInt(index))),
  ]
  return (await Promise.all(found)).flatMap(entry => (entry ? [entryAnswer(entry)] : []))
}
