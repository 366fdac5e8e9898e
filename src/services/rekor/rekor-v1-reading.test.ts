import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeHex } from '../../codec/hex.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { isRekorV1Origin } from '../../formats/log/checkpoint.ts'
import { parseLogAnswer } from '../../formats/log/log-answer.ts'
import { verifyLogEntry } from '../../formats/log/verify-log-entry.ts'
import {
  type Answer,
  base64Text,
  changed,
  content,
  dsse,
  envelope,
  hashedRekord,
  logKeyOf,
  p256,
  entriesPath as path,
  statement,
  stranger,
  textOf,
  treeHex,
  upload,
} from '../../testing/rekor/proposals.ts'
import { certificateOf, clientKey, openRekorV1, type RekorRig, signContent, testTreeId } from '../../testing/rekor/rekor-rig.ts'

let rekor: RekorRig
before(async () => {
  rekor = await openRekorV1({ keepAttestations: true })
})
after(() => rekor.close())

function parseLogAnswerOf(bytes: Uint8Array) {
  return parseLogAnswer(bytes, 'answer')
}

describe('rekor v1: reading', () => {
  let ids: string[]
  let read: RekorRig
  before(async () => {
    read = await openRekorV1()
    ids = []
    for (let at = 0; at < 3; at++) ids.push((await upload(read, hashedRekord(p256, 'sha256', signContent(p256, encodeUtf8(`${at}`))))).id)
  })
  after(() => read.close())

  test('by index, by id and by leaf hash, in either case', async () => {
    for (const address of [`${path}?logIndex=1`, `${path}/${ids[1]}`, `${path}/${ids[1]!.slice(16)}`, `${path}/${ids[1]!.toUpperCase()}`]) {
      const response = await read.get(address)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('cache-control'), 'no-cache')
      const [entry] = parseLogAnswerOf(await response.bytes())
      assert.equal(entry!.logIndex, 1n)
      await verifyLogEntry(entry!, logKeyOf(read))
    }
  })

  for (const [name, address, status] of [
    ['an index that is not there', `${path}?logIndex=3`, 404],
    ['an index below zero', `${path}?logIndex=-1`, 400],
    ['no index', path, 400],
    ['an id that is not there', `${path}/${treeHex}${'ab'.repeat(32)}`, 404],
    ['a leaf that is not there', `${path}/${'ab'.repeat(32)}`, 404],
    ['another tree', `${path}/${'00'.repeat(7)}07${'ab'.repeat(32)}`, 404],
    ['an id too short', `${path}/abc`, 400],
    ['an id that is not hex', `${path}/${'x'.repeat(64)}`, 400],
    ['another address', '/api/v1/other', 404],
    ['a time-stamp, which is of the authority', '/api/v1/timestamp', 404],
    ['a method', '/api/v1/index/retrieve', 405],
    ['a proof of a tree to come', '/api/v1/log/proof?lastSize=4', 400],
    ['a proof the wrong way', '/api/v1/log/proof?firstSize=3&lastSize=2', 400],
    ['a proof of nothing', '/api/v1/log/proof', 400],
    ['a proof from nothing', '/api/v1/log/proof?firstSize=0&lastSize=2', 400],
    ['a proof of another tree', '/api/v1/log/proof?lastSize=2&treeID=7', 400],
    ['the key of another tree', '/api/v1/log/publicKey?treeID=7', 400],
  ] as const)
    test(name, async () => {
      const response = await read.get(address)
      assert.equal(response.status, status)
      if (status === 404 && address.startsWith(path)) assert.equal(await response.text(), '')
      else assert.ok((await textOf(response)).length > 0)
      if (status === 405) assert.equal(response.headers.get('allow'), 'POST')
    })

  test('texts of proofs that cannot be', async () => {
    assert.equal(await textOf(await read.get('/api/v1/log/proof?firstSize=3&lastSize=2')), 'firstSize(3) must be less than lastSize(2)')
    assert.equal(
      await textOf(await read.get('/api/v1/log/proof?lastSize=4')),
      'the tree size requested(4) was greater than what is currently observable(3)',
    )
  })

  test('log, proof, key and ping', async () => {
    const info = (await (await read.get('/api/v1/log')).json()) as Record<string, unknown>
    const { root, note } = read.log.head()
    assert.deepEqual(info, { rootHash: encodeHex(root), treeSize: 3, signedTreeHead: note, treeID: String(testTreeId), inactiveShards: [] })
    assert.ok(isRekorV1Origin(note.split('\n')[0]!))
    const hint = Buffer.from(note.trimEnd().split(' ').at(-1)!, 'base64').subarray(0, 4)
    assert.deepEqual(Uint8Array.from(hint), read.signer.publicKey.id.slice(0, 4))
    const proof = (await (await read.get('/api/v1/log/proof?firstSize=1&lastSize=2')).json()) as { rootHash: string; hashes: string[] }
    assert.equal(proof.rootHash, encodeHex(root), 'the latest root, not that of lastSize')
    assert.equal(proof.hashes.length, 1)
    const key = await read.get(`/api/v1/log/publicKey?treeID=${testTreeId}`)
    assert.equal(key.headers.get('content-type'), 'application/x-pem-file')
    assert.equal(await key.text(), encodePem('PUBLIC KEY', read.signer.publicKey.spki))
    assert.equal(await (await read.get('/ping')).text(), '.')
  })

  const retrieve = '/api/v1/log/entries/retrieve'
  for (const { name, query, status = 200, count = 0 } of [
    {
      name: 'by id and by leaf hash',
      query: () => ({ entryUUIDs: [ids[0], ids[1]!.slice(16)], logIndexes: null, entries: null }),
      count: 2,
    },
    { name: 'by index', query: () => ({ entryUUIDs: null, logIndexes: [0, 2, 9] }), count: 2 },
    { name: 'by proposal', query: () => ({ entries: [] as unknown[] }), count: 0 },
    { name: 'ids that are not there are dropped', query: () => ({ entryUUIDs: [`${treeHex}${'ab'.repeat(32)}`, ids[0]] }), count: 1 },
    { name: 'another tree is dropped', query: () => ({ entryUUIDs: [`${'00'.repeat(7)}07${'ab'.repeat(32)}`] }) },
    { name: 'ten', query: () => ({ logIndexes: Array(10).fill(0) }), count: 10 },
    { name: 'eleven', query: () => ({ logIndexes: Array(11).fill(0) }), status: 422 },
    { name: 'eleven in all', query: () => ({ logIndexes: Array(6).fill(0), entryUUIDs: Array(5).fill(ids[0]) }), status: 422 },
    { name: 'no id', query: () => ({ entryUUIDs: ['x'] }), status: 400 },
    { name: 'no index', query: () => ({ logIndexes: ['1'] }), status: 400 },
    { name: 'an unknown member', query: () => ({ indexes: [1] }), status: 400 },
  ])
    test(`retrieve: ${name}`, async () => {
      const response = await read.post(retrieve, query())
      assert.equal(response.status, status)
      if (status !== 200) {
        const text = await textOf(response)
        if (status === 422) assert.equal(text, 'more than max allowed 10 entries in request')
      } else assert.equal(((await response.json()) as unknown[]).length, count)
    })

  test('retrieve: a proposal that is there', async () => {
    const proposal = hashedRekord(clientKey('P-256'))
    const { id } = await upload(rekor, proposal)
    const found = (await (await rekor.post(retrieve, { entries: [proposal] })).json()) as Answer[]
    assert.deepEqual(
      found.map(answer => Object.keys(answer)),
      [[id]],
    )
    assert.equal(
      (
        await rekor.post(retrieve, {
          entries: [
            changed(spec => {
              spec.data.hash.value = 'ab'.repeat(32)
            }),
          ],
        })
      ).status,
      400,
    )
  })
})

describe('rekor v1: search', () => {
  let searched: RekorRig
  let byKey: string
  let byCertificate: string
  let byEnvelope: string
  before(async () => {
    searched = await openRekorV1()
    byKey = (await upload(searched, hashedRekord(p256))).id
    const pem = encodePem('CERTIFICATE', await certificateOf(stranger, 'Dev@Example.com'))
    byCertificate = (await upload(searched, hashedRekord(stranger, 'sha256', signContent(stranger, content), pem))).id
    byEnvelope = (await upload(searched, dsse(envelope(p256), p256.pem))).id
  })
  after(() => searched.close())

  const digest = encodeHex(sha256(content))
  for (const { name, query, ids } of [
    { name: 'an artifact by its digest', query: { hash: `sha256:${digest}` }, ids: () => [byKey, byCertificate] },
    { name: 'the same without its algorithm', query: { hash: digest }, ids: () => [byKey, byCertificate] },
    {
      name: 'a key, of artifacts and of envelopes',
      query: { publicKey: { format: 'x509', content: base64Text(p256.pem) } },
      ids: () => [byKey, byEnvelope],
    },
    { name: 'an address, in whatever case', query: { email: 'DEV@example.com' }, ids: () => [byCertificate] },
    { name: 'a subject', query: { subject: 'dev@example.com' }, ids: () => [byCertificate] },
    { name: 'a subject of a statement', query: { hash: 'aa'.repeat(32) }, ids: () => [byEnvelope] },
    { name: 'a material of a statement', query: { hash: `sha1:${'bb'.repeat(20)}` }, ids: () => [byEnvelope] },
    { name: 'a payload', query: { hash: encodeHex(sha256(encodeUtf8(statement))) }, ids: () => [byEnvelope] },
    { name: 'either', query: { email: 'dev@example.com', hash: 'aa'.repeat(32), operator: 'or' }, ids: () => [byCertificate, byEnvelope] },
    { name: 'both', query: { email: 'dev@example.com', hash: digest, operator: 'and' }, ids: () => [byCertificate] },
    { name: 'both, of which there is none', query: { email: 'dev@example.com', hash: 'aa'.repeat(32), operator: 'and' }, ids: () => [] },
    { name: 'nothing', query: { hash: '', publicKey: null }, ids: () => [] },
    { name: 'what is not there', query: { email: 'nobody@example.com' }, ids: () => [] },
  ])
    test(name, async () => {
      const response = await searched.post('/api/v1/index/retrieve', query)
      assert.equal(response.status, 200)
      assert.deepEqual(await response.json(), ids())
    })

  for (const { name, query, error } of [
    { name: 'a digest of no length', query: { hash: 'abc' }, error: /query.hash: want a digest in hex/ },
    { name: 'a digest of another length than its algorithm', query: { hash: `sha1:${digest}` }, error: /query.hash/ },
    {
      name: 'a key of another format',
      query: { publicKey: { format: 'pgp', content: '' } },
      error: /^the PKI format requested is not supported by this server$/,
    },
    { name: 'no key', query: { publicKey: { format: 'x509', content: 'eA==' } }, error: /^public key provided could not be parsed$/ },
    {
      name: 'a key to be fetched, GHSA-4c4x-jm2x-pf9j',
      query: { publicKey: { format: 'x509', url: 'http://127.0.0.1/key' } },
      error: /unknown member "url"/,
    },
    { name: 'another operator', query: { operator: 'xor' }, error: /want "or" or "and", got "xor"/ },
    { name: 'an unknown member', query: { issuer: 'x' }, error: /unknown member "issuer"/ },
  ])
    test(`refused: ${name}`, async () => {
      const response = await searched.post('/api/v1/index/retrieve', query)
      assert.equal(response.status, 400)
      assert.match(await textOf(response), error)
    })

  test('501 where it is switched off', async () => {
    const silent = await openRekorV1({ search: false })
    const response = await silent.post('/api/v1/index/retrieve', { email: 'dev@example.com' })
    assert.deepEqual([response.status, await textOf(response)], [501, 'Search Index API not enabled in this Rekor instance'])
    await silent.close()
  })
})
