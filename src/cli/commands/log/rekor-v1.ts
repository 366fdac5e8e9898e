import { encodeBase64 } from '../../../codec/base64.ts'
import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { serializeGoJson } from '../../../codec/go-json.ts'
import { decodeHex } from '../../../codec/hex.ts'
import { type Json, parseJson, readArray, readAs, readObject, readSafeInteger, readString } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import type { Sha256 } from '../../../crypto/digest.ts'
import { parseLogAnswer } from '../../../formats/log/log-answer.ts'
import type { LogEntry } from '../../../formats/log/log-entry.ts'
import type { Criteria, Head, LogPieces, OpenLog } from './open-log.ts'

const infoLimitBytes = 1 << 20
const answerLimitBytes = 32 << 20
const idsPerQuestion = 10 // Rekor's own limit
const code = 'SERVICE_RESPONSE_MALFORMED'

/**
 * Opens a Rekor v1: the heads of its tree and of those before it.
 *
 * @returns nothing where there is no Rekor v1
 * @throws CountersignError as `openLog`; `TLOG_INCLUSION_MISMATCH` where what it says of a tree is not what it signed
 * @see services §3.1
 */
export async function openRekorV1({ url, ask, trusted, verifyHead }: LogPieces): Promise<OpenLog | undefined> {
  const what = `${url.host}: api/v1/log`
  const info = await ask({ path: 'api/v1/log', limitBytes: infoLimitBytes })
  if (!info) return undefined
  const stated = readAs(code, what, () => readInfo(parseJson(info, what, { bytes: infoLimitBytes }), what))
  const heads: Head[] = []
  for (const { note, size, root } of stated) {
    const head = await verifyHead(note)
    if (head.checkpoint.size !== size || !bytesEqual(head.checkpoint.root, root))
      throw new CountersignError(
        'TLOG_INCLUSION_MISMATCH',
        `${what}: states a tree of size ${size} and signed one of size ${head.checkpoint.size}`,
      )
    heads.push(head)
  }
  const [head, ...earlierHeads] = heads
  const answers = async (path: string, json?: string): Promise<readonly LogEntry[]> => {
    const bytes = await ask({ path, limitBytes: answerLimitBytes, ...(json !== undefined && { json }) })
    return bytes ? parseLogAnswer(bytes, `${url.host}: ${path.split('?')[0]}`) : []
  }
  return {
    url,
    version: 'v1',
    trusted,
    head: head!,
    earlierHeads,
    entryAt: async index => (await answers(`api/v1/log/entries?logIndex=${index}`)).find(({ logIndex }) => logIndex === index),
    entryById: async id => (await answers(`api/v1/log/entries/${id}`))[0],
    search: async (criteria, limit) => {
      const found = await searchIndex(criteria)
      const ids = found.slice(0, limit)
      const entries: LogEntry[] = []
      for (let at = 0; at < ids.length; at += idsPerQuestion)
        entries.push(...(await answers('api/v1/log/entries/retrieve', serializeGoJson({ entryUUIDs: ids.slice(at, at + idsPerQuestion) }))))
      return entries
    },
    consistencyPath: async earlier => {
      const tree = stated[heads.findIndex(({ checkpoint }) => checkpoint.origin === earlier.origin)]
      if (!tree) throw new CountersignError('TLOG_UNKNOWN', `${url.host}: has no tree ${quote(earlier.origin)}`)
      const path = `api/v1/log/proof?firstSize=${earlier.size}&lastSize=${tree.size}&treeID=${tree.treeId}`
      const bytes = await ask({ path, limitBytes: infoLimitBytes })
      if (!bytes) throw new CountersignError('TLOG_UNAVAILABLE', `${url.host}: gives no consistency proof`)
      return readAs(code, `${url.host}: consistency proof`, () => {
        const proof = readObject(parseJson(bytes, 'proof', { bytes: infoLimitBytes }), 'proof')
        return readArray(proof['hashes'] ?? [], 'hashes', 64, readHash)
      })
    },
  }

  async function searchIndex({ operator, hashes, names, publicKey }: Criteria): Promise<readonly string[]> {
    const key = publicKey && { format: 'x509', content: encodeBase64(publicKey) }
    const [hash, ...moreHashes] = hashes
    const [email, ...moreNames] = names
    if (moreHashes.length + moreNames.length > 0)
      throw new CountersignError('USAGE', 'Rekor v1 is asked for one digest and one name at most')
    const query = { operator, ...(hash !== undefined && { hash }), ...(email !== undefined && { email }), ...(key && { publicKey: key }) }
    const bytes = await ask({ path: 'api/v1/index/retrieve', json: serializeGoJson(query), limitBytes: infoLimitBytes })
    if (!bytes) throw new CountersignError('TLOG_UNAVAILABLE', `${url.host}: has no search`)
    return readAs(code, `${url.host}: search`, () =>
      readArray(parseJson(bytes, 'ids', { bytes: infoLimitBytes }) ?? [], 'ids', 100_000, readId),
    )
  }
}

type StatedTree = { readonly note: string; readonly size: bigint; readonly root: Sha256; readonly treeId: string }

/** The active tree first. */
function readInfo(value: Json, at: string): readonly StatedTree[] {
  const info = readObject(value, at)
  return [readTree(info, at), ...readArray(info['inactiveShards'] ?? [], `${at}.inactiveShards`, 100, readTree)]
}

function readTree(value: unknown, at: string): StatedTree {
  const tree = readObject(value, at)
  const treeId = readString(tree['treeID'], `${at}.treeID`)
  if (!/^[0-9]{1,19}$/.test(treeId)) throw new CountersignError(code, `${at}.treeID: want a number, got ${quote(treeId)}`)
  return {
    note: readString(tree['signedTreeHead'], `${at}.signedTreeHead`),
    size: BigInt(readSafeInteger(tree['treeSize'], `${at}.treeSize`)),
    root: readHash(tree['rootHash'], `${at}.rootHash`),
    treeId,
  }
}

function readHash(value: unknown, at: string): Sha256 {
  const hex = readString(value, at)
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new CountersignError(code, `${at}: want 64 hex digits, got ${quote(hex)}`)
  return decodeHex(hex, at) as Sha256
}

function readId(value: unknown, at: string): string {
  const id = readString(value, at)
  if (!/^([0-9a-f]{16})?[0-9a-f]{64}$/.test(id))
    throw new CountersignError(code, `${at}: want an entry ID of 80 or 64 hex digits, got ${quote(id)}`)
  return id
}
