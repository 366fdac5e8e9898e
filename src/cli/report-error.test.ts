import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { CommandFailure, Interrupted } from './exit-code.ts'
import { failureDocument, failureLine, failureText } from './report-error.ts'

const refused = new CountersignError('PASSPHRASE_WRONG', 'wrong passphrase')
const ofAnotherKind = new CountersignError('MATERIAL_UNSUPPORTED', 'expected key signature, not certificate')
const unreachable = new CountersignError('REGISTRY_UNAVAILABLE', 'GET http://r/v2/: no answer', {
  cause: new AggregateError([new Error('connect ECONNREFUSED ::1'), new Error('connect ECONNREFUSED 127.0.0.1')], ''),
})

for (const { name, failure, document } of [
  { name: 'a refusal', failure: refused, document: { code: 'PASSPHRASE_WRONG', kind: 'denied', message: 'wrong passphrase' } },
  {
    name: 'a refusal with its derivation',
    failure: new CommandFailure(refused, { derivation: { candidates: [] }, explanation: 'not in JSON' }),
    document: { code: 'PASSPHRASE_WRONG', kind: 'denied', message: 'wrong passphrase', derivation: { candidates: [] } },
  },
  {
    name: 'a defect',
    failure: new TypeError('x is undefined'),
    document: { code: 'INTERNAL', kind: 'internal', message: 'x is undefined' },
  },
  { name: 'something thrown that is no error', failure: 7, document: { code: 'INTERNAL', kind: 'internal', message: '7' } },
  { name: 'Ctrl-C', failure: new Interrupted(), document: { code: 'INTERRUPTED', kind: 'interrupted', message: 'interrupted' } },
  {
    name: 'Ctrl-C with images left',
    failure: new CommandFailure(new Interrupted(), { images: [{ image: 'a' }] }),
    document: { code: 'INTERRUPTED', kind: 'interrupted', message: 'interrupted', images: [{ image: 'a' }] },
  },
])
  test(`failureDocument: ${name}`, () => assert.deepEqual(failureDocument(failure), { error: document }))

for (const { name, failure, verbose = false, text } of [
  {
    name: "ends with cosign's two lines",
    failure: refused,
    text: /^Try: set COSIGN_PASSWORD to the passphrase of this key, or unset it to be asked\nError: wrong passphrase\nerror during command execution: wrong passphrase\n$/,
  },
  {
    name: 'explains first',
    failure: new CommandFailure(refused, { explanation: 'tried A\ntried B\n' }),
    text: /^tried A\ntried B\nTry: .*\nError: wrong passphrase\n/,
  },
  {
    name: 'says what to do about a signature of another kind than asked for',
    failure: new CommandFailure(ofAnotherKind, { derivation: { candidates: [] } }),
    text: /^Try: what was signed with a key is verified by --key, .*\nError: expected key signature/,
  },
  { name: 'says nothing of signatures where none was looked at', failure: ofAnotherKind, text: /^Error: expected key signature/ },
  {
    name: 'says why something is unavailable',
    failure: unreachable,
    text: /^ {2}because: connect ECONNREFUSED ::1\n {2}because: connect ECONNREFUSED 127.0.0.1\nTry: .*\nError: GET/,
  },
  { name: 'owns up to a defect', failure: new TypeError('x'), text: /^This is a defect of countersign, .*\nError: x\n/ },
  {
    name: 'shows where, when verbose',
    failure: new TypeError('x'),
    verbose: true,
    text: /^TypeError: x\n +at .*\n(.*\n)*This is a defect/,
  },
  {
    name: 'shows causes of a refusal when verbose',
    failure: new CountersignError('KEY_MALFORMED', 'key: bad', { cause: new Error('at byte 3') }),
    verbose: true,
    text: /^ {2}because: at byte 3\n/,
  },
  {
    name: 'does not repeat a cause that the message holds',
    failure: new CountersignError('SERVICE_UNAVAILABLE', 'key: at byte 3', { cause: new Error('at byte 3') }),
    text: /^Error: key: at byte 3\n/,
  },
])
  test(`failureText ${name}`, () => assert.match(failureText(failure, verbose), text))

test('failureText ends on causes that go round in a circle, and on too many', () => {
  const circle = new CountersignError('SERVICE_UNAVAILABLE', 'a')
  circle.cause = new AggregateError(
    Array.from({ length: 1_000 }, (_, at) => new Error(`cause ${at}`, { cause: circle })),
    'many',
  )
  assert.equal(
    failureText(circle, false)
      .split('\n')
      .filter(line => line.startsWith('  because:')).length,
    10,
  )
})

test('failureLine is one line of JSON that drives no terminal, whatever the message holds', () => {
  const message = 'member \u009b31m\u202e\u2028\u{e0001}\n is "odd"'
  const line = failureLine(new CountersignError('BUNDLE_MALFORMED', message))
  assert.match(line, /^[ -~]+\n$/)
  assert.equal(JSON.parse(line).error.message, message)
})
