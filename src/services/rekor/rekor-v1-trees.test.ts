import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodePem } from '../../codec/pem.ts'
import { sha256 } from '../../crypto/digest.ts'
import { parseLogAnswer } from '../../formats/log/log-answer.ts'
import { emptyRoot } from '../../formats/log/merkle.ts'
import { verifyLogEntry } from '../../formats/log/verify-log-entry.ts'
import {
  content,
  dsse,
  envelope,
  hashedRekord,
  logKeyOf,
  p256,
  entriesPath as path,
  stranger,
  textOf,
  upload,
} from '../../testing/rekor/proposals.ts'
import { openRekorV1, type RekorRig } from '../../testing/rekor/rekor-rig.ts'
import { testLogSigners } from '../../testing/sigstore/transparency-log.ts'

let rekor: RekorRig
before(async () => {
  rekor = await openRekorV1({ keepAttestations: true })
})
after(() => rekor.close())

function parseLogAnswerOf(bytes: Uint8Array) {
  return parseLogAnswer(bytes, 'answer')
}

describe('rekor v1: trees, failures, metrics', () => {
  test('entries of trees that have ended keep their places, and new ones are counted on', async () => {
    const old = await openRekorV1({ treeId: 7n })
    const first = await upload(old, hashedRekord(p256))
    await upload(old, hashedRekord(stranger))
    const empty = await openRekorV1({ treeId: 8n })
    const trees = [old, empty].map((rig, at) => ({ treeId: BigInt(7 + at), publicKey: rig.signer.publicKey, log: rig.log }))
    const current = await openRekorV1({ earlierTrees: trees, signer: testLogSigners.ecdsaStranger() })
    const next = await upload(current, dsse(envelope(p256), p256.pem))
    assert.equal(next.answer.logIndex, 2)
    const [entry] = parseLogAnswerOf(await (await current.get(`${path}?logIndex=2`)).bytes())
    assert.deepEqual([entry!.logIndex, entry!.inclusionProof!.logIndex], [2n, 0n])
    await verifyLogEntry(entry!, logKeyOf(current))
    for (const address of [`${path}?logIndex=0`, `${path}/${first.id}`, `${path}/${first.id.slice(16)}`]) {
      const [earlier] = parseLogAnswerOf(await (await current.get(address)).bytes())
      assert.equal(earlier!.inclusionProof!.checkpoint, old.log.head().note)
      await verifyLogEntry(earlier!, logKeyOf(old))
    }
    const info = (await (await current.get('/api/v1/log')).json()) as { inactiveShards: { treeID: string; treeSize: number }[] }
    assert.deepEqual(
      info.inactiveShards.map(({ treeID, treeSize }) => [treeID, treeSize]),
      [
        ['7', 2],
        ['8', 0],
      ],
    )
    assert.equal(await (await current.get('/api/v1/log/publicKey?treeID=7')).text(), encodePem('PUBLIC KEY', old.signer.publicKey.spki))
    assert.equal((await current.get('/api/v1/log/proof?lastSize=2&treeID=7')).status, 200)
    const found = await (await current.post('/api/v1/index/retrieve', { hash: encodeHex(sha256(content)) })).json()
    assert.equal((found as string[])[0], first.id)
    await Promise.all([old, empty, current].map(rig => rig.close()))
  })

  test('an empty log', async () => {
    const empty = await openRekorV1()
    const info = (await (await empty.get('/api/v1/log')).json()) as { treeSize: number; rootHash: string }
    assert.deepEqual([info.treeSize, info.rootHash], [0, encodeHex(emptyRoot)])
    await empty.close()
  })

  for (const { name, cause, status, message } of [
    {
      name: 'too many wait',
      cause: new CountersignError('LOG_OVERLOADED', 'full'),
      status: 503,
      message: /^unexpected error communicating with transparency log/,
    },
    {
      name: 'the store is away',
      cause: new CountersignError('STORE_UNAVAILABLE', 'no space left'),
      status: 503,
      message: /^unexpected error communicating with transparency log$/,
    },
    {
      name: 'the log contradicts itself',
      cause: new CountersignError('STORE_CORRUPT', 'no'),
      status: 500,
      message: /^unexpected error communicating/,
    },
  ])
    test(name, async () => {
      const broken = await openRekorV1({ log: { ...rekor.log, append: () => Promise.reject(cause) } })
      const response = await broken.post(path, hashedRekord(p256))
      assert.equal(response.status, status)
      assert.match(await textOf(response), message)
      if (status === 500) assert.equal(broken.counted.get('rekor_inclusion_proof_failure_total'), 1)
      await broken.close()
    })

  test('504 where it takes too long', async () => {
    const slow = await openRekorV1({ log: { ...rekor.log, append: () => new Promise<never>(() => {}) }, limits: { timeoutMs: 1 } })
    assert.equal((await slow.post(path, hashedRekord(p256))).status, 504)
    await slow.close()
  })

  test('what it counts has labels of its own alone', async () => {
    const rig = await openRekorV1()
    await rig.post(path, hashedRekord(p256))
    await rig.get(`${path}/${'ab'.repeat(32)}`)
    await rig.get('/api/v1/__proto__')
    await rig.get('/constructor')
    await rig.post('/ping', '', { method: 'PURGE' })
    assert.deepEqual([...rig.counted].sort(), [
      ['rekor_new_entries', 1],
      ['rekor_qps_by_api path=/api/v1/log/entries method=post code=201', 1],
      ['rekor_qps_by_api path=/api/v1/log/entries/{entryUUID} method=get code=404', 1],
      ['rekor_qps_by_api path=/ping method=other code=405', 1],
      ['rekor_qps_by_api path=other method=get code=404', 2],
    ])
    await rig.close()
  })
})
