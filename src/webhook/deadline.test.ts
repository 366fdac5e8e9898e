import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadlineMs } from './deadline.ts'

for (const { query, ms } of [
  { query: '', ms: 9000 },
  { query: 'timeout=10s', ms: 9000 },
  { query: 'timeout=30s', ms: 27_000 },
  { query: 'timeout=2s', ms: 1750 },
  { query: 'timeout=1s', ms: 750 },
])
  test(`the deadline of ?${query}`, () => assert.equal(deadlineMs(new URLSearchParams(query)), ms))

for (const { query, message } of [
  { query: 'timeout=0s', message: /timeout: want 1s to 30s, got "0s"/ },
  { query: 'timeout=31s', message: /timeout: want 1s to 30s/ },
  { query: 'timeout=10', message: /timeout: want 1s to 30s/ },
  { query: 'timeout=-1s', message: /timeout: want 1s to 30s/ },
  { query: 'timeout=', message: /timeout: want 1s to 30s, got ""/ },
  { query: 'timeout=1s&timeout=30s', message: /want one timeout, got several/ },
  { query: 'dryRun=All', message: /want timeout alone, got "dryRun"/ },
])
  test(`no deadline of ?${query}`, () =>
    assert.throws(() => deadlineMs(new URLSearchParams(query)), { name: 'ServiceRefusal', status: 400, message }))
