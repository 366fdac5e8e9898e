import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import type { Sha256 } from '../crypto/digest.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { InclusionProof, LogEntry } from '../formats/log/log-entry.ts'
import { testTransparencyLog } from '../testing/sigstore/transparency-log.ts'
import { teamKey } from '../testing/test-keys.ts'
import { checkProven, withProofOf } from './bundle-proof.ts'

const blob = encodeUtf8('countersign\n')
const { sign, publicKey: key } = teamKey.signer()
const log = testTransparencyLog({ rekor: 'v1', now: () => new Date('2025-06-01T12:00:00Z') })
const entry = await log.add({
  signature: await sign(blob),
  signer: { kind: 'key', key },
  content: { kind: 'message', message: messageOfBytes(blob) },
})
const proof = entry.inclusionProof!
const promised: LogEntry = { ...entry, inclusionProof: undefined }
const withProof = (edit: Partial<InclusionProof>): LogEntry => ({ ...entry, inclusionProof: { ...proof, ...edit } })

test('an entry takes over the proof that its log gives, and nothing else', () => {
  checkProven(entry)
  assert.deepEqual(withProofOf(promised, { ...entry, integratedTime: 1n, inclusionPromise: undefined }), entry)
})

for (const { name, proven, code, message } of [
  { name: 'no proof', proven: promised, code: 'CONVERSION_IMPOSSIBLE', message: /came without an inclusion proof with a checkpoint/ },
  { name: 'no checkpoint', proven: withProof({ checkpoint: undefined }), code: 'CONVERSION_IMPOSSIBLE', message: /came without/ },
  { name: 'no note', proven: withProof({ checkpoint: '' }), code: 'CHECKPOINT_MALFORMED', message: /signed note/ },
  {
    name: 'another size',
    proven: withProof({ treeSize: 7n }),
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /is of a tree of 7, its checkpoint of/,
  },
  { name: 'an index outside the tree', proven: withProof({ logIndex: 9n }), code: 'TLOG_INCLUSION_MISMATCH', message: /outside the tree/ },
  {
    name: 'another index',
    proven: { ...entry, logIndex: 1n },
    code: 'TLOG_ENTRY_MISMATCH',
    message: /the log that was asked is another one/,
  },
  { name: 'another log', proven: { ...entry, logId: blob }, code: 'TLOG_ENTRY_MISMATCH', message: /the log that was asked is another one/ },
  {
    name: 'another body',
    proven: { ...entry, canonicalizedBody: blob },
    code: 'TLOG_ENTRY_MISMATCH',
    message: /has another entry at that index/,
  },
] as const)
  test(`withProofOf refuses an answer with ${name}`, () => {
    assert.throws(() => withProofOf(promised, proven), { code, message })
  })

test('no bit of a proof can change', () => {
  const flip = (hash: Sha256, bit: number) => hash.with(bit >> 3, hash[bit >> 3]! ^ (1 << (bit & 7))) as Sha256
  const refused = (edit: Partial<InclusionProof>, what: string) =>
    assert.throws(() => checkProven(withProof(edit)), { code: 'TLOG_INCLUSION_MISMATCH' }, what)
  for (let bit = 0; bit < 256; bit++) {
    refused({ rootHash: flip(proof.rootHash, bit) }, `root, bit ${bit}`)
    for (const [index, hash] of proof.hashes.entries())
      refused({ hashes: proof.hashes.with(index, flip(hash, bit)) }, `hash ${index}, bit ${bit}`)
  }
})
