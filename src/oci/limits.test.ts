import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseByteSize } from './limits.ts'

for (const { text, bytes } of [
  { text: '1048576', bytes: 1048576 },
  { text: '64MiB', bytes: 64 * 2 ** 20 },
  { text: '1MB', bytes: 1_000_000 },
  { text: '1.5 gb', bytes: 1_500_000_000 },
  { text: '2Ki', bytes: 2048 },
  { text: '7B', bytes: 7 },
  { text: '1TiB', bytes: 2 ** 40 },
])
  test(`parseByteSize: ${text}`, () => assert.equal(parseByteSize(text, 'x'), bytes))

for (const text of ['', '0', '-1', 'MiB', '1 parsec', '1e9', '0x10', '9999999999TiB', '1..5MB'])
  test(`parseByteSize refuses ${JSON.stringify(text)}`, () =>
    assert.throws(() => parseByteSize(text, 'COSIGN_MAX_ATTACHMENT_SIZE'), {
      code: 'USAGE',
      message: /^COSIGN_MAX_ATTACHMENT_SIZE: want a size such as 64MiB/,
    }))
