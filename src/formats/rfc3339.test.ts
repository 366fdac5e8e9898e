import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTime, parseTime, readTime } from './rfc3339.ts'

for (const { text, iso } of [
  { text: '2026-11-30T12:00:00Z', iso: '2026-11-30T12:00:00.000Z' },
  { text: '2026-11-30T12:00:00.123456789Z', iso: '2026-11-30T12:00:00.123Z' },
  { text: '2026-11-30T14:00:00+02:00', iso: '2026-11-30T12:00:00.000Z' },
  { text: '2024-02-29T23:59:59Z', iso: '2024-02-29T23:59:59.000Z' },
  { text: '2026-02-29T00:00:00Z', iso: undefined },
  { text: '2026-02-30T00:00:00Z', iso: undefined },
  { text: '2026-13-01T00:00:00Z', iso: undefined },
  { text: '2026-11-30T12:60:00Z', iso: undefined },
  { text: '2026-11-30T12:00:00', iso: undefined },
  { text: '2026-11-30T12:00:00.1234567890Z', iso: undefined },
  { text: '2026-11-30 12:00:00Z', iso: undefined },
  { text: '2026-11-30', iso: undefined },
  { text: '+012026-11-30T12:00:00Z', iso: undefined },
  { text: ' 2026-11-30T12:00:00Z', iso: undefined },
  { text: '', iso: undefined },
])
  test(`parseTime: ${JSON.stringify(text)} is ${iso ?? 'no time'}`, () => assert.equal(parseTime(text)?.toISOString(), iso))

for (const { name, value, error } of [
  {
    name: 'another zone',
    value: '2026-11-30T14:00:00+02:00',
    error: /^start: want an RFC 3339 time in UTC, got "2026-11-30T14:00:00\+02:00"$/,
  },
  { name: 'no time', value: 'tomorrow', error: /^start: want an RFC 3339 time in UTC, got "tomorrow"$/ },
  { name: 'a number', value: 1767225600, error: /^start: want a string/ },
])
  test(`readTime: ${name} is refused`, () => assert.throws(() => readTime(value, 'start'), { code: 'JSON_MALFORMED', message: error }))

test('formatTime: what it writes is read again, and a fraction only where there is one', () => {
  assert.equal(formatTime(new Date('2026-11-30T12:00:00Z')), '2026-11-30T12:00:00Z')
  assert.equal(formatTime(new Date('2026-11-30T12:00:00.120Z')), '2026-11-30T12:00:00.120Z')
  for (const ms of [0, 1, 999, 1_767_225_600_000, 253_402_300_799_999])
    assert.equal(readTime(formatTime(new Date(ms)), 'time').getTime(), ms)
})
