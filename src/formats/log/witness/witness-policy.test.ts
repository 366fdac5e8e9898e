import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../../codec/base64.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { testLogSigners } from '../../../testing/sigstore/transparency-log.ts'
import { cosignerKeyId, noteKeyId } from '../note-key.ts'
import { encodeWitnessKey, parseWitnessKey } from './witness-key.ts'
import { isQuorum, parseWitnessPolicy, witnessesOf } from './witness-policy.ts'

const keyOf = (seed: number, name = `w${seed}.example`) => encodeWitnessKey({ name, key: testLogSigners.ed25519(seed).publicKey })
const line = (seed: number) => `witness w${seed} ${keyOf(seed)} https://w${seed}.example/api`
const three = [line(1), line(2), line(3)].join('\n')

for (const { name, text, enough, short } of [
  { name: 'one witness', text: `${line(1)}\nquorum w1\n`, enough: ['w1'], short: '' },
  { name: 'all', text: `${three}\ngroup g all w1 w2 w3\nquorum g`, enough: ['w1 w2 w3'], short: 'w1 w2' },
  { name: 'any', text: `${three}\ngroup g any w1 w2 w3\nquorum g`, enough: ['w1', 'w3'], short: '' },
  { name: 'two of three', text: `${three}\ngroup g 2 w1 w2 w3\nquorum g`, enough: ['w1 w2', 'w2 w3', 'w1 w2 w3'], short: 'w3' },
  {
    name: 'groups of groups',
    text: `${three}\n${line(4)}\ngroup a any w1 w2\ngroup b any w3 w4\ngroup g all a b\nquorum g\n`,
    enough: ['w1 w3', 'w2 w4'],
    short: 'w1 w2',
  },
  {
    name: 'comments, tabs, line ends of Windows, and logs, whatever they say',
    text: `# who\nlog\nlog x y z\n\n \t${line(1).replaceAll(' ', '\t')} # own\r\nquorum w1\r\n`,
    enough: ['w1'],
    short: '',
  },
])
  test(`parseWitnessPolicy: ${name}`, () => {
    const quorum = parseWitnessPolicy(text, 'policy').quorum!
    const holds = (ids: string) => isQuorum(quorum, ({ id }) => ids.split(' ').includes(id))
    for (const ids of enough) assert.equal(holds(ids), true, ids)
    assert.equal(holds(short), false, short)
  })

test('parseWitnessPolicy: no quorum is asked of nobody', () => {
  assert.deepEqual(parseWitnessPolicy(`${three}\nquorum none\n`, 'policy'), { quorum: undefined })
})

test('parseWitnessPolicy: those who cannot count are not asked', () => {
  const { quorum } = parseWitnessPolicy(`${three}\ngroup g any w3 w1\nquorum g`, 'policy')
  assert.deepEqual(
    witnessesOf(quorum!).map(({ id, url }) => `${id} ${url.href}`),
    ['w3 https://w3.example/api', 'w1 https://w1.example/api'],
  )
})

for (const { name, text, error, code = 'CONFIGURATION_MALFORMED' } of [
  { name: 'nothing', text: '', error: /^policy: want a line that says what quorum is, got none$/ },
  { name: 'an unknown word', text: 'witnesses w1', error: /^policy: line 1: want log, witness, group or quorum, got "witnesses"$/ },
  { name: 'a witness without URL', text: `\nwitness w1 ${keyOf(1)}`, error: /^policy: line 2: want witness NAME KEY URL$/ },
  { name: 'a witness with more', text: `${line(1)} more`, error: /want witness NAME KEY URL/ },
  { name: 'another scheme', text: `witness w1 ${keyOf(1)} ftp://w1.example`, error: /want an http or https URL/ },
  {
    name: 'credentials in the URL',
    text: `witness w1 ${keyOf(1)} https://u:p@w1.example`,
    error: /without credentials, query and fragment/,
  },
  { name: 'a query', text: `witness w1 ${keyOf(1)} https://w1.example?a`, error: /without credentials, query and fragment/ },
  { name: 'no URL', text: `witness w1 ${keyOf(1)} w1.example`, error: /want an http or https URL .*, got "w1\.example"/ },
  {
    name: 'two names with one URL',
    text: `${line(1)}\nwitness w2 ${keyOf(2)} https://W1.example/api/`,
    error: /^policy: line 2: witness "w2": want a URL of its own, got that of "w1"$/,
  },
  {
    name: 'two names with one key',
    text: `${line(1)}\nwitness w2 ${keyOf(1, 'w2.example')} https://w2.example`,
    error: /witness "w2": want a key of its own, got that of "w1"/,
  },
  { name: 'a name twice', text: `${line(1)}\nwitness w1 ${keyOf(2)} https://w2.example`, error: /want each name once, got "w1" again/ },
  { name: 'a group by the name of a witness', text: `${line(1)}\ngroup w1 any w1`, error: /want each name once, got "w1" again/ },
  { name: 'a witness called none', text: `witness none ${keyOf(1)} https://w1.example`, error: /want another name than "none"/ },
  { name: 'an empty group', text: 'group g any', error: /want group NAME all\|any\|N NAME/ },
  { name: 'an unknown member', text: `${line(1)}\ngroup g any w2`, error: /want a witness or group above, got "w2"/ },
  { name: 'a member twice', text: `${line(1)}\ngroup g 2 w1 w1`, error: /group "g": want each member once/ },
  {
    name: 'a member of two groups',
    text: `${three}\ngroup a any w1 w2\ngroup b any w2 w3`,
    error: /group "b": "w2" is a member of "a" already/,
  },
  { name: 'none of a group', text: `${line(1)}\ngroup g 0 w1`, error: /group "g": want all, any or 1 to 1, got "0"/ },
  { name: 'more than a group has', text: `${line(1)}\ngroup g 2 w1`, error: /want all, any or 1 to 1, got "2"/ },
  { name: 'a half', text: `${line(1)}\ngroup g 1.0 w1`, error: /want all, any or 1 to 1, got "1\.0"/ },
  { name: 'two quorums', text: `${line(1)}\nquorum w1\nquorum none`, error: /^policy: line 3: want one quorum, got a second$/ },
  { name: 'a quorum of nobody known', text: 'quorum w1', error: /want a witness or group above, got "w1"/ },
  { name: 'a quorum of two names', text: `${three}\nquorum w1 w2`, error: /want quorum NAME or quorum none/ },
  {
    name: 'too many witnesses',
    text: `${Array.from({ length: 17 }, (_, at) => line(at + 1)).join('\n')}\ngroup g all ${Array.from({ length: 17 }, (_, at) => `w${at + 1}`).join(' ')}\nquorum g`,
    code: 'LIMIT_EXCEEDED',
    error: /want a quorum of at most 16 witnesses, got 17/,
  },
  { name: 'too long a file', text: '#'.repeat(65_537), code: 'LIMIT_EXCEEDED', error: /want at most 65536 characters, got 65537/ },
  {
    name: 'a bad key',
    text: 'witness w1 key https://w1.example',
    code: 'KEY_MALFORMED',
    error: /^policy: line 1: witness "w1": want a name, 8 hex/,
  },
])
  test(`parseWitnessPolicy refuses ${name}`, () => assert.throws(() => parseWitnessPolicy(text, 'policy'), { code, message: error }))

const { publicKey: key } = testLogSigners.ed25519(7)
const witness = { name: 'witness.example/w1', key }
const octets = key.spki.subarray(-32)
const typed = (type: number) => encodeBase64(Uint8Array.of(type, ...octets))
const hint = encodeHex(cosignerKeyId(witness.name, key).subarray(0, 4))

test('parseWitnessKey: what was written is read', () => {
  assert.equal(encodeWitnessKey(witness), `${witness.name}+${hint}+${typed(4)}`)
  assert.deepEqual(parseWitnessKey(encodeWitnessKey(witness), 'key'), witness)
})

test('parseWitnessKey: no character can be another', () => {
  const text = encodeWitnessKey(witness)
  for (let at = 0; at < text.length; at++) {
    const other = `${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`
    assert.throws(() => parseWitnessKey(other, 'key'), { name: 'CountersignError' }, other)
  }
})

for (const { name, text, code = 'KEY_MALFORMED', error } of [
  { name: 'no parts', text: 'witness', error: /^key: want a name, 8 hex digits and base64 with plus signs between, got "witness"$/ },
  { name: 'white space in the name', text: `a b+${hint}+${typed(4)}`, error: /want a name, 8 hex digits and base64/ },
  { name: 'upper case in the hint', text: `a+${hint.toUpperCase()}X+${typed(4)}`, error: /want a name, 8 hex digits/ },
  {
    name: 'another name',
    text: `witness.example/w2+${hint}+${typed(4)}`,
    error: /want key hint [0-9a-f]{8}, got [0-9a-f]{8}: it is of another name or key/,
  },
  {
    name: 'a key that signs notes, and no cosignatures',
    text: `${witness.name}+${encodeHex(noteKeyId(witness.name, key).subarray(0, 4))}+${typed(1)}`,
    code: 'KEY_UNSUPPORTED',
    error: /want signature type 04, an Ed25519 cosignature, got 01/,
  },
  { name: 'ML-DSA-44', text: `${witness.name}+${hint}+${typed(6)}`, code: 'KEY_UNSUPPORTED', error: /ML-DSA-44 are not verified/ },
  { name: 'a byte too many', text: `${witness.name}+${hint}+${encodeBase64(Uint8Array.of(4, ...octets, 0))}`, error: /got 34 bytes/ },
  { name: 'no base64', text: `${witness.name}+${hint}+====`, error: /want padded base64/ },
  {
    name: 'a point of small order',
    text: `${witness.name}+${hint}+${encodeBase64(Uint8Array.of(4, 1, ...new Uint8Array(31)))}`,
    error: /^key: key of "witness\.example\/w1": /,
  },
])
  test(`parseWitnessKey refuses ${name}`, () => assert.throws(() => parseWitnessKey(text, 'key'), { code, message: error }))
