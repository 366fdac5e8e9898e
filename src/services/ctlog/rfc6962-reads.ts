import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { encodeMerkleTreeLeaf, parseTileLeaf } from '../../formats/ct/ct-entry.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { encodeTlsVector } from '../../formats/x509/tls-presentation.ts'
import type { StoredEntry, TileLog } from '../../log/tile-log.ts'
import { ServiceRefusal } from '../service.ts'
import type { ServedHead } from './ct-heads.ts'
import type { LoggedIssuers } from './issuers.ts'
import { readIndex, readParameter } from './query.ts'
import { leafKey } from './submissions.ts'

/** What the read side of RFC 6962 answers from. */
export type Rfc6962Source = {
  readonly log: TileLog
  readonly head: () => Promise<ServedHead>
  readonly issuers: LoggedIssuers
  readonly roots: readonly Certificate[]
}

const maxEntries = 1000n

/** `get-sth`: the latest head. @see RFC 6962 §4.3 */
export async function getSth({ head }: Rfc6962Source): Promise<object> {
  const { size, root, timeMs, digitallySigned } = await head()
  return {
    tree_size: Number(size),
    timestamp: Number(timeMs),
    sha256_root_hash: encodeBase64(root),
    tree_head_signature: encodeBase64(digitallySigned),
  }
}

/** `get-sth-consistency`: that the tree of one size begins the tree of another. @see RFC 6962 §4.4 */
export async function getConsistency({ log }: Rfc6962Source, url: URL): Promise<object> {
  const [first, second] = [readIndex(url, 'first'), readIndex(url, 'second')]
  if (first > second) throw new ServiceRefusal(400, `first: want at most second, ${second}, got ${first}`)
  demandSize('second', second, log)
  return { consistency: (await log.consistencyPath(first, second)).map(encodeBase64) }
}

/** `get-proof-by-hash`: where a leaf is in the tree of a size. @see RFC 6962 §4.5 */
export async function getProofByHash({ log }: Rfc6962Source, url: URL): Promise<object> {
  const hash = readHash(url)
  const size = readIndex(url, 'tree_size')
  demandSize('tree_size', size, log)
  const index = await indexOfLeaf(log, hash)
  if (index === undefined || index >= size) throw new ServiceRefusal(404, `hash: no such leaf in the tree of size ${size}`)
  return { leaf_index: Number(index), audit_path: (await log.inclusionPath(index, size)).map(encodeBase64) }
}

/** `get-entries`: those from `start` to `end`, both included; at most 1000 of them. @see RFC 6962 §4.6 */
export async function getEntries(source: Rfc6962Source, url: URL): Promise<object> {
  const [start, end] = [readIndex(url, 'start'), readIndex(url, 'end')]
  if (start > end) throw new ServiceRefusal(400, `start: want at most end, ${end}, got ${start}`)
  const { size } = source.log.head()
  if (start >= size) throw new ServiceRefusal(400, `start: want less than the tree's size, ${size}, got ${start}`)
  const last = end < start + maxEntries ? end : start + maxEntries - 1n
  const entries: object[] = []
  for (const entry of await source.log.entries(start, last + 1n)) entries.push(await entryJson(source, entry)) // one by one: most issuers are the same
  return { entries }
}

/** `get-entry-and-proof`: an entry, and its path in the tree of a size. @see RFC 6962 §4.8 */
export async function getEntryAndProof(source: Rfc6962Source, url: URL): Promise<object> {
  const [index, size] = [readIndex(url, 'leaf_index'), readIndex(url, 'tree_size')]
  demandSize('tree_size', size, source.log)
  if (index >= size) throw new ServiceRefusal(400, `leaf_index: want less than tree_size, ${size}, got ${index}`)
  const entry = await source.log.entry(index)
  if (!entry) throw new CountersignError('STORE_CORRUPT', `CT log: entry ${index} of a published tree is not there`)
  const path = await source.log.inclusionPath(index, size)
  return { ...(await entryJson(source, entry)), audit_path: path.map(encodeBase64) }
}

/** `get-roots`: whom submissions may lead to. @see RFC 6962 §4.7 */
export function getRoots({ roots }: Rfc6962Source): object {
  return { certificates: roots.map(({ der }) => encodeBase64(der)) }
}

async function entryJson({ issuers }: Rfc6962Source, { index, data }: StoredEntry): Promise<object> {
  const entry = parseTileLeaf(data, `CT log: entry ${index}`)
  const chain: Uint8Array[] = []
  for (const fingerprint of entry.issuers) {
    const der = await issuers.find(fingerprint)
    if (!der) throw new CountersignError('STORE_CORRUPT', `CT log: entry ${index} names an issuer that no entry brought`)
    chain.push(encodeTlsVector(3, der))
  }
  const certificates = encodeTlsVector(3, concatBytes(...chain))
  return {
    leaf_input: encodeBase64(encodeMerkleTreeLeaf(entry)),
    // X509ChainEntry without its leaf, or PrecertChainEntry: RFC 6962 §3.1 and §4.6
    extra_data: encodeBase64(entry.precertificate ? concatBytes(encodeTlsVector(3, entry.precertificate), certificates) : certificates),
  }
}

function readHash(url: URL): Sha256 {
  try {
    const hash = decodeBase64(readParameter(url, 'hash'), 'hash')
    if (hash.length === 32) return hash as Sha256
    throw new ServiceRefusal(400, `hash: want 32 bytes, got ${hash.length}`)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new ServiceRefusal(400, cause.message, { cause })
  }
}

/** Search keys may be cut short, so what is found is looked at. */
async function indexOfLeaf(log: TileLog, hash: Sha256): Promise<bigint | undefined> {
  for (const index of await log.search(leafKey(hash), 8)) {
    const entry = await log.entry(index)
    if (entry && bytesEqual(entry.leafHash, hash)) return index
  }
  return undefined
}

function demandSize(name: string, size: bigint, log: TileLog): void {
  const published = log.head().size
  if (size > published) throw new ServiceRefusal(400, `${name}: want at most the tree's size, ${published}, got ${size}`)
}
