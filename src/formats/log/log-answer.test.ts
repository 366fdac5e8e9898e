import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeGoJson } from '../../codec/go-json.ts'
import type { Json, JsonObject } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { testTransparencyLog } from '../../testing/sigstore/transparency-log.ts'
import { teamKey } from '../../testing/test-keys.ts'
import { logAnswerJson, parseLogAnswer } from './log-answer.ts'
import { logBundleOfEntry, logEntryOfBundle } from './log-bundle.ts'
import { verifyLogEntry } from './verify-log-entry.ts'

const now = () => new Date('2026-03-01T12:00:00Z')
const { publicKey, sign } = teamKey.signer()
const artifact = encodeUtf8('artifact')
const submission = {
  signature: await sign(artifact),
  signer: { kind: 'key', key: publicKey },
  content: { kind: 'message', message: messageOfBytes(artifact) },
} as const
const log = testTransparencyLog({ rekor: 'v1', now })
const entry = await log.add(submission)
const answer = JSON.parse(serializeGoJson(logAnswerJson(log.treeId, entry))) as { readonly [id: string]: JsonObject }
const [[id, value]] = Object.entries(answer) as [[string, JsonObject]]
const verification = value['verification'] as JsonObject
const proof = verification['inclusionProof'] as JsonObject

const parse = (json: Json) => parseLogAnswer(encodeUtf8(JSON.stringify(json)), 'answer')

for (const { name, json, count = 1 } of [
  { name: 'of an upload', json: answer },
  { name: 'of a search', json: [answer, { [id.slice(16)]: value }], count: 2 },
  { name: 'with the attestation that was kept', json: { [id]: { ...value, attestation: { data: 'e30=' } } } },
  { name: 'of a search that finds nothing', json: [], count: 0 },
])
  test(`parseLogAnswer: an answer ${name}`, async () => {
    const entries = parse(json)
    assert.deepEqual(entries, Array(count).fill(entry))
    for (const found of entries) await verifyLogEntry(found, log.logKey)
  })

test('parseLogAnswer: an old answer has no proof', () => {
  const { inclusionProof: _, ...promise } = verification
  assert.deepEqual(parse({ [id]: { ...value, verification: promise } }), [{ ...entry, inclusionProof: undefined }])
})

const editProof = (edit: JsonObject) => ({ [id]: { ...value, verification: { ...verification, inclusionProof: { ...proof, ...edit } } } })
for (const { name, json, code, error } of [
  { name: 'text', json: 'x', error: /^answer: want an object/ },
  { name: 'an id that is none', json: { [`x${id.slice(1)}`]: value }, error: /^answer: entry "x.*": is not the id of its body$/ },
  { name: "another body's id", json: { [`${id.slice(0, -64)}${'0'.repeat(64)}`]: value }, error: /is not the id of its body/ },
  { name: 'a member unknown', json: { [id]: { ...value, more: 1 } }, error: /unknown member "more"/ },
  { name: 'an index as text', json: { [id]: { ...value, logIndex: '1' } }, error: /\.logIndex: want a whole number/ },
  { name: 'a root that is too short', json: editProof({ rootHash: '00' }), error: /rootHash: want 64 hex digits, got "00"/ },
  { name: 'a hash in capitals', json: editProof({ hashes: ['AB'.repeat(32)] }), error: /hashes\[0\]: want 64 hex digits/ },
  { name: 'a proof without checkpoint', json: editProof({ checkpoint: null }), error: /checkpoint: want a string/ },
  {
    name: '64 hashes',
    json: editProof({ hashes: Array(64).fill('ab'.repeat(32)) }),
    code: 'LIMIT_EXCEEDED',
    error: /want at most 63 items/,
  },
  { name: 'eleven entries', json: Array(11).fill(answer), code: 'LIMIT_EXCEEDED', error: /want at most 10 items, got 11/ },
  {
    name: 'eleven entries in one',
    json: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`${n}`, value])),
    code: 'LIMIT_EXCEEDED',
    error: /want at most 10 entries, got 11/,
  },
])
  test(`parseLogAnswer refuses ${name}`, () => {
    assert.throws(() => parse(json as Json), { code: code ?? 'LOG_ENTRY_MALFORMED', message: error })
  })

test('logEntryOfBundle: what the older layout keeps of an entry verifies by its promise', async () => {
  const kept = logEntryOfBundle(logBundleOfEntry(entry))
  assert.deepEqual(kept, { ...entry, inclusionProof: undefined })
  const { integratedTime } = await verifyLogEntry(kept, log.logKey)
  assert.equal(integratedTime?.toISOString(), now().toISOString())
})

test('logEntryOfBundle refuses a body that does not say its kind', () => {
  const bundle = { ...logBundleOfEntry(entry), body: encodeUtf8('{}') }
  assert.throws(() => logEntryOfBundle(bundle), { code: 'LOG_ENTRY_MALFORMED', message: /body: kind: want a string/ })
})

for (const { name, edit, error } of [
  { name: 'no promise', edit: { inclusionPromise: undefined }, error: /want a signed entry timestamp for the older layout, got none/ },
  { name: 'no time', edit: { integratedTime: undefined }, error: /want a signed entry timestamp/ },
  {
    name: 'an index that JSON cannot hold',
    edit: { logIndex: 1n << 53n },
    error: /logIndex 9007199254740992 is no number that JSON holds exactly/,
  },
])
  test(`logBundleOfEntry refuses an entry with ${name}`, () => {
    assert.throws(() => logBundleOfEntry({ ...entry, ...edit }), { code: 'CONVERSION_IMPOSSIBLE', message: error })
  })

test('logAnswerJson refuses an entry without a checkpoint', () => {
  const { inclusionProof: _, ...promised } = entry
  assert.throws(() => logAnswerJson(1n, { ...promised, inclusionProof: undefined }), {
    code: 'CONVERSION_IMPOSSIBLE',
    message: /want a proof with a checkpoint/,
  })
})
