import assert from 'node:assert/strict'
import { createHash, randomInt } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { concatBytes } from '../../codec/bytes.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import { verifyCtCheckpoint } from '../../formats/ct/ct-checkpoint.ts'
import { encodeMerkleTreeLeaf, leafIndexOf, parseDataTile } from '../../formats/ct/ct-entry.ts'
import type { VerifiedCheckpoint } from '../../formats/log/checkpoint.ts'
import { leafHash, rootOfInclusion, verifyConsistency } from '../../formats/log/merkle.ts'
import { parseCertificate } from '../../formats/x509/certificate.ts'
import { precertificatePoisonExtension } from '../../formats/x509/extension-writer.ts'
import { parseDetachedSct, type Sct, verifySct } from '../../formats/x509/sct.ts'
import { encodeSct, sctListExtension } from '../../formats/x509/sct-writer.ts'
import { openTileLog } from '../../log/open-tile-log.ts'
import type { TileLog } from '../../log/tile-log.ts'
import { emptyLogDisk, type LogDisk, openMemoryStore, unplug } from '../../testing/log/memory-store.ts'
import { createRoot, freshSigner, type TestAuthority, type TestCertificate } from '../../testing/sigstore/certificate-authority.ts'
import { treeRoot } from '../../testing/sigstore/naive-tree.ts'
import { noEvents } from '../service.ts'
import { ctLogLayout } from './ct-heads.ts'
import { type CtLogOptions, type CtLogService, createCtLog } from './ct-log.ts'

const origin = 'logs.example/ct'
const base = `https://${origin}`
const start = Date.parse('2026-05-04T03:02:01.234Z')

let signer: Signer
let root: TestAuthority
let intermediate: TestAuthority
before(async () => {
  signer = freshSigner('p256')
  root = await createRoot()
  intermediate = await root.issueIntermediate()
})

/** What answers hold, each some of it. */
type Answer = {
  readonly tree_size: number
  readonly timestamp: number
  readonly sha256_root_hash: string
  readonly tree_head_signature: string
  readonly consistency: readonly string[]
  readonly leaf_index: number
  readonly audit_path: readonly string[]
  readonly leaf_input: string
  readonly extra_data: string
  readonly entries: readonly { readonly leaf_input: string; readonly extra_data: string }[]
}

type Rig = CtLogService & {
  readonly log: TileLog
  readonly clock: { nowMs: number }
  readonly get: (path: string, init?: RequestInit) => Promise<Response>
  readonly json: (path: string) => Promise<Answer>
  readonly add: (kind: 'add-chain' | 'add-pre-chain', ...chain: readonly { readonly der: Uint8Array }[]) => Promise<Response>
}

async function openRig(options: Partial<CtLogOptions> = {}, disk: LogDisk = emptyLogDisk()): Promise<Rig> {
  const clock = { nowMs: start }
  const now = () => new Date(clock.nowMs)
  const log = await openTileLog({ ...ctLogLayout(origin, signer), store: openMemoryStore(disk), now })
  const service = createCtLog({ log, signer, origin, roots: [root.certificate], now, prefix: '/ct', ...options })
  const get = (path: string, init?: RequestInit) => service.handler(new Request(`${base}/${path}`, init))
  return {
    ...service,
    log,
    clock,
    get,
    json: async path => {
      const response = await get(path)
      assert.equal(response.status, 200, await response.clone().text())
      return (await response.json()) as Answer
    },
    add: (kind, ...chain) => service.handler(post(kind, { chain: chain.map(({ der }) => encodeBase64(der)) })),
  }
}

function post(kind: string, body: unknown): Request {
  return new Request(`${base}/ct/v1/${kind}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
}

/** Whole numbers below a limit, the same for the same seed. */
function pseudoRandom(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * limit)
  }
}

/** Certificates are valid around the clock of these tests. */
const validity = { notBefore: new Date(start - 1000), notAfter: new Date(start + 600_000) }
const newLeaf = () => intermediate.issueLeaf(validity)
const newPrecertificate = () => intermediate.issueLeaf({ ...validity, extensions: [precertificatePoisonExtension()] })

const sctOf = async (response: Response): Promise<Sct> => {
  assert.equal(response.status, 200, await response.clone().text())
  assert.equal(response.headers.get('content-type'), 'application/json')
  return parseDetachedSct(new Uint8Array(await response.arrayBuffer()), 'answer')
}

const base64 = (text: string) => decodeBase64(text, 'answer') as Sha256
const headOf = async (rig: Rig) => {
  const sth = await rig.json('ct/v1/get-sth')
  return { size: BigInt(sth.tree_size), root: base64(sth.sha256_root_hash) }
}

describe('submissions', () => {
  test('the SCT of a certificate verifies, says where its entry is and when, and comes again', async () => {
    const rig = await openRig()
    const first = await newLeaf()
    await rig.add('add-chain', first, intermediate)
    rig.clock.nowMs += 5
    const leaf = await newLeaf()
    const sct = await sctOf(await rig.add('add-chain', leaf, intermediate, root))
    await verifySct(sct, leaf.certificate, intermediate.certificate, { key: signer.publicKey })
    assert.equal(sct.time.getTime(), start + 5)
    assert.equal(leafIndexOf(sct.extensions), 1n)
    rig.clock.nowMs += 60_000
    for (const above of [[intermediate], [intermediate, root]])
      assert.deepEqual(encodeSct(await sctOf(await rig.add('add-chain', leaf, ...above))), encodeSct(sct))
    assert.equal(rig.log.head().size, 2n)
  })

  test('the SCT of a precertificate verifies embedded in the certificate, by either door', async () => {
    const rig = await openRig()
    const precertificate = await newPrecertificate()
    const answered = await sctOf(await rig.add('add-pre-chain', precertificate, intermediate))
    const serialized = await rig.logPrecertificate(precertificate.der, [intermediate.der])
    assert.deepEqual(serialized, encodeSct(answered))
    const final = await finalOf(precertificate, answered)
    await verifySct({ ...answered, entry: 'precertificate' }, parseCertificate(final, 'final'), intermediate.certificate, {
      key: signer.publicKey,
    })
  })

  test('both of one issuance are two entries', async () => {
    const rig = await openRig()
    const precertificate = await newPrecertificate()
    const sct = await sctOf(await rig.add('add-pre-chain', precertificate, intermediate))
    const final = { der: await finalOf(precertificate, sct) }
    await sctOf(await rig.add('add-chain', final, intermediate))
    assert.equal(rig.log.head().size, 2n)
  })

  test('a log without leaf indexes', async () => {
    const rig = await openRig({ leafIndex: false })
    const sct = await sctOf(await rig.add('add-chain', await newLeaf(), intermediate))
    assert.equal(sct.extensions.length, 0)
  })

  test('everything is there again after a restart', async () => {
    const disk = emptyLogDisk()
    const rig = await openRig({}, disk)
    const leaf = await newLeaf()
    const sct = await sctOf(await rig.add('add-chain', leaf, intermediate))
    unplug(disk)
    const again = await openRig({}, disk)
    assert.deepEqual(encodeSct(await sctOf(await again.add('add-chain', leaf, intermediate))), encodeSct(sct))
    assert.equal((await again.get(`issuer/${encodeHex(sha256(intermediate.der))}`)).status, 200)
    assert.equal((await again.json('ct/v1/get-entries?start=0&end=0'))['entries']!['length'], 1)
  })

  for (const { name, request, status = 400, message } of [
    {
      name: 'poison',
      request: async () => post('add-chain', await chainBody(newPrecertificate)),
      message: /want a certificate, got a precertificate/,
    },
    {
      name: 'its absence',
      request: async () => post('add-pre-chain', await chainBody(newLeaf)),
      message: /got a certificate without poison/,
    },
    {
      name: 'an unknown root',
      request: async () => {
        const other = await createRoot({ subject: [['CN', 'other']] })
        return post('add-chain', { chain: [await other.issueLeaf(validity), other].map(({ der }) => encodeBase64(der)) })
      },
      message: /its issuer "CN=other" is not accepted here/,
    },
    { name: 'no chain', request: () => post('add-chain', {}), message: /^chain: want an array, got nothing\n$/ },
    { name: 'an empty chain', request: () => post('add-chain', { chain: [] }), message: /want at least one certificate/ },
    {
      name: 'eleven certificates',
      request: () => post('add-chain', { chain: Array(11).fill('AAAA') }),
      message: /want at most 10 items, got 11/,
    },
    { name: 'no base64', request: () => post('add-chain', { chain: ['?'] }), message: /^chain\[0\]: want padded base64/ },
    { name: 'no certificate', request: () => post('add-chain', { chain: ['AAAA'] }), message: /^chain\[0\]: / },
    { name: 'an unknown member', request: () => post('add-chain', { chain: [], x: 1 }), message: /unknown member "x"/ },
    { name: 'no JSON', request: () => post('add-chain', 'x'), message: /not JSON/ },
    {
      name: 'more than 1 MiB',
      request: () => post('add-chain', ' '.repeat((1 << 20) + 1)),
      status: 413,
      message: /want at most 1048576 bytes/,
    },
    { name: 'GET', request: () => new Request(`${base}/ct/v1/add-chain`), status: 405, message: /want method POST/ },
    { name: 'another path', request: () => new Request(`${base}/ct/v1/add`), status: 404, message: /no such path/ },
    {
      name: 'a path that is not below the prefix',
      request: () => new Request('https://logs.example/ct/ct/v1/get-sth/'),
      status: 404,
      message: /no such path/,
    },
    {
      name: 'a path of another prefix',
      request: () => new Request('https://logs.example/other/checkpoint'),
      status: 404,
      message: /no such path/,
    },
  ])
    test(`refused: ${name}`, async () => {
      const rig = await openRig()
      const response = await rig.handler(await request())
      assert.match(await response.text(), message)
      assert.equal(response.status, status)
      assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
      assert.equal(rig.log.head().size, 0n)
    })

  test('no changed bit of a precertificate or its issuer is logged, or taken for a fault of the log', async () => {
    const rig = await openRig()
    const seed = randomInt(2 ** 31)
    const random = pseudoRandom(seed)
    const chain = [await newPrecertificate(), intermediate].map(({ der }) => der)
    for (let mutant = 0; mutant < 300; mutant++) {
      const [which, bit] = [random(2), random(8 * 400)]
      const changed = chain.map((der, at) => (at === which ? der.with(bit >> 3, der[bit >> 3]! ^ (1 << (bit & 7))) : der))
      const response = await rig.handler(post('add-pre-chain', { chain: changed.map(encodeBase64) }))
      assert.equal(response.status, 400, `seed ${seed}: bit ${bit} of ${which}: ${await response.text()}`)
    }
    assert.equal(rig.log.head().size, 0n)
  })

  const chainBody = async (issue: () => Promise<TestCertificate>) => ({
    chain: [await issue(), intermediate].map(({ der }) => encodeBase64(der)),
  })

  test('the door in the process refuses by our codes', async () => {
    const rig = await openRig()
    await assert.rejects(rig.logPrecertificate((await newLeaf()).der, [intermediate.der]), { code: 'MATERIAL_UNSUPPORTED' })
  })
})

/** The certificate of a precertificate: the same but for its timestamps in place of the poison. */
async function finalOf(precertificate: TestCertificate, sct: Sct): Promise<Uint8Array> {
  const { der } = await intermediate.issueLeaf({ ...validity, key: precertificate.signer, extensions: [sctListExtension([sct])] })
  return der
}

describe('reading by RFC 6962', () => {
  let rig: Rig
  const leaves: Sha256[] = []
  const scts: Sct[] = []
  const submitted: TestCertificate[] = []
  before(async () => {
    rig = await openRig()
    for (let at = 0; at < 12; at++) {
      const isPrecertificate = at % 2 === 0
      const certificate = isPrecertificate ? await newPrecertificate() : await newLeaf()
      rig.clock.nowMs += 7
      scts.push(await sctOf(await rig.add(isPrecertificate ? 'add-pre-chain' : 'add-chain', certificate, intermediate)))
      submitted.push(certificate)
    }
    const { entries } = await rig.json('ct/v1/get-entries?start=0&end=999')
    for (const { leaf_input: leaf } of entries) leaves.push(leafHash(base64(leaf)))
  })

  test('the head is of the leaves, by one signature with the checkpoint', async () => {
    const { size, root } = await headOf(rig)
    assert.equal(size, 12n)
    assert.deepEqual(root, treeRoot(leaves))
    const checkpoint = await (await rig.get('checkpoint')).text()
    const { digitallySigned, timeMs } = await verifyCtCheckpoint(checkpoint, origin, signer.publicKey)
    const sth = await rig.json('ct/v1/get-sth')
    assert.equal(sth.tree_head_signature, encodeBase64(digitallySigned))
    assert.equal(sth.timestamp, Number(timeMs))
  })

  test('entries are what was submitted, with who vouches for it', async () => {
    const { entries } = await rig.json('ct/v1/get-entries?start=4&end=5')
    const [precertificate, certificate] = entries
    const chain = tls24(concatBytes(tls24(intermediate.der), tls24(root.der)))
    assert.deepEqual(base64(precertificate!.extra_data), concatBytes(tls24(submitted[4]!.der), chain))
    assert.deepEqual(base64(certificate!.extra_data), chain)
    const leaf = base64(certificate!.leaf_input)
    assert.deepEqual(leaf, encodeMerkleTreeLeaf({ subject: { entry: 'certificate', der: submitted[5]!.der }, ...scts[5]! }))
  })

  test('every leaf is found by its hash, and proven in every tree that has it', async () => {
    for (const [index, leaf] of leaves.entries())
      for (let size = index + 1; size <= leaves.length; size++) {
        const proof = await rig.json(`ct/v1/get-proof-by-hash?hash=${encodeURIComponent(encodeBase64(leaf))}&tree_size=${size}`)
        assert.equal(proof.leaf_index, index)
        const path = proof.audit_path.map(base64)
        assert.deepEqual(rootOfInclusion(leaf, BigInt(index), path, BigInt(size)), treeRoot(leaves.slice(0, size)))
        const entry = await rig.json(`ct/v1/get-entry-and-proof?leaf_index=${index}&tree_size=${size}`)
        assert.deepEqual(entry.audit_path, proof.audit_path)
        assert.deepEqual(leafHash(base64(entry.leaf_input)), leaf)
      }
  })

  test('every tree is proven to begin every later one', async () => {
    for (let second = 0; second <= leaves.length; second++)
      for (let first = 0; first <= second; first++) {
        const { consistency } = await rig.json(`ct/v1/get-sth-consistency?first=${first}&second=${second}`)
        const head = (size: number) => ({ size: BigInt(size), root: treeRoot(leaves.slice(0, size)) }) as unknown as VerifiedCheckpoint
        verifyConsistency(head(first), head(second), consistency.map(base64))
      }
  })

  test('the accepted roots', async () => {
    assert.deepEqual(await rig.json('ct/v1/get-roots'), { certificates: [encodeBase64(root.der)] })
  })

  const anyHash = encodeURIComponent(encodeBase64(new Uint8Array(32)))
  for (const { path, status = 400, message } of [
    { path: 'get-sth-consistency?first=2&second=1', message: /first: want at most second, 1, got 2/ },
    { path: 'get-sth-consistency?first=1&second=13', message: /second: want at most the tree's size, 12, got 13/ },
    { path: 'get-sth-consistency?first=1', message: /second: want this parameter, got none/ },
    { path: 'get-sth-consistency?first=1&first=1&second=2', message: /first: want one value, got 2/ },
    { path: 'get-sth-consistency?first=01&second=2', message: /first: want a plain decimal number below 2\^53, got "01"/ },
    { path: 'get-sth-consistency?first=-1&second=2', message: /first: want a plain decimal number/ },
    { path: 'get-sth-consistency?first=1&second=9007199254740992', message: /second: want a plain decimal number below 2\^53/ },
    { path: `get-proof-by-hash?hash=${anyHash}&tree_size=12`, status: 404, message: /no such leaf in the tree of size 12/ },
    { path: `get-proof-by-hash?hash=${anyHash}&tree_size=13`, message: /tree_size: want at most the tree's size, 12, got 13/ },
    { path: 'get-proof-by-hash?hash=AAAA&tree_size=12', message: /hash: want 32 bytes, got 3/ },
    { path: 'get-proof-by-hash?hash=%3F&tree_size=12', message: /hash: want padded base64/ },
    { path: 'get-entries?start=2&end=1', message: /start: want at most end, 1, got 2/ },
    { path: 'get-entries?start=12&end=12', message: /start: want less than the tree's size, 12, got 12/ },
    { path: 'get-entry-and-proof?leaf_index=12&tree_size=12', message: /leaf_index: want less than tree_size, 12, got 12/ },
    { path: 'get-entry-and-proof?leaf_index=0&tree_size=0', message: /leaf_index: want less than tree_size, 0, got 0/ },
    { path: 'get-entry-and-proof?leaf_index=0&tree_size=13', message: /tree_size: want at most the tree's size, 12, got 13/ },
  ])
    test(`refused: ${path}`, async () => {
      const response = await rig.get(`ct/v1/${path}`)
      assert.match(await response.text(), message)
      assert.equal(response.status, status)
    })

  test('a leaf is not in the tree before it', async () => {
    const response = await rig.get(`ct/v1/get-proof-by-hash?hash=${encodeURIComponent(encodeBase64(leaves[5]!))}&tree_size=5`)
    assert.equal(response.status, 404)
  })
})

function tls24(bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(bytes.length >> 16, (bytes.length >> 8) & 255, bytes.length & 255), bytes)
}

describe('reading by static-ct-api', () => {
  test('data tiles are compressed for who can read them so, tiles of hashes are not, and neither is asked for again', async () => {
    const rig = await openRig()
    for (let at = 0; at < 2; at++) await rig.add('add-pre-chain', await newPrecertificate(), intermediate)
    const get = (path: string, accepted: string) => rig.get(path, { headers: { 'accept-encoding': accepted } })
    const plain = new Uint8Array(await (await rig.get('tile/data/000.p/2')).arrayBuffer())
    for (const { accepted, encoding } of [
      { accepted: 'gzip', encoding: 'gzip' },
      { accepted: 'br, GZIP;q=0.5', encoding: 'gzip' },
      { accepted: 'gzip;q=0', encoding: null },
      { accepted: 'br', encoding: null },
    ]) {
      const response = await get('tile/data/000.p/2', accepted)
      assert.equal(response.headers.get('content-encoding'), encoding, accepted)
      assert.equal(response.headers.get('vary'), 'accept-encoding')
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable')
      const bytes = new Uint8Array(await response.arrayBuffer())
      assert.deepEqual(encoding === null ? bytes : Uint8Array.from(gunzipSync(bytes)), plain)
    }
    const hashes = await get('tile/0/000.p/2', 'gzip')
    assert.equal(hashes.headers.get('content-encoding'), null)
    assert.equal(hashes.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    const missing = await get('tile/data/000', 'gzip')
    assert.deepEqual([missing.status, missing.headers.get('cache-control')], [404, null], 'it may be there tomorrow')
  })

  test('tiles of hashes, of entries, and the authorities', async () => {
    const rig = await openRig()
    const submitted: TestCertificate[] = []
    for (let at = 0; at < 3; at++) {
      submitted.push(await newPrecertificate())
      await rig.add('add-pre-chain', submitted[at]!, intermediate)
    }
    const data = await rig.get('tile/data/000.p/3')
    assert.equal(data.headers.get('content-type'), 'application/octet-stream')
    assert.match(data.headers.get('cache-control')!, /immutable/)
    const entries = parseDataTile(new Uint8Array(await data.arrayBuffer()), 'tile')
    assert.deepEqual(
      entries.map(({ precertificate }) => precertificate),
      submitted.map(({ der }) => der),
    )
    const hashes = entries.map(entry => leafHash(encodeMerkleTreeLeaf(entry)))
    assert.deepEqual(new Uint8Array(await (await rig.get('tile/0/000.p/3')).arrayBuffer()), concatBytes(...hashes))
    for (const fingerprint of entries[0]!.issuers) {
      const issuer = await rig.get(`issuer/${encodeHex(fingerprint)}`)
      assert.equal(issuer.headers.get('content-type'), 'application/pkix-cert')
      assert.equal(
        createHash('sha256')
          .update(Buffer.from(await issuer.arrayBuffer()))
          .digest('hex'),
        encodeHex(fingerprint),
      )
    }
    assert.deepEqual(
      entries[2]!.issuers.map(encodeHex),
      [intermediate, root].map(({ der }) => encodeHex(sha256(der))),
    )
    const checkpoint = await rig.get('checkpoint')
    assert.equal(checkpoint.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal((await verifyCtCheckpoint(await checkpoint.text(), origin, signer.publicKey)).size, 3n)
  })

  for (const path of [
    'tile/0/000',
    'tile/0/000.p/4',
    'tile/1/000.p/1',
    'tile/data/001',
    'tile/6/000.p/1',
    'tile/entries/000.p/3',
    'tile/0/0',
    'tile/0/000.p/0',
    `issuer/${'0'.repeat(64)}`,
    'issuer/x',
    'issuer/',
  ])
    test(`not there: ${path}`, async () => {
      const rig = await openRig()
      for (let at = 0; at < 3; at++) await rig.add('add-chain', await newLeaf(), intermediate)
      assert.equal((await rig.get(path)).status, 404)
    })
})

describe('heads', () => {
  test('one that has grown old is signed again, with a later time over the same tree', async () => {
    const rig = await openRig({ limits: { headAgeMs: 1000 } })
    await rig.add('add-chain', await newLeaf(), intermediate)
    const first = await rig.json('ct/v1/get-sth')
    rig.clock.nowMs += 1000
    assert.deepEqual(await rig.json('ct/v1/get-sth'), first)
    rig.clock.nowMs += 1
    const second = await rig.json('ct/v1/get-sth')
    assert.deepEqual([second.tree_size, second.sha256_root_hash, second.timestamp], [1, first.sha256_root_hash, start + 1001])
    const checkpoint = await (await rig.get('checkpoint')).text()
    assert.equal((await verifyCtCheckpoint(checkpoint, origin, signer.publicKey)).timeMs, BigInt(start + 1001))
  })

  test('times do not go back where the clock does', async () => {
    const rig = await openRig({ limits: { headAgeMs: 1000 } })
    rig.clock.nowMs += 5000
    const { timestamp } = await rig.json('ct/v1/get-sth')
    rig.clock.nowMs -= 4900
    await rig.add('add-chain', await newLeaf(), intermediate)
    const later = await rig.json('ct/v1/get-sth')
    assert.deepEqual([later.tree_size, later.timestamp], [1, timestamp])
  })
})

describe('failures', () => {
  const failing = (code: string, kind = 'unavailable') => Object.assign(new Error(code), { code, kind })
  test('submissions past the limit are told to come again', async () => {
    const rig = await openRig({ limits: { submissions: 1 } })
    const [one, two] = [await newLeaf(), await newLeaf()]
    const [first, second] = await Promise.all([rig.add('add-chain', one, intermediate), rig.add('add-chain', two, intermediate)])
    assert.deepEqual([first.status, second.status, second.headers.get('retry-after')], [200, 503, '1'])
    assert.equal((await rig.add('add-chain', two, intermediate)).status, 200)
  })

  test('one that takes too long is told to come again, and is counted until it ends', async () => {
    const rig = await openRig()
    const { promise, resolve } = Promise.withResolvers<void>()
    const log: TileLog = { ...rig.log, append: async proposal => promise.then(() => rig.log.append(proposal)) }
    const slow = createCtLog({
      log,
      signer,
      origin,
      roots: [root.certificate],
      now: () => new Date(start),
      limits: { timeoutMs: 1, submissions: 1 },
    })
    const leaf = await newLeaf()
    const ask = () =>
      slow.handler(
        new Request('https://logs.example/ct/v1/add-chain', {
          method: 'POST',
          body: JSON.stringify({ chain: [leaf, intermediate].map(({ der }) => encodeBase64(der)) }),
        }),
      )
    const late = await ask()
    assert.deepEqual([late.status, await late.text()], [503, 'not logged within 1 ms\n'])
    assert.match(await (await ask()).text(), /too many submissions at once/)
    resolve()
  })

  test('what is no error of ours is for the listener', async () => {
    const rig = await openRig()
    const log: TileLog = { ...rig.log, append: () => Promise.reject(failing('EIO')) }
    const broken = createCtLog({ log, signer, origin, roots: [root.certificate], now: () => new Date(start), prefix: '/ct' })
    const chain = [await newLeaf(), intermediate].map(({ der }) => encodeBase64(der))
    await assert.rejects(broken.handler(post('add-chain', { chain })), /EIO/)
  })

  test('a log without roots is a mistake', async () => {
    await assert.rejects(openRig({ roots: [] }), { code: 'CONFIGURATION_MALFORMED', message: /want at least one accepted root, got none$/ })
  })

  test('what an entry holds beside it must be what the log wrote', async () => {
    const disk = emptyLogDisk()
    const rig = await openRig({}, disk)
    const leaf = await newLeaf()
    await rig.add('add-chain', leaf, intermediate)
    disk.rows = disk.rows.map(row => ({ ...row, extra: encodeUtf8('spoiled') }))
    unplug(disk)
    const again = await openRig({}, disk)
    const response = await again.add('add-chain', leaf, intermediate)
    assert.deepEqual([response.status, await response.text()], [500, 'the log has failed\n'])
  })
})

test('every answer is counted, by labels that clients cannot make', async () => {
  const counted: unknown[] = []
  const rig = await openRig({ events: { ...noEvents, count: (...args) => counted.push(args) } })
  const leaf = await newLeaf()
  await rig.add('add-chain', leaf, intermediate)
  await rig.add('add-chain', leaf, intermediate)
  await rig.get('checkpoint')
  await rig.get('tile/0/000.p/9')
  await rig.get('anything')
  assert.deepEqual(counted, [
    ['ct_log_submissions_total', { kind: 'certificate', known: 'false' }],
    ['ct_log_http_requests_total', { endpoint: 'add-chain', code: '200' }],
    ['ct_log_submissions_total', { kind: 'certificate', known: 'true' }],
    ['ct_log_http_requests_total', { endpoint: 'add-chain', code: '200' }],
    ['ct_log_http_requests_total', { endpoint: 'checkpoint', code: '200' }],
    ['ct_log_http_requests_total', { endpoint: 'tile', code: '404' }],
    ['ct_log_http_requests_total', { endpoint: 'other', code: '404' }],
  ])
})
