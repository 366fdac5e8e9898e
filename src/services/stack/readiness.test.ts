import assert from 'node:assert/strict'
import { copyFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { emptyLogDisk, type LogDisk, openMemoryStore } from '../../testing/log/memory-store.ts'
import { hashedRekord, p256 } from '../../testing/rekor/proposals.ts'
import { createStackRig, type StackRig } from '../../testing/stack/stack-rig.ts'

// services.md §11: what makes a stack unready, each made to happen.

let rig: StackRig
const disks = new Map<string, LogDisk>()
before(async () => {
  rig = await createStackRig()
})
after(() => rig.remove())

async function readiness({ ask }: StackRig): Promise<readonly [status: number, problems: readonly string[]]> {
  const response = await ask('/readyz')
  const { problems } = (await response.json()) as { problems: string[] }
  return [response.status, problems]
}

const proposal = () => JSON.stringify(hashedRekord(p256))

/** A timestamp query in JSON. */
const query = { artifactHash: btoa('x'.repeat(32)), hashAlgorithm: 'sha256', certificates: false, tsaPolicyOID: '1.3.6.1.4.1.57264.2' }
const stamp = ({ ask }: StackRig) =>
  ask('/api/v1/timestamp', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(query) })

test('readiness: a stack that can do all its work is ready', async () => {
  assert.deepEqual(await readiness(rig), [200, []])
})

test('readiness: a log whose locked file was exchanged is unready and appends nothing, until that file is back', async () => {
  const at = (name: string) => join(rig.folder, 'rekor-v1', name)
  renameSync(at('log.db'), at('moved.db'))
  assert.deepEqual(await readiness(rig), [
    503,
    [`log store ${JSON.stringify(at('log.db'))}: the file that is locked is no longer there, and another process may write in its place`],
  ])
  copyFileSync(at('moved.db'), at('log.db')) // a backup
  assert.equal((await readiness(rig))[0], 503)
  const refused = await rig.ask('/api/v1/log/entries', { method: 'POST', body: proposal() })
  assert.equal(refused.status, 503, await refused.text())
  assert.equal((await rig.ask('/api/v1/log/entries?logIndex=0')).status, 200, 'what was committed is still read')
  rmSync(at('log.db'))
  renameSync(at('moved.db'), at('log.db'))
  assert.deepEqual(await readiness(rig), [200, []])
  const taken = await rig.ask('/api/v1/log/entries', { method: 'POST', body: proposal() })
  assert.equal(taken.status, 201, await taken.text())
})

test('readiness: a log whose file cannot be looked at, as on a disk that fails, is unready and appends nothing, until it can', async () => {
  const at = (name: string) => join(rig.folder, 'rekor-v1', name)
  renameSync(at('log.db'), at('moved.db'))
  symlinkSync('log.db', at('log.db')) // a circle
  assert.deepEqual(await readiness(rig), [503, [`log store ${JSON.stringify(at('log.db'))}: the file cannot be looked at: ELOOP`]])
  assert.equal((await rig.ask('/api/v1/log/entries', { method: 'POST', body: proposal() })).status, 503)
  rmSync(at('log.db'))
  renameSync(at('moved.db'), at('log.db'))
  assert.deepEqual(await readiness(rig), [200, []])
})

test('readiness: a log whose write-ahead log was removed is unready and appends nothing, for it would be lost', async () => {
  const careless = await createStackRig()
  try {
    const wal = join(careless.folder, 'rekor-v1', 'log.db-wal')
    rmSync(wal)
    assert.deepEqual(await readiness(careless), [
      503,
      [
        `log store ${JSON.stringify(wal)}: the file that is written to is no longer there, and what is committed would end with this process`,
      ],
    ])
    assert.equal((await careless.ask('/api/v1/log/entries', { method: 'POST', body: proposal() })).status, 503)
    await careless.reopen()
    assert.deepEqual(await readiness(careless), [200, []])
    assert.equal((await careless.ask('/api/v1/log/entries?logIndex=0')).status, 200, 'what was committed before was moved when it ended')
  } finally {
    await careless.remove()
  }
})

test('readiness: a log that contradicts itself is unready, and appends nothing more', async () => {
  const openStore = async (folder: string) => {
    const disk = disks.get(basename(folder)) ?? emptyLogDisk()
    disks.set(basename(folder), disk)
    return { store: openMemoryStore(disk), problem: () => undefined }
  }
  const broken = await createStackRig({ openStore })
  try {
    assert.deepEqual(await readiness(broken), [200, []])
    const disk = disks.get('rekor-v1')!
    disk.rows[0] = { ...disk.rows[0]!, data: new TextEncoder().encode('{}') } // one entry is no longer what its leaf hash says
    assert.equal((await broken.ask('/api/v1/log/entries?logIndex=0')).status, 500)
    assert.deepEqual(await readiness(broken), [
      503,
      ['log rekor-v1: it contradicts itself or what was published, and appends nothing more'],
    ])
    assert.equal(broken.counted.get('rekor_inclusion_proof_failure_total'), 1)
    const refused = await broken.ask('/api/v1/log/entries', { method: 'POST', body: proposal() })
    assert.equal(refused.status, 500)
    assert.equal((await broken.ask('/checkpoint')).status, 200, 'the other logs go on')
  } finally {
    await broken.remove()
  }
})

test('readiness: an expired TUF timestamp, as after a week in which the process stood still, until it is signed anew', async () => {
  const stopped = await createStackRig()
  try {
    stopped.setTime(new Date('2026-03-08T12:00:00Z'))
    assert.deepEqual(await readiness(stopped), [503, ['TUF repository: timestamp expired at 2026-03-08T12:00:00.000Z']])
    await stopped.reopen()
    assert.deepEqual(await readiness(stopped), [200, []])
  } finally {
    await stopped.remove()
  }
})

test('readiness: authorities whose certificates expired, which then issue nothing', async () => {
  const old = await createStackRig()
  try {
    old.setTime(new Date('2031-03-01T12:00:00Z'))
    assert.deepEqual(ofAuthorities(await readiness(old)), [503, []])
    old.setTime(new Date('2031-03-01T12:00:01Z'))
    assert.deepEqual(ofAuthorities(await readiness(old)), [
      503,
      [
        'timestamp authority: certificate "CN=timestamp authority,O=example.com" expired at 2031-03-01T12:00:00.000Z',
        'certificate authority: CN=Sigstore intermediate,O=example.com expired at 2031-03-01T12:00:00.000Z',
      ],
    ])
    assert.equal((await stamp(old)).status, 500)
  } finally {
    await old.remove()
  }
})

function ofAuthorities([status, problems]: Awaited<ReturnType<typeof readiness>>) {
  return [status, problems.filter(problem => problem.includes('authority'))]
}
