import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Command, countersign, type Ended, run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { createPrivateMachine, type PrivateMachine } from './harness/private-machine.ts'
import { checkStack } from './harness/stack-audit.ts'
import { type Acknowledged, ciToken, loadStack, type Refused } from './harness/stack-load.ts'
import { type StackProcess, startStack, stopStack } from './harness/stack-process.ts'

// A whole stack on a small disk of its own (services.md §12, 55): it fills while clients log, has room again, and is read only.

const place = createPlace()
const disk = place.path('disk')
const folder = `${disk}/stack`
const heard: Acknowledged = { entries: { v1: [], v2: [] }, certificates: [] }
let machine: PrivateMachine
let stack: StackProcess | undefined

const count = () => heard.entries.v1.length + heard.entries.v2.length + heard.certificates.length
const fill = () => machine.run(`dd if=/dev/zero of=${disk}/filler bs=4k 2>/dev/null || true`)
const makeRoom = () => machine.run(`rm ${disk}/filler`)
const command = (): Command => [...machine.within, ...countersign()] as unknown as Command
const up = async (...args: readonly string[]) => {
  stack = await startStack(place, ['--dev', '--data', folder, ...args], machine)
}
const stop = async () => {
  assert.equal(await stopStack(stack!), 0, stack!.lines.at(-1) ?? 'it logged nothing')
  stack = undefined
}
const check = () => checkStack(stack!.url, machine.path(folder), heard)

/** Loads it until it is enough; what was refused is returned. */
async function load(name: string, isEnough: (refusals: readonly Refused[]) => boolean, onHeard = () => {}): Promise<readonly Refused[]> {
  const refusals: Refused[] = []
  await loadStack(stack!.url, name, await ciToken(machine.path(folder)), heard, onHeard, {
    isEnough: () => isEnough(refusals),
    onRefused: refused => void refusals.push(refused),
  })
  return refusals
}

/** Nothing is refused. */
async function loadMore(name: string): Promise<void> {
  const enough = count() + 200
  assert.deepEqual(await load(name, () => count() >= enough), [])
}

before(async () => {
  mkdirSync(disk)
  machine = await createPrivateMachine(place, ['mount'], `mount -t tmpfs -o size=24m,mode=700 none ${disk}`)
  await up('--url', 'http://127.0.0.1:0')
})
after(async () => {
  if (stack) await stopStack(stack)
  machine.end()
  place.remove()
})

test('a disk that fills under load: writes are refused as not possible now, and all that was acknowledged can be read', async () => {
  let left = 900 // tiles and bundles are full by then
  const refusals = await load(
    'fills',
    all => all.length >= 100 && fullLogs.every(log => reasonOf(log) !== undefined), // each of them has met the full disk, and said so
    () => void (--left === 0 && fill()),
  )
  assert.ok(left <= 0, `${-left} more were acknowledged`)
  for (const { path, status, text } of refusals)
    assert.deepEqual([path, status, text], [path, ...(refusalOf.get(path) ?? [])], 'each service in its own words')
  for (const log of fullLogs) assert.match(reasonOf(log)!, /database or disk is full/, log)
  await check()
})

const fullLogs = ['ct-log', 'rekor-v1', 'rekor-v2']

/** Why a log could not store what it was given, as the stack has said it by now. */
function reasonOf(log: string): string | undefined {
  const reasons = stack!.lines.map(line => String((JSON.parse(line) as { reason?: unknown }).reason))
  return reasons.find(reason => reason.includes(`${log}/log.db`))
}

const refusalOf: ReadonlyMap<string, readonly [status: number, text: string]> = new Map([
  ['/api/v1/log/entries', [503, '{"code":503,"message":"unexpected error communicating with transparency log"}']],
  ['/api/v2/log/entries', [503, '{"code":14,"message":"failed to integrate entry","details":[]}']],
  ['/api/v2/signingCert', [500, '{"code":13,"message":"Error entering certificate in CTL","details":[]}']], // services.md §11: CT down
])

test('meanwhile timestamps are made, and its trust is served', async () => {
  const request = JSON.stringify({ artifactHash: Buffer.alloc(32).toString('base64'), hashAlgorithm: 'sha256' })
  const headers = { 'content-type': 'application/json' }
  const stamped = await fetch(`${stack!.url}/api/v1/timestamp`, { method: 'POST', body: request, headers })
  assert.equal(stamped.status, 200)
  await runOk(place, command(), ['stack', 'status', '--data', folder])
  await runOk(place, countersign(), ['initialize', '--mirror', `${stack!.url}/tuf`, '--root', `${stack!.url}/tuf/1.root.json`])
})

test('with room again it goes on by itself', async () => {
  await makeRoom()
  await loadMore('room again')
  await check()
})

test('stopped where the disk is full, it ends as it should; started there, it says why it does not', async () => {
  await fill()
  await stop()
  await fill() // what its databases gave back when they were closed
  assertRefused(await startAndEnd(), /ct-log\/log\.db": database or disk is full/)
  await makeRoom()
  await up()
  await check()
  await loadMore('started again')
})

test('started on a disk that is read only it says so; on one that is not any more it starts, and has all', async () => {
  await stop()
  await machine.run(`mount -o remount,bind,ro ${disk}`)
  assertRefused(await startAndEnd(), /ct-log": the disk is read only/)
  await machine.run(`mount -o remount,bind,rw ${disk}`)
  await up()
  await check()
})

const startAndEnd = async () => await run(place, command(), ['stack', 'up', '--dev', '--data', folder, '--output', 'json'])

function assertRefused({ code, stdout, stderr }: Ended, message: RegExp): void {
  const { error } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}')
  assert.deepEqual([code, error.code], [6, 'STORE_UNAVAILABLE'], stderr)
  assert.match(error.message, message)
}
