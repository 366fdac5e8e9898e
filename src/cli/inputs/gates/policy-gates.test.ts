import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import { createTestContext } from '../../../testing/command-context.ts'
import { answerOf, attestedOf } from '../../../testing/sigstore/attested.ts'
import { policyGates } from './policy-gates.ts'

const files = {
  'yes.cel': encodeUtf8('predicate.count == 0 // none'),
  'no.cel': encodeUtf8('predicate.count > 0'),
  'broken.cel': encodeUtf8('predicate.count ==\n  '),
  'bytes.cel': Uint8Array.of(0xff, 0xfe),
  'empty.cel': encodeUtf8(''),
  'huge.cel': new Uint8Array(300_000),
  'long.cel': encodeUtf8(`true${' '.repeat(70_000)}`),
}
const gatesFor = (...paths: readonly string[]) => policyGates(createTestContext({ files }), paths)
const attested = attestedOf('https://example.com/x', { count: 0 })

test('policyGates: each file is a gate, in their order, once', async () => {
  const gates = await gatesFor('no.cel', 'yes.cel', 'no.cel')
  assert.deepEqual(
    gates.map(({ step, wanted }) => `${step}: ${wanted}`),
    ['policy: policy "no.cel" to be true', 'policy: policy "yes.cel" to be true'],
  )
  assert.equal(await answerOf(gates[1]!, attested), 'true')
  await assert.rejects(answerOf(gates[0]!, attested), { code: 'POLICY_REFUSED', message: 'policy "no.cel" is false' })
})

for (const { path, code, message } of [
  {
    path: 'x.rego',
    code: 'CAPABILITY_MISSING',
    message: /^--policy: "x\.rego": Rego comes later; write it in CEL, in a file named \*\.cel$/,
  },
  { path: 'dir/x.cue', code: 'CAPABILITY_MISSING', message: /^--policy: "dir\/x\.cue": CUE comes later; write it in CEL/ },
  {
    path: 'x.yaml',
    code: 'USAGE',
    message: /^--policy: invalid policy format, expected \.cue or \.rego, which come later, or \.cel, got "x\.yaml"$/,
  },
  { path: 'cel', code: 'USAGE', message: /invalid policy format/ },
  { path: 'x.CEL', code: 'USAGE', message: /invalid policy format/ },
  { path: 'https://example.com/x', code: 'USAGE', message: /invalid policy format/ },
  { path: 'missing.cel', code: 'FILE_UNREADABLE', message: /^file "missing\.cel": no such file or folder$/ },
  { path: 'broken.cel', code: 'POLICY_MALFORMED', message: /^policy "broken\.cel": line 2, column 3: "Unexpected token: EOF"$/ },
  { path: 'bytes.cel', code: 'POLICY_MALFORMED', message: /^policy "bytes\.cel": want UTF-8 text/ },
  { path: 'empty.cel', code: 'POLICY_EMPTY', message: /^policy "empty\.cel": empty: want an expression/ },
  { path: 'huge.cel', code: 'LIMIT_EXCEEDED', message: /^file "huge\.cel": want at most 262144 bytes$/ },
  { path: 'long.cel', code: 'LIMIT_EXCEEDED', message: /^policy "long\.cel": want at most 65536 characters, got 70004$/ },
])
  test(`policyGates refuses ${path}`, async () => assert.rejects(gatesFor('yes.cel', path), { code, message }))
