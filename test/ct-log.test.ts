import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { precertificatePoisonExtension } from '../src/formats/x509/extension-writer.ts'
import { openTileLog } from '../src/log/open-tile-log.ts'
import { ctLogLayout } from '../src/services/ctlog/ct-heads.ts'
import { createCtLog } from '../src/services/ctlog/ct-log.ts'
import { emptyLogDisk, openMemoryStore } from '../src/testing/log/memory-store.ts'
import { createRoot, freshSigner, type TestAuthority, type TestCertificate } from '../src/testing/sigstore/certificate-authority.ts'

// A reader of CT logs that shares nothing with ours but the standards: RFC 6962, RFC 9162 §2.1 and C2SP static-ct-api. services §12, 18 and 19.

const origin = 'logs.example/ct'
const count = 300
const signer = freshSigner('p256')
const publicKey = createPublicKey({ key: Buffer.from(signer.publicKey.spki), format: 'der', type: 'spki' })
const logId = sha256(Buffer.from(signer.publicKey.spki))
const now = () => new Date('2026-05-04T03:02:01.234Z')

let intermediate: TestAuthority
const submitted: TestCertificate[] = []
const scts: Buffer[] = []
let get: (path: string) => Promise<Buffer>
before(async () => {
  const root = await createRoot()
  intermediate = await root.issueIntermediate()
  const log = await openTileLog({ ...ctLogLayout(origin, signer), store: openMemoryStore(emptyLogDisk()), now })
  const { handler, logPrecertificate } = createCtLog({ log, signer, origin, roots: [root.certificate], now, prefix: '/ct' })
  get = async path => {
    const response = await handler(new Request(`https://${origin}/${path}`))
    assert.equal(response.status, 200, path)
    return Buffer.from(await response.arrayBuffer())
  }
  const key = freshSigner('p256')
  const validity = { notBefore: now(), notAfter: new Date(now().getTime() + 600_000) }
  for (let at = 0; at < count; at++)
    submitted.push(
      await intermediate.issueLeaf({ ...validity, key, serialNumber: BigInt(at + 1), extensions: [precertificatePoisonExtension()] }),
    )
  for (const sct of await Promise.all(submitted.map(({ der }) => logPrecertificate(der, [intermediate.der])))) scts.push(Buffer.from(sct))
})

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const leafOf = (entry: Uint8Array) => sha256(Uint8Array.of(0), entry)
const nodeOf = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right)

/** Root of leaves `start` to `end`, by the definition; each is computed once. */
const known = new Map<string, Buffer>()
function rootOf(leaves: readonly Buffer[], start: number, end: number): Buffer {
  if (end === start) return sha256()
  if (end === start + 1) return leaves[start]!
  const key = `${start} ${end}`
  const found = known.get(key)
  if (found) return found
  let half = 1
  while (half * 2 < end - start) half *= 2
  const root = nodeOf(rootOf(leaves, start, start + half), rootOf(leaves, start + half, end))
  known.set(key, root)
  return root
}

/** The checkpoint, its signature verified as a signed tree head. */
async function readCheckpoint(): Promise<{ readonly size: number; readonly root: Buffer }> {
  const [text, line] = (await get('checkpoint')).toString().split('\n\n') as [string, string]
  const [name, size, root, ...more] = text.split('\n')
  assert.equal(name, origin)
  assert.deepEqual(more, [])
  const [dash, signedBy, base64] = line.trimEnd().split(' ')
  assert.deepEqual([dash, signedBy], ['—', origin])
  const bytes = Buffer.from(base64!, 'base64')
  assert.deepEqual(bytes.subarray(0, 4), sha256(Buffer.from(`${origin}\n\x05`), logId).subarray(0, 4))
  const signed = Buffer.concat([Buffer.from([0, 1]), bytes.subarray(4, 12), Buffer.alloc(8), Buffer.from(root!, 'base64')])
  signed.writeBigUInt64BE(BigInt(size!), 10)
  assert.deepEqual([...bytes.subarray(12, 14)], [4, 3])
  assert.ok(verify('sha256', signed, publicKey, bytes.subarray(16)))
  return { size: Number(size), root: Buffer.from(root!, 'base64') }
}

type TileEntry = {
  readonly leaf: Buffer
  readonly precertificate: Buffer
  readonly fingerprints: readonly string[]
  readonly extensions: Buffer
}

/** A data tile of precertificates, taken apart. */
function readDataTile(tile: Buffer): readonly TileEntry[] {
  const entries: TileEntry[] = []
  for (let at = 0; at < tile.length; ) {
    const start = at
    const take = (length: number) => {
      at += length
      return tile.subarray(at - length, at)
    }
    const vector = (octets: number) => take(take(octets).readUIntBE(0, octets))
    take(8)
    assert.equal(take(2).readUInt16BE(), 1)
    take(32)
    vector(3)
    const extensions = vector(2)
    const leaf = leafOf(Buffer.concat([Buffer.alloc(2), tile.subarray(start, at)]))
    const precertificate = vector(3)
    const chain = vector(2).toString('hex').match(/.{64}/g) ?? []
    entries.push({ leaf, precertificate, fingerprints: chain, extensions })
  }
  return entries
}

describe('another reader', () => {
  let entries: readonly TileEntry[]
  let leaves: readonly Buffer[]
  before(async () => {
    entries = [...readDataTile(await get('tile/data/000')), ...readDataTile(await get(`tile/data/001.p/${count - 256}`))]
    leaves = entries.map(({ leaf }) => leaf)
  })

  test('builds the tree of the checkpoint from data tiles, and finds the tiles of hashes', async () => {
    const { size, root } = await readCheckpoint()
    assert.equal(size, count)
    assert.equal(entries.length, count)
    assert.deepEqual(rootOf(leaves, 0, count), root)
    assert.deepEqual(await get('tile/0/000'), Buffer.concat(leaves.slice(0, 256)))
    assert.deepEqual(await get(`tile/0/001.p/${count - 256}`), Buffer.concat(leaves.slice(256)))
    assert.deepEqual(await get('tile/1/000.p/1'), rootOf(leaves, 0, 256))
  })

  test('finds every precertificate where its SCT says, and who vouches for it', async () => {
    for (const [at, sct] of scts.entries()) {
      assert.equal(sct.readUInt8(0), 0)
      assert.deepEqual(sct.subarray(1, 33), logId)
      assert.equal(sct.readBigUInt64BE(33), BigInt(now().getTime()))
      const extensions = sct.subarray(43, 43 + sct.readUInt16BE(41))
      assert.deepEqual([...extensions.subarray(0, 3)], [0, 0, 5])
      const index = extensions.readUIntBE(3, 5)
      const { precertificate, ...entry } = entries[index]!
      assert.deepEqual(precertificate, Buffer.from(submitted[at]!.der))
      assert.deepEqual(entry.extensions, extensions)
    }
    const [first, last, ...more] = entries[count - 1]!.fingerprints
    assert.deepEqual(more, [])
    const issuer = new X509Certificate(await get(`issuer/${first}`))
    const root = new X509Certificate(await get(`issuer/${last}`))
    assert.ok(new X509Certificate(submitted[0]!.der).verify(issuer.publicKey))
    assert.ok(issuer.verify(root.publicKey))
  })

  test('is proven that each tree of up to 300 begins each later one', async () => {
    const json = async (path: string) => JSON.parse((await get(path)).toString())
    // `npm run test:full` asks for all pairs; else the ends, the powers of two, and those beside them
    const some = [0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 100, 127, 128, 129, 200, 255, 256, 257, 258, 299, 300]
    const sizes = process.env['CT_PAIRS'] === 'all' ? [...Array(count + 1).keys()] : some
    for (const first of sizes)
      for (const second of sizes.filter(size => size >= first)) {
        const { consistency } = await json(`ct/v1/get-sth-consistency?first=${first}&second=${second}`)
        const expected = first === 0 ? [] : subproof(first, 0, second, true)
        assert.deepEqual(
          consistency,
          expected.map(hash => hash.toString('base64')),
          `${first} to ${second}`,
        )
      }
  })

  /** SUBPROOF of RFC 6962 §2.1.2 over leaves `start` to `end`. */
  function subproof(size: number, start: number, end: number, isWhole: boolean): readonly Buffer[] {
    if (size === end - start) return isWhole ? [] : [rootOf(leaves, start, end)]
    let half = 1
    while (half * 2 < end - start) half *= 2
    return size <= half
      ? [...subproof(size, start, start + half, isWhole), rootOf(leaves, start + half, end)]
      : [...subproof(size - half, start + half, end, false), rootOf(leaves, start, start + half)]
  }
})
