import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { Submission } from '../../testing/sigstore/submission.ts'
import { type LogFlaw, type TestLogOptions, testLogSigners, testTransparencyLog } from '../../testing/sigstore/transparency-log.ts'
import { teamKey } from '../../testing/test-keys.ts'
import { verifyCosignature } from './cosignature.ts'
import { parseEntryBody } from './entry-body.ts'
import { checkEntryMatches } from './entry-match.ts'
import { signedEntryBytes, verifySignedEntryTimestamp } from './signed-entry-timestamp.ts'
import { parseSignedNote } from './signed-note.ts'
import { verifyLogEntry } from './verify-log-entry.ts'

const now = () => new Date('2026-03-01T12:00:00.750Z')
const artifact = encodeUtf8('artifact')
const { publicKey, sign } = teamKey.signer()
const submission: Submission = {
  signature: await sign(artifact),
  signer: { kind: 'key', key: publicKey },
  content: { kind: 'message', message: messageOfBytes(artifact) },
}

for (const { name, options } of [
  { name: 'Rekor v1', options: { rekor: 'v1' } },
  { name: 'Rekor v1 with an Ed25519 key', options: { rekor: 'v1', signer: testLogSigners.ed25519() } },
  { name: 'Rekor v1 on another port', options: { rekor: 'v1', host: 'localhost:3000' } },
  { name: 'Rekor v2', options: { rekor: 'v2' } },
  { name: 'Rekor v2 with an ECDSA key', options: { rekor: 'v2', signer: testLogSigners.ecdsa() } },
  { name: 'the first entry of a log', options: { rekor: 'v2', earlierEntries: 0 } },
  { name: 'an entry behind many', options: { rekor: 'v1', earlierEntries: 200 } },
] satisfies { name: string; options: Omit<TestLogOptions, 'now'> }[])
  test(`verifyLogEntry: ${name}`, async () => {
    const log = testTransparencyLog({ now, ...options })
    for (let count = 0; count < 3; count++) {
      const entry = await log.add(submission)
      const { integratedTime, checkpoint } = await verifyLogEntry(entry, log.logKey)
      assert.equal(integratedTime?.toISOString(), options.rekor === 'v1' ? '2026-03-01T12:00:00.000Z' : undefined)
      assert.equal(checkpoint?.size, entry.inclusionProof!.logIndex + 1n)
      checkEntryMatches(parseEntryBody(entry), submission)
    }
  })

test('verifyLogEntry: witnesses beside the log', async () => {
  const witnesses = [1, 2].map(number => ({ name: `witness.example/w${number}`, signer: testLogSigners.ed25519(20 + number) }))
  const log = testTransparencyLog({ rekor: 'v2', now, witnesses })
  const entry = await log.add(submission)
  await verifyLogEntry(entry, log.logKey)
  const note = parseSignedNote(entry.inclusionProof!.checkpoint!)
  for (const { name, signer } of witnesses)
    assert.equal(await verifyCosignature(note, { name, key: signer.publicKey }), BigInt(Math.floor(now().getTime() / 1000)))
})

test('verifyLogEntry: a promise suffices, and so does a proof', async () => {
  const log = testTransparencyLog({ rekor: 'v1', now })
  const promised = await verifyLogEntry(await log.add(submission, 'no proof'), log.logKey)
  assert.equal(promised.checkpoint, undefined)
  assert.ok(promised.integratedTime)
  const proven = await verifyLogEntry(await log.add(submission, 'no promise'), log.logKey)
  assert.ok(proven.checkpoint)
  assert.equal(proven.integratedTime, undefined) // a time without a promise is nobody's word
})

const both = ['v1', 'v2'] as const
const v1 = ['v1'] as const
for (const { flaw, logs = both, code, error } of [
  { flaw: 'neither promise nor proof', code: 'TLOG_INCLUSION_MISMATCH', error: /want a promise or a proof, got neither/ },
  { flaw: 'no proof', logs: ['v2'], code: 'TLOG_INCLUSION_MISMATCH', error: /want a promise or a proof, got neither/ },
  {
    flaw: 'proof without checkpoint',
    code: 'TLOG_INCLUSION_MISMATCH',
    error: /no log vouches for its root: want a checkpoint/,
  },
  { flaw: 'another log id', code: 'TLOG_UNKNOWN', error: /^log entry: is of log [0-9a-f]{64}, not [0-9a-f]{64}$/ },
  { flaw: 'promise by another key', logs: v1, code: 'TLOG_PROMISE_INVALID', error: /the log did not make it: signature: does not verify/ },
  { flaw: 'promise over another body', logs: v1, code: 'TLOG_PROMISE_INVALID', error: /the log did not make it/ },
  { flaw: 'promise at another time', logs: v1, code: 'TLOG_PROMISE_INVALID', error: /the log did not make it/ },
  { flaw: 'promise at another index', logs: v1, code: 'TLOG_PROMISE_INVALID', error: /the log did not make it/ },
  { flaw: 'checkpoint by another key', code: 'CHECKPOINT_INVALID', error: /the log's signature is not over this tree head/ },
  { flaw: 'checkpoint with another hint', code: 'CHECKPOINT_INVALID', error: /want a signature of "log.v[12].example" with key hint/ },
  { flaw: 'checkpoint with another name', code: 'CHECKPOINT_INVALID', error: /want a signature of "log.v[12].example" .* got "other.log/ },
  {
    flaw: 'checkpoint of another origin',
    logs: ['v2'],
    code: 'CHECKPOINT_INVALID',
    error: /origin: want "log.v2.example", the host of the log, got "other.log/,
  },
  { flaw: 'checkpoint that only witnesses signed', code: 'CHECKPOINT_INVALID', error: /want a signature of .* got "witness.example"/ },
  { flaw: 'checkpoint without signatures', code: 'CHECKPOINT_MALFORMED', error: /want at least one signature line, got none/ },
  { flaw: 'checkpoint of another root', code: 'TLOG_INCLUSION_MISMATCH', error: /its root is not the one of the checkpoint/ },
  { flaw: 'checkpoint of another size', code: 'TLOG_INCLUSION_MISMATCH', error: /want the tree of size 7 of the checkpoint, got 6/ },
  { flaw: 'proof of another root', code: 'TLOG_INCLUSION_MISMATCH', error: /leaf 5 does not lead to the root of size 6/ },
  { flaw: 'path too short', code: 'TLOG_INCLUSION_MISMATCH', error: /path of 1 hashes is too short for leaf 5 of size 6/ },
  { flaw: 'path too long', code: 'TLOG_INCLUSION_MISMATCH', error: /path of 3 hashes is too long for leaf 5 of size 6/ },
  { flaw: 'path with a flipped bit', code: 'TLOG_INCLUSION_MISMATCH', error: /leaf 5 does not lead to the root/ },
  { flaw: 'index off by one', logs: v1, code: 'TLOG_INCLUSION_MISMATCH', error: /leaf 4 does not lead to the root/ },
  { flaw: 'index off by one', logs: ['v2'], code: 'TLOG_INCLUSION_MISMATCH', error: /is for index 4, the entry says 5/ },
  { flaw: 'body of another entry', logs: v1, code: 'TLOG_PROMISE_INVALID', error: /the log did not make it/ },
  { flaw: 'body of another entry', logs: ['v2'], code: 'TLOG_INCLUSION_MISMATCH', error: /leaf 5 does not lead to the root/ },
] satisfies { flaw: LogFlaw; logs?: readonly ('v1' | 'v2')[]; code: string; error: RegExp }[])
  for (const rekor of logs)
    test(`verifyLogEntry refuses ${flaw}, Rekor ${rekor}`, async () => {
      const log = testTransparencyLog({ rekor, now })
      await assert.rejects(verifyLogEntry(await log.add(submission, flaw), log.logKey), { code, message: error })
    })

test('verifyLogEntry: an origin of Rekor v1 is not compared with the address', async () => {
  const log = testTransparencyLog({ rekor: 'v1', now })
  await verifyLogEntry(await log.add(submission, 'checkpoint of another origin'), log.logKey) // the key is what is trusted, and it signed the name
})

test('verifyLogEntry refuses an entry of Rekor v2 in a tree of Rekor v1', async () => {
  const log = testTransparencyLog({ rekor: 'v1', now })
  const entry = { ...(await log.add(submission, 'no promise')), version: '0.0.2' }
  await assert.rejects(verifyLogEntry(entry, log.logKey), {
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /of Rekor v2, the checkpoint of a tree of Rekor v1/,
  })
})

test('signedEntryBytes: the form that Rekor signs', () => {
  const entry = {
    canonicalizedBody: encodeUtf8('{}'),
    integratedTime: 1_689_177_396n,
    logId: Uint8Array.of(0xc0, 0xd2),
    logIndex: 27_246_492n,
  }
  assert.equal(
    new TextDecoder().decode(signedEntryBytes(entry)),
    '{"body":"e30=","integratedTime":1689177396,"logID":"c0d2","logIndex":27246492}',
  )
})

for (const { name, edit, error } of [
  { name: 'no promise', edit: { inclusionPromise: undefined }, error: /the entry has none/ },
  { name: 'no time', edit: { integratedTime: undefined }, error: /want the integrated time that it is about, got none/ },
  {
    name: 'a time past every calendar',
    edit: { integratedTime: 8_640_000_000_001n },
    error: /integrated time 8640000000001 is out of range/,
  },
  { name: 'an index that JSON cannot hold', edit: { logIndex: 1n << 53n }, error: /log index 9007199254740992 is out of range/ },
  { name: 'an empty promise', edit: { inclusionPromise: new Uint8Array(0) }, error: /the log did not make it/ },
])
  test(`verifySignedEntryTimestamp refuses ${name}`, async () => {
    const log = testTransparencyLog({ rekor: 'v1', now })
    const entry = { ...(await log.add(submission)), ...edit }
    await assert.rejects(verifySignedEntryTimestamp(entry, log.logKey), { code: 'TLOG_PROMISE_INVALID', message: error })
  })
