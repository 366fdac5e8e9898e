import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeTilePath, tileOfPath } from './tile-path.ts'

for (const { path, tile } of [
  { path: 'tile/0/000', tile: { level: 0, index: 0, width: 256 } },
  { path: 'tile/0/x001/x234/067', tile: { level: 0, index: 1234067, width: 256 } }, // the example of C2SP tlog-tiles
  { path: 'tile/0/x001/x234/067.p/12', tile: { level: 0, index: 1234067, width: 12 } },
  { path: 'tile/63/999', tile: { level: 63, index: 999, width: 256 } },
  { path: 'tile/1/x001/000.p/255', tile: { level: 1, index: 1000, width: 255 } },
  { path: 'tile/entries/x068/359', tile: { level: 'entries', index: 68359, width: 256 } },
  { path: 'tile/data/000.p/1', tile: { level: 'data', index: 0, width: 1 } },
  { path: 'tile/0/x009/x007/x199/x254/x740/991', tile: { level: 0, index: Number.MAX_SAFE_INTEGER, width: 256 } },
] as const)
  test(`tile path: ${path}`, () => {
    assert.deepEqual(tileOfPath(path), tile)
    assert.equal(encodeTilePath(tile), path)
  })

for (const path of [
  '',
  'tile/0',
  'tile/0/',
  'tile/0/0',
  'tile/0/00',
  'tile/0/0000',
  'tile/0/x000/001', // has a shorter name
  'tile/0/x001',
  'tile/0/001/002',
  'tile/0/x001/x002',
  'tile/00/000',
  'tile/64/000',
  'tile/-1/000',
  'tile/names/000',
  'tile/0/000.p/0',
  'tile/0/000.p/256', // is the full tile's
  'tile/0/000.p/01',
  'tile/0/000.p/',
  'tile/0/000.p/1/',
  'tile/0/000/',
  '/tile/0/000',
  'tile/0/000\n',
  'tile/0/x009/x007/x199/x254/x740/992', // 2^53
  'tile/0/x001/x000/x000/x000/x000/x000/000',
  'tile/0/٠٠٠',
  'tile/entries.p/1',
])
  test(`no tile is at ${JSON.stringify(path)}`, () => assert.equal(tileOfPath(path), undefined))
