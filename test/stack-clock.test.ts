import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { after, before, test } from 'node:test'
import { encodeUtf8 } from '../src/codec/text.ts'
import type { World } from '../src/codec/world.ts'
import { openFolder } from '../src/services/stack/folder.ts'
import { probeLog, probeToken } from '../src/services/stack/probe.ts'
import { servicePaths } from '../src/services/stack/trust.ts'
import { entriesPath, hashedRekord, p256 } from '../src/testing/rekor/proposals.ts'
import { entriesPathV2, sound } from '../src/testing/rekor/requests.ts'
import { createStackRig, quickDeriveKey, type StackRig } from '../src/testing/stack/stack-rig.ts'
import { httpRepository } from '../src/trust/tuf/repository.ts'
import { type MetadataFiles, updateFromRepository } from '../src/trust/tuf/update.ts'

// A whole stack whose clock is ours: a month goes by, or an hour goes back.

const hourMs = 3_600_000
const secret = 'only-for-this-test'
let rig: StackRig
before(async () => {
  rig = await createStackRig({ config: 'issuer: {}\n', dev: { ciSecret: secret } })
})
after(() => rig.remove())

/** What a TUF client does that begins with the first root, and has these files of earlier days. */
async function update(kept: MetadataFiles = new Map()) {
  const fetch = async (input: string | URL) => await rig.ask(new URL(input).pathname)
  const repository = httpRepository(new URL(`http://127.0.0.1:7070${servicePaths.tuf}/`), { fetch, signal: AbortSignal.timeout(60_000) })
  const root = await (await rig.ask(`${servicePaths.tuf}/1.root.json`)).bytes()
  const { files, metadata } = await updateFromRepository(root, kept, repository, rig.world.now())
  return { files, versions: new Map(metadata.standing.map(({ role, version }) => [role, version])) }
}

/** A third of a day in which the hourly work is done but once: hour by hour a month would take this test seconds. */
async function hours8(): Promise<void> {
  await rig.pass(8 * hourMs)
  await rig.asleep(hourMs)
}

async function isReady(): Promise<boolean> {
  return (await rig.ask('/readyz')).status === 200
}

test('a month goes by: what would expire is signed anew by itself, and no client is ever refused', async () => {
  let daily = await update()
  const weekly = daily.files
  for (let day = 1; day <= 30; day++) {
    for (let third = 0; third < 3; third++) await hours8()
    assert.ok(await isReady(), `day ${day}`)
    daily = await update(daily.files)
    if (day % 10 === 0) await update()
  }
  const { timestamp, ...others } = Object.fromEntries(daily.versions)
  assert.deepEqual(others, { root: 1, targets: 1, snapshot: 3 })
  assert.ok(Number(timestamp) >= 30, `timestamp ${timestamp}`)
  await update(weekly)
  assert.deepEqual(
    rig.lines.filter(line => line.startsWith('error')),
    [],
  )
  await rig.reopen()
  assert.ok(await isReady())
})

test('a disk that refuses the TUF repository for two days, and a timestamp that somebody removed, cost nobody anything', async () => {
  const { files } = await update()
  rig.tufFails(true)
  for (let third = 0; third < 6; third++) await hours8()
  assert.ok(await isReady())
  rig.tufFails(false)
  await hours8()
  rig.tufFiles.delete('tuf/timestamp.json')
  await hours8()
  assert.ok(await isReady(), 'while it runs')
  const later = await update(files)
  await rig.reopen(async () => rig.tufFiles.delete('tuf/timestamp.json'))
  assert.ok(await isReady(), 'when it is started')
  await update(later.files)
  await update()
})

test('the clock goes back an hour under load: no time that was promised is behind one before it', async () => {
  const heads: number[] = []
  const head = async () => heads.push(((await (await rig.ask('/ct/ct/v1/get-sth')).json()) as { timestamp: number }).timestamp)
  const logged = new Map<number, number>()
  const v1 = async () => {
    const response = await rig.ask(entriesPath, { method: 'POST', body: JSON.stringify(hashedRekord(p256)) })
    const [entry] = Object.values((await response.json()) as Record<string, { logIndex: number; integratedTime: number }>)
    logged.set(entry!.logIndex, entry!.integratedTime)
  }
  const v2 = async () => assert.equal((await rig.ask(entriesPathV2, { method: 'POST', body: JSON.stringify(sound()) })).status, 201)
  const round = () => Promise.all([...Array.from({ length: 16 }, v1), ...Array.from({ length: 16 }, v2), certify(), certify(), head()])

  const start = rig.world.now()
  await round()
  rig.setTime(new Date(start.getTime() - hourMs))
  await Promise.all([round(), round()])
  await rig.reopen()
  await round()
  rig.setTime(new Date(start.getTime() + 1000))
  await round()
  await head()

  const times = [...logged].sort(([a], [b]) => a - b).map(([, time]) => time)
  assert.equal(times.length, 80)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  assert.ok(times[0]! >= Math.floor(start.getTime() / 1000))
  assert.deepEqual(
    heads,
    heads.toSorted((a, b) => a - b),
  )
  const { entries } = (await (await rig.ask('/ct/ct/v1/get-entries?start=0&end=99')).json()) as { entries: { leaf_input: string }[] }
  const stamps = entries.map(({ leaf_input: leaf }) => Number(Buffer.from(leaf, 'base64').readBigUInt64BE(2)))
  assert.equal(stamps.length, 10)
  assert.deepEqual(
    stamps,
    stamps.toSorted((a, b) => a - b),
  )
  assert.ok(await isReady())
})

test('while the clock is behind, whoever signs by the log of version 1 is told at once that it would not verify; version 2 has times of its own', async () => {
  const caughtUp = rig.world.now()
  rig.setTime(new Date(caughtUp.getTime() - hourMs))
  const opened = await openFolder(rig.folder, encodeUtf8(''), quickDeriveKey)
  const fetch: World['fetch'] = async (input, init) => {
    const { pathname, search } = new URL(input)
    return await rig.ask(pathname + search, init)
  }
  const probe = async (version: 1 | 2) => {
    const token = await probeToken(rig.folder, opened.config, encodeUtf8(''), rig.world)
    return await probeLog(version, { ...opened, token }, { ...rig.world, fetch }, AbortSignal.timeout(60_000))
  }
  await assert.rejects(probe(1), { code: 'TIME_UNPROVEN', message: /log http:\/\/127\.0\.0\.1:7070 says .*, which is later than / })
  assert.match(await probe(2), /and verified$/)
  rig.setTime(caughtUp)
  assert.match(await probe(1), /and verified$/)
})

/** A certificate for a job of the imitated CI. */
async function certify(): Promise<void> {
  const headers = { authorization: `Bearer ${secret}` }
  const { value } = (await (await rig.ask('/actions/token?audience=sigstore', { headers })).json()) as { value: string }
  const { sub } = JSON.parse(Buffer.from(value.split('.')[1]!, 'base64url').toString()) as { sub: string }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKeyRequest = {
    publicKey: { algorithm: 'ECDSA', content: String(publicKey.export({ type: 'spki', format: 'pem' })) },
    proofOfPossession: sign('sha256', encodeUtf8(sub), privateKey).toString('base64'),
  }
  const response = await rig.ask('/api/v2/signingCert', {
    method: 'POST',
    headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
    body: JSON.stringify({ publicKeyRequest }),
  })
  assert.equal(response.status, 200, await response.text())
}
