import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectService, selectServices } from './select-services.ts'
import type { ServiceSelector, SigningService } from './signing-config.ts'

const now = () => new Date('2026-06-01T00:00:00Z')
const service = (url: string, facts: Partial<SigningService> & { start?: string; end?: string } = {}): SigningService => ({
  url,
  majorApiVersion: facts.majorApiVersion ?? 1,
  validFor: { start: new Date(facts.start ?? '2025-01-01'), end: facts.end === undefined ? undefined : new Date(facts.end) },
  operator: facts.operator ?? url,
})
const bytes = (...drawn: number[]) => ({ now, randomBytes: () => new Uint8Array([drawn.shift() ?? 0]) })
const all: ServiceSelector = { selector: 'ALL' }
const select = (services: readonly SigningService[], choice: ServiceSelector, world = bytes()) =>
  selectServices('transparency logs', services, choice, world).map(({ url }) => url)

for (const { name, services, choice = all, drawn = [], chosen } of [
  { name: 'none are wanted where none are named', services: [], choice: { selector: 'undefined' }, chosen: [] },
  {
    name: 'version 2 is taken before version 1',
    services: [service('one'), service('two', { majorApiVersion: 2 })],
    chosen: ['two'],
  },
  {
    name: 'version 1 is taken while version 2 is still to come',
    services: [service('one'), service('two', { majorApiVersion: 2, start: '2026-06-02' })],
    chosen: ['one'],
  },
  {
    name: 'what has ended is not taken, and what ends or starts right now is',
    services: [
      service('ended', { end: '2026-05-31T23:59:59Z' }),
      service('ends', { end: '2026-06-01T00:00:00Z' }),
      service('starts', { start: '2026-06-01T00:00:00Z' }),
    ],
    chosen: ['starts', 'ends'],
  },
  {
    name: 'of one operator the newest is taken, and the order of the file decides between equals',
    services: [
      service('old', { operator: 'a' }),
      service('new', { operator: 'a', start: '2026-01-01' }),
      service('first', { operator: 'b' }),
      service('second', { operator: 'b' }),
    ],
    chosen: ['new', 'first'],
  },
  {
    name: 'ANY is one by chance',
    services: [service('a'), service('b'), service('c')],
    choice: { selector: 'ANY' },
    drawn: [255, 0, 0], // 255 is past the last whole multiple of 3, and is drawn again
    chosen: ['b'],
  },
  {
    name: 'EXACT is so many by chance',
    services: [service('a'), service('b'), service('c')],
    choice: { selector: 'EXACT', count: 2 },
    drawn: [0, 1],
    chosen: ['c', 'b'],
  },
] as readonly { name: string; services: SigningService[]; choice?: ServiceSelector; drawn?: number[]; chosen: string[] }[])
  test(`services: ${name}`, () => {
    assert.deepEqual(select(services, choice, bytes(...drawn)), chosen)
  })

for (const { name, services, choice = all, code = 'SERVICE_UNAVAILABLE', message } of [
  {
    name: 'none of a version we speak',
    services: [service('https://log.test', { majorApiVersion: 3 })],
    message:
      /^transparency logs: none of 1 speaks API version 2 or 1 and is valid at 2026-06-01T00:00:00Z: https:\/\/log\.test \(version 3\)$/,
  },
  { name: 'none valid now', services: [service('a', { end: '2026-01-01' })], message: /none of 1 speaks .* and is valid/ },
  {
    name: 'fewer than EXACT asks for, for one operator counts once',
    services: [service('a', { operator: 'x' }), service('b', { operator: 'x' })],
    choice: { selector: 'EXACT', count: 2 },
    message: /want 2 of different operators, got 1 valid at 2026/,
  },
  {
    name: 'no selector',
    services: [service('a')],
    choice: { selector: 'undefined' },
    code: 'SIGNING_CONFIG_MALFORMED',
    message: /transparency logs: invalid service selector/,
  },
] as readonly { name: string; services: SigningService[]; choice?: ServiceSelector; code?: string; message: RegExp }[])
  test(`services are refused: ${name}`, () => {
    assert.throws(() => select(services, choice), { name: 'CountersignError', code, message })
  })

test('one service is the first that could be used', () => {
  const services = [service('old'), service('new', { start: '2026-01-01' })]
  assert.equal(selectService('certificate authorities', services, { now }).url, 'new')
  assert.throws(() => selectService('certificate authorities', [], { now }), {
    code: 'SERVICE_UNAVAILABLE',
    message: /certificate authorities: the signing config names none/,
  })
})
