import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, longestDurationMs, parseDuration } from './duration.ts'

for (const { text, ms, error } of [
  { text: '3m0s', ms: 180_000 },
  { text: '1h2m3.5s', ms: 3_723_500 },
  { text: '250ms', ms: 250 },
  { text: '.5s', ms: 500 },
  { text: '1.s', ms: 1_000 },
  { text: '1500us', ms: 1.5 },
  { text: '2µs', ms: 0.002 },
  { text: '0', ms: 0 },
  { text: '596h', ms: 596 * 3_600_000 },
  { text: '597h', error: /at most 24 days, got "597h"/ },
  { text: '1', error: /duration such as/ },
  { text: '', error: /duration such as/ },
  { text: '-1s', error: /duration such as .*got "-1s"/ },
  { text: '1 s', error: /duration such as/ },
  { text: '1d', error: /duration such as/ },
  { text: '.s', error: /duration such as/ },
  { text: '1e3s', error: /duration such as/ },
  { text: '١s', error: /duration such as/ },
])
  test(`parseDuration: ${text}`, () => {
    if (error) assert.throws(() => parseDuration(text), { code: 'USAGE', message: error })
    else assert.equal(parseDuration(text), ms)
  })

for (const { ms, text } of [
  { ms: 180_000, text: '3m0s' },
  { ms: 1_500, text: '1.5s' },
  { ms: 250, text: '250ms' },
  { ms: 0, text: '0s' },
  { ms: 3_600_000, text: '1h0m0s' },
])
  test(`formatDuration: ${text}`, () => {
    assert.equal(formatDuration(ms), text)
    assert.equal(parseDuration(text), ms)
  })

test('the longest duration is one a timer can wait for', () => assert.equal(longestDurationMs, 0x7fffffff))
