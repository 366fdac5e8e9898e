import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliverableWarnings } from './warnings.ts'

for (const { name, warnings, delivered } of [
  { name: 'none', warnings: [], delivered: [] },
  { name: 'of two lines', warnings: ['failed policy: p: spec.x\r\n  ref text\n'], delivered: ['failed policy: p: spec.x ref text'] },
  { name: 'with controls', warnings: ['a\u001b[31mb\u202e'], delivered: ['a\\u{001b}[31mb\\u{202e}'] },
  { name: 'twice the same', warnings: ['a', 'a', 'b'], delivered: ['a', 'b'] },
  { name: 'of nothing', warnings: ['', ' \n'], delivered: [] },
  { name: 'a long one', warnings: ['x'.repeat(2000)], delivered: [`${'x'.repeat(1000)}…`] },
])
  test(`warnings that an API server passes on: ${name}`, () => assert.deepEqual(deliverableWarnings(warnings), delivered))

test('warnings together are no longer than an API server takes, and the last says how many are missing', () => {
  const delivered = deliverableWarnings(Array.from({ length: 50 }, (_, index) => `${index} ${'é'.repeat(200)}`))
  assert.equal(delivered.at(-1), `${50 - delivered.length + 1} more warnings are in the log of countersign`)
  assert.ok(delivered.length > 5 && Buffer.byteLength(delivered.join('')) <= 4096)
})
