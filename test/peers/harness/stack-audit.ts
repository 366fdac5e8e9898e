import assert from 'node:assert/strict'
import { encodeHexNumber } from '../../../src/codec/hex.ts'
import type { Sha256 } from '../../../src/crypto/digest.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '../../../src/formats/log/checkpoint.ts'
import { decodeEntryBundle } from '../../../src/formats/log/entry-bundle.ts'
import type { LogEntry } from '../../../src/formats/log/log-entry.ts'
import type { LogKey } from '../../../src/formats/log/log-key.ts'
import { leafHash, nodeHash, verifyConsistency, verifyInclusion } from '../../../src/formats/log/merkle.ts'
import { verifySignedEntryTimestamp } from '../../../src/formats/log/signed-entry-timestamp.ts'
import { encodeTilePath, tileWidth } from '../../../src/formats/log/tile-path.ts'
import { readIdentity, readStackConfig } from '../../../src/services/stack/folder.ts'
import { trustedRootOf } from '../../../src/services/stack/trust.ts'
import { type Acknowledged, entryOf, logPaths } from './stack-load.ts'

const get = async (url: string, path: string): Promise<Uint8Array> => {
  const response = await fetch(url + path)
  assert.equal(response.status, 200, path)
  return await response.bytes()
}

/**
 * Looks for all that a stack acknowledged: every entry at its place, with what was promised of it, under a head that extends each one that was
 * heard; every certificate in the certificate log.
 *
 * @param folder - of the stack, where the keys are by which it is believed
 * @param since - entries of v1 before this one were looked up in an earlier round; they are in the tree whose growth is proven
 */
export async function checkStack(url: string, folder: string, { entries, certificates }: Acknowledged, since = 0): Promise<void> {
  const { transparencyLogs } = trustedRootOf(await readStackConfig(folder), await readIdentity(folder))
  const [v1, v2] = transparencyLogs as readonly LogKey[]
  if (entries.v1.length > 0) await checkV1(url, v1!, entries.v1, since)
  if (entries.v2.length > 0) await checkV2(url, v2!, entries.v2)
  for (const log of ['v1', 'v2'] as const) for (const last of entries[log].slice(-1)) await checkKnown(url, log, last)
  await checkCertificates(url, certificates)
}

/** Whoever sends again what was acknowledged is told of the same entry, or that the log has ended, as it then says itself. */
async function checkKnown(url: string, log: 'v1' | 'v2', { body, entry }: Acknowledged['entries']['v1'][number]): Promise<void> {
  const response = await fetch(url + logPaths[log], { method: 'POST', body })
  if (log === 'v2' && response.status === 405)
    return assert.match(Buffer.from(await get(url, '/checkpoint')).toString(), /^Log frozen \u2014 /m)
  assert.equal(response.status, log === 'v1' ? 409 : 201)
  const again = log === 'v1' ? await get(url, response.headers.get('location')!) : await response.bytes()
  assert.equal(entryOf(log, Buffer.from(again).toString()).logIndex, entry.logIndex)
}

async function checkV1(url: string, log: LogKey, all: Acknowledged['entries']['v1'], since: number): Promise<void> {
  const heads = await headsOf(all, log)
  const latest = await headOf(
    entryOf('v1', Buffer.from(await get(url, `${logPaths.v1}?logIndex=${all.at(-1)!.entry.logIndex}`)).toString()),
    log,
  )
  const lookUp = async ({ entry }: (typeof all)[number]): Promise<void> => {
    const now = entryOf('v1', Buffer.from(await get(url, `${logPaths.v1}?logIndex=${entry.logIndex}`)).toString())
    assert.deepEqual({ ...now, inclusionProof: undefined }, { ...entry, inclusionProof: undefined }) // body, time, promise: all but the proof
    await verifySignedEntryTimestamp(now, log)
    verifyInclusion(leafHash(now.canonicalizedBody), entry.logIndex, now.inclusionProof!.hashes, await headOf(now, log))
  }
  for (let at = since; at < all.length; at += 32) await Promise.all(all.slice(at, at + 32).map(lookUp))
  for (const head of heads) {
    const path = `/api/v1/log/proof?firstSize=${head.size}&lastSize=${latest.size}`
    const { hashes } = JSON.parse(Buffer.from(await get(url, path)).toString()) as { hashes: string[] }
    verifyConsistency(
      head,
      latest,
      hashes.map(hex => Uint8Array.from(Buffer.from(hex, 'hex')) as Sha256),
    ) // one root for each size, too
  }
}

/** By the tiles alone: the tree is built anew of its entries, and held against every head that was heard. */
async function checkV2(url: string, log: LogKey, all: Acknowledged['entries']['v2']): Promise<void> {
  const { size, root } = await verifyCheckpoint(Buffer.from(await get(url, '/checkpoint')).toString(), log)
  const bodies: Uint8Array[] = []
  for (let index = 0; index * tileWidth < size; index++) {
    const width = Math.min(tileWidth, Number(size) - index * tileWidth)
    const bundle = decodeEntryBundle(await get(url, `/${encodeTilePath({ level: 'entries', index, width })}`))
    const hashes = await get(url, `/${encodeTilePath({ level: 0, index, width })}`)
    assert.deepEqual(hashes, Uint8Array.from(Buffer.concat(bundle.map(leafHash))), `tile ${index}`)
    bodies.push(...bundle)
  }
  for (const { entry } of all) assert.deepEqual(bodies[Number(entry.logIndex)], entry.canonicalizedBody, `entry ${entry.logIndex}`)
  const leaves = bodies.map(leafHash)
  assert.deepEqual(rootOf(leaves), root, 'the published root')
  for (const head of await headsOf(all, log)) assert.deepEqual(rootOf(leaves.slice(0, Number(head.size))), head.root, `size ${head.size}`)
}

/** RFC 9162 §2.1.1, as it stands there. */
function rootOf(leaves: readonly Sha256[]): Sha256 {
  if (leaves.length === 1) return leaves[0]!
  const half = 2 ** Math.floor(Math.log2(leaves.length - 1))
  return nodeHash(rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)))
}

function headOf({ inclusionProof }: LogEntry, log: LogKey): Promise<VerifiedCheckpoint> {
  return verifyCheckpoint(inclusionProof!.checkpoint!, log)
}

/** The heads that entries came with, under each of which its entry must be. Of many, some: each costs a signature and a tree. */
async function headsOf(all: Acknowledged['entries']['v1'], log: LogKey): Promise<readonly VerifiedCheckpoint[]> {
  const step = Math.max(1, Math.floor(all.length / 40))
  return await Promise.all(
    all
      .filter((_, at) => at % step === 0 || at === all.length - 1)
      .map(async ({ entry }) => {
        const head = await headOf(entry, log)
        verifyInclusion(leafHash(entry.canonicalizedBody), entry.logIndex, entry.inclusionProof!.hashes, head)
        return head
      }),
  )
}

/** Every certificate that somebody has is in the CT log (G1): its serial number is in an entry. */
async function checkCertificates(url: string, certificates: readonly { readonly serialNumber: bigint }[]): Promise<void> {
  const { tree_size: size } = JSON.parse(Buffer.from(await get(url, '/ct/ct/v1/get-sth')).toString()) as { tree_size: number }
  const logged: string[] = []
  while (logged.length < size) {
    const page = await get(url, `/ct/ct/v1/get-entries?start=${logged.length}&end=${size - 1}`)
    const { entries } = JSON.parse(Buffer.from(page).toString()) as { entries: { leaf_input: string }[] }
    logged.push(...entries.map(({ leaf_input: leaf }) => Buffer.from(leaf, 'base64').toString('hex')))
  }
  const all = logged.join(' ')
  for (const { serialNumber } of certificates) assert.ok(all.includes(encodeHexNumber(serialNumber)), `certificate ${serialNumber}`)
}
