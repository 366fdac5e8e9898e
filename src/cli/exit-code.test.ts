import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError, type ErrorCode, type ErrorKind, errorKinds } from '../codec/error.ts'
import { CommandFailure, type ExitRule, exitCode, Interrupted } from './exit-code.ts'

const error = (code: ErrorCode) => new CountersignError(code, 'a message')
const codes = Object.keys(errorKinds) as ErrorCode[]

const cases: { name: string; failure: unknown; rule: ExitRule; code: number }[] = [
  { name: 'nothing is signed', failure: error('SIGNATURES_NOT_FOUND'), rule: 'cosign verify', code: 10 },
  { name: 'no such tag', failure: error('IMAGE_NOT_FOUND'), rule: 'cosign verify', code: 11 },
  {
    name: 'older signatures, none of which verifies',
    failure: new CommandFailure(error('SIGNATURE_INVALID'), { noneMatched: true }),
    rule: 'cosign verify',
    code: 12,
  },
  { name: 'bundles, none of which verifies', failure: new CommandFailure(error('SIGNATURE_INVALID'), {}), rule: 'cosign verify', code: 1 },
  { name: 'nothing is signed, explained', failure: new CommandFailure(error('SIGNATURES_NOT_FOUND'), {}), rule: 'cosign verify', code: 10 },
  { name: 'a wrong passphrase', failure: error('PASSPHRASE_WRONG'), rule: 'cosign verify', code: 1 },
  { name: 'a defect', failure: new TypeError('x'), rule: 'cosign verify', code: 1 },
  { name: 'no such tag, elsewhere', failure: error('IMAGE_NOT_FOUND'), rule: 'cosign', code: 1 },
  { name: 'nothing signed, elsewhere', failure: error('SIGNATURES_NOT_FOUND'), rule: 'cosign', code: 1 },
  { name: 'a defect of a command of our own', failure: 'thrown text', rule: 'own', code: 1 },
  { name: 'Ctrl-C', failure: new Interrupted(), rule: 'own', code: 130 },
  { name: 'Ctrl-C in verify', failure: new Interrupted(), rule: 'cosign verify', code: 130 },
  { name: 'Ctrl-C with images left', failure: new CommandFailure(new Interrupted(), { images: [] }), rule: 'cosign verify', code: 130 },
]
for (const { name, failure, rule, code } of cases)
  test(`exitCode: ${name} (${rule}): ${code}`, () => assert.equal(exitCode(failure, rule), code))

const ofKind: Record<ErrorKind, number> = { usage: 1, malformed: 3, untrusted: 4, denied: 5, unavailable: 6 }
test('exitCode: commands of our own exit by kind, whatever the code', () => {
  for (const code of codes) assert.equal(exitCode(error(code), 'own'), ofKind[errorKinds[code]], code)
})

test('exitCode: no failure is ever taken for success', () => {
  for (const rule of ['cosign', 'cosign verify', 'own'] as const)
    for (const failure of [...codes.map(error), undefined, null, 0, '', new Error('')]) assert.notEqual(exitCode(failure, rule), 0)
})
