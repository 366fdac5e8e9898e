import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createRig, type Outcome } from '../../../testing/command-rig.ts'
import { createStackRig, type StackRig } from '../../../testing/stack/stack-rig.ts'
import type { Finding } from './finding.ts'

// What `stack status` finds of a stack that was made on the first of March 2026 and serves on without being woken, as time passes.

let rig: StackRig
before(async () => {
  rig = await createStackRig({ config: 'issuer: {}\n' })
})
after(() => rig.remove())

const host = '127.0.0.1:7070'
const roles = ['root', 'timestamp', 'snapshot', 'targets']

function status(now: string, flags = '', handler = rig.stack.handler): Promise<Outcome> {
  const { cs, hosts } = createRig()
  hosts.set(host, handler)
  return cs(`stack status --data ${rig.folder} ${flags}`, { now: () => new Date(now) })
}

async function statesOf(outcome: Outcome): Promise<Readonly<Record<string, string>>> {
  const { findings } = JSON.parse(outcome.stdout) as { findings: Finding[] }
  return Object.fromEntries(findings.map(({ what, seen, state }) => [what === 'certificate' ? seen.replace(/:.*/, '') : what, state]))
}

const [root, intermediate] = ['CN=Sigstore root,O=example.com', 'CN=Sigstore intermediate,O=example.com']

for (const { now, what, states, exit } of [
  { now: '2026-03-01T12:00:00Z', what: 'a new stack', states: {}, exit: 0 },
  { now: '2026-03-06T18:00:01Z', what: 'a timestamp in its last quarter', states: { 'TUF timestamp': 'soon' }, exit: 0 },
  { now: '2026-03-08T11:59:59Z', what: 'a timestamp in its last second', states: { 'TUF timestamp': 'soon' }, exit: 0 },
  { now: '2026-03-08T12:00:00Z', what: 'a timestamp that expired', states: { 'TUF timestamp': 'bad' }, exit: 6 },
  {
    now: '2026-03-18T00:00:00Z',
    what: 'a snapshot in its last quarter',
    states: { 'TUF timestamp': 'bad', 'TUF snapshot': 'soon' },
    exit: 6,
  },
  {
    now: '2026-07-20T00:00:00Z',
    what: 'targets in their last quarter',
    states: { 'TUF timestamp': 'bad', 'TUF snapshot': 'bad', 'TUF targets': 'soon' },
    exit: 6,
  },
  {
    now: '2031-02-03T00:00:00Z',
    what: 'an intermediate in its last month',
    states: {
      'TUF timestamp': 'bad',
      'TUF snapshot': 'bad',
      'TUF targets': 'bad',
      [intermediate]: 'soon',
      'CN=timestamp authority,O=example.com': 'soon',
    },
    exit: 6,
  },
  {
    now: '2036-03-01T11:00:00Z',
    what: 'roots in their last hour',
    states: {
      'TUF root': 'soon',
      'TUF timestamp': 'bad',
      'TUF snapshot': 'bad',
      'TUF targets': 'bad',
      [intermediate]: 'bad',
      [root]: 'soon',
      'CN=timestamp authority,O=example.com': 'bad',
      'CN=timestamp root,O=example.com': 'soon',
    },
    exit: 6,
  },
])
  test(`stack status: ${what}`, async () => {
    const outcome = await status(now, '--output json')
    const found = Object.entries(await statesOf(outcome)).filter(([, state]) => state !== 'good')
    assert.deepEqual(Object.fromEntries(found), states, outcome.stdout)
    assert.equal(outcome.code, exit)
  })

test('stack status: each role of TUF and each certificate with its day, in words and as JSON', async () => {
  const { stdout } = await status('2026-03-01T12:00:00Z')
  assert.match(stdout, /^good {2}TUF root {15}http:\/\/127\.0\.0\.1:7070\/tuf\/root\.json: expires 2036-03-01T12:00:00Z$/m)
  assert.match(stdout, /^good {2}TUF timestamp {10}http:\/\/127\.0\.0\.1:7070\/tuf\/timestamp\.json: expires 2026-03-08T12:00:00Z$/m)
  assert.match(stdout, /^good {2}TUF snapshot {11}http:\/\/127\.0\.0\.1:7070\/tuf\/1\.snapshot\.json: expires 2026-03-22T12:00:00Z$/m)
  assert.match(stdout, /^good {2}TUF targets {12}http:\/\/127\.0\.0\.1:7070\/tuf\/1\.targets\.json: expires 2026-08-28T12:00:00Z$/m)
  assert.match(stdout, /^good {2}certificate {12}CN=Sigstore intermediate,O=example\.com: expires 2031-03-01T12:00:00Z$/m)
  const { findings } = JSON.parse((await status('2026-03-01T12:00:00Z', '--output json')).stdout) as { findings: Finding[] }
  const dated = findings.flatMap(({ what, expires }) => (expires === undefined ? [] : [`${what} ${expires}`]))
  assert.deepEqual(dated, [
    'TUF root 2036-03-01T12:00:00Z',
    'TUF timestamp 2026-03-08T12:00:00Z',
    'TUF snapshot 2026-03-22T12:00:00Z',
    'TUF targets 2026-08-28T12:00:00Z',
    'certificate 2031-03-01T12:00:00Z',
    'certificate 2036-03-01T12:00:00Z',
    'certificate 2031-03-01T12:00:00Z',
    'certificate 2036-03-01T12:00:00Z',
  ])
})

for (const { name, path, answer, found } of [
  {
    name: 'a snapshot that is not there',
    path: '/tuf/1.snapshot.json',
    answer: () => new Response('no such file', { status: 404 }),
    found: /^bad +TUF snapshot +want status 200, got 404: "no such file"$/m,
  },
  {
    name: 'a timestamp that is none',
    path: '/tuf/timestamp.json',
    answer: () => Response.json({ signed: { expires: '2036-03-01T12:00:00Z' } }),
    found: /^bad +TUF timestamp +signed\.meta: want an object/m,
  },
  {
    name: 'a timestamp without a date',
    path: '/tuf/timestamp.json',
    answer: () => Response.json({ signed: { expires: 'soon', meta: { 'snapshot.json': { version: 1 } } } }),
    found: /^bad +TUF timestamp +TUF timestamp: signed\.expires: /m,
  },
  {
    name: 'a root past the limit',
    path: '/tuf/root.json',
    answer: () => new Response(new Uint8Array(2 << 20)),
    found: /^bad +TUF root +.*1048576/m,
  },
])
  test(`stack status: ${name}`, async () => {
    const outcome = await status('2026-03-01T12:00:00Z', '', async request =>
      new URL(request.url).pathname === path ? answer() : rig.stack.handler(request),
    )
    assert.match(outcome.stdout, found)
    assert.equal(outcome.code, 6)
  })

test('stack doctor: what expires, and a probe with each log', async () => {
  const { cs, hosts } = createRig()
  hosts.set(host, rig.stack.handler)
  const run = { now: rig.world.now, environment: { COSIGN_PASSWORD: '' } }
  const outcome = await cs(`stack doctor --data ${rig.folder} --output json`, run)
  assert.equal(outcome.code, 0, outcome.stdout)
  const { findings } = JSON.parse(outcome.stdout) as { findings: Finding[] }
  assert.deepEqual(
    findings.filter(({ what, expires }) => expires !== undefined || what.startsWith('probe')).map(({ what }) => what),
    [...roles.map(role => `TUF ${role}`), ...Array<string>(4).fill('certificate'), 'probe with log v1', 'probe with log v2'],
  )
})
