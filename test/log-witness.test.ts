import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { frozenLine } from '../src/formats/log/checkpoint.ts'
import { cosign, verifyCosignature } from '../src/formats/log/cosignature.ts'
import type { LogKey } from '../src/formats/log/log-key.ts'
import { noteKeyId } from '../src/formats/log/note-key.ts'
import { parseSignedNote } from '../src/formats/log/signed-note.ts'
import { encodeCosignatures } from '../src/formats/log/witness/add-checkpoint.ts'
import { parseWitnessPolicy, witnessesOf } from '../src/formats/log/witness/witness-policy.ts'
import type { TileLog } from '../src/log/tile-log.ts'
import { type CosigningOptions, createCosigning } from '../src/log/witness/cosigning.ts'
import { faultyStore, type StoreFault } from '../src/testing/log/faulty-store.ts'
import { LogAudit } from '../src/testing/log/log-audit.ts'
import { openTestLog, proposalOf, testOrigin, testStart } from '../src/testing/log/log-rig.ts'
import { copyOfDisk, emptyLogDisk, type LogDisk, openMemoryStore, unplug } from '../src/testing/log/memory-store.ts'
import { createTestWitness, type TestWitness, witnessNetwork } from '../src/testing/log/test-witness.ts'
import { testLogSigners } from '../src/testing/sigstore/transparency-log.ts'

// Scenario 39 and crash point C14 of the services' contract: heads that witnesses cosign, and what becomes of a log when they do not.

const ids = ['w1', 'w2', 'w3'] as const
const signers = { w1: testLogSigners.ed25519(11), w2: testLogSigners.ed25519(12), w3: testLogSigners.ed25519(13) }
const logSigner = testLogSigners.ed25519()
const logKey: LogKey = {
  key: logSigner.publicKey,
  scheme: { scheme: 'ed25519' },
  logId: noteKeyId(testOrigin, logSigner.publicKey),
  baseUrl: `https://${testOrigin}`,
}

type Fault = (request: Request, answer: TestWitness['answer']) => Promise<Response>

const down: Fault = async () => {
  throw new TypeError('connection refused')
}
const hanging: Fault = request => new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))
const losing: Fault = async (request, answer) => {
  assert.equal((await answer(request)).status, 200)
  throw new TypeError('connection reset') // what was answered is persisted, and lost on its way
}
const saying =
  (status: number, body: string | Uint8Array<ArrayBuffer> = '', type = 'text/plain'): Fault =>
  async () =>
    new Response(body, { status, headers: { 'content-type': type } })

/** Three witnesses, of whom two must cosign, and a log that asks them. */
function createPlace({ quorum = 2, failOpen = false }: { readonly quorum?: number; readonly failOpen?: boolean } = {}) {
  const logs = new Map([[testOrigin, logKey]])
  const witnesses = {
    w1: createTestWitness('w1', signers.w1, logs, () => testStart),
    w2: createTestWitness('w2', signers.w2, logs, () => testStart),
    w3: createTestWitness('w3', signers.w3, logs, () => testStart),
  }
  const faults = new Map<string, Fault>()
  const asked: string[] = [] // host and first line of each request
  const network = witnessNetwork(witnesses, faults)
  const policy = parseWitnessPolicy(
    `${ids.map(id => witnesses[id].policyLine).join('\n')}\ngroup all3 ${quorum} w1 w2 w3\nquorum all3\n`,
    'policy',
  )
  const counted = new Map<string, number>()
  const lines: string[] = []
  const isTimeUp = { value: false }
  const options: CosigningOptions = {
    quorum: policy.quorum!,
    failOpen,
    timeoutMs: 1000,
    world: {
      fetch: (input, init) => {
        asked.push(`${new URL(input).hostname.slice(0, 2)} ${String(init?.body).split('\n', 1)[0]}`)
        return network(input, init)
      },
      sleep: (_, signal) =>
        isTimeUp.value
          ? new Promise(resolve => setImmediate(() => setImmediate(resolve)))
          : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
    events: {
      count: (metric, labels = {}) => {
        const name = [metric, ...Object.values(labels)].join(' ')
        counted.set(name, (counted.get(name) ?? 0) + 1)
      },
      observe: () => {},
      log: (level, _, facts) => void lines.push(`${level}: ${facts?.['reason']}`),
    },
  }
  const open = (disk: LogDisk) => openTestLog(openMemoryStore(disk), { cosign: createCosigning(options) })
  return { witnesses, faults, asked, policy, counted, lines, isTimeUp, options, open }
}

/** Who cosigned a note. Every line is of the log or of a witness, and every signature is good. */
async function cosignersOf(note: string): Promise<readonly string[]> {
  const { text, signatures } = parseSignedNote(note)
  const found: string[] = []
  for (const line of signatures.slice(1)) {
    const id = line.name.replace('.example', '') as (typeof ids)[number]
    await verifyCosignature({ text, signatures: [line] }, { name: line.name, key: signers[id].publicKey })
    found.push(id)
  }
  assert.equal(signatures[0]!.name, testOrigin)
  return found
}

const refusedBy = (pattern: RegExp) => ({ code: 'WITNESS_UNAVAILABLE', message: pattern })

test('witnesses: each head that is published has a quorum of cosignatures, and goes on from the one before', async () => {
  const place = createPlace({ quorum: 3 })
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await place.open(disk)
  assert.equal(place.asked.length, 0) // there is nothing to see in an empty tree
  for (const text of ['a', 'b', 'c']) {
    const included = await log.append(proposalOf(text))
    await audit.included(included, text)
    assert.deepEqual(await cosignersOf(included.head.note), ['w1', 'w2', 'w3'])
    assert.deepEqual(disk.objects.get('checkpoint'), encodeUtf8(included.head.note)) // before it was told
  }
  assert.deepEqual(
    place.asked.filter(line => line.startsWith('w1')),
    ['w1 old 0', 'w1 old 1', 'w1 old 2'],
  )
  assert.equal(place.witnesses.w1.seen.get(testOrigin)?.size, 3n)
  assert.equal(place.counted.get('log_witness_answers w1 cosigned'), 3)
  await audit.check(log)
  await log.close()
})

test('witnesses: two of three suffice when one is down', async () => {
  const place = createPlace()
  place.faults.set('w2', down)
  const log = await place.open(emptyLogDisk())
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('a'))).head.note), ['w1', 'w3'])
  await log.append(proposalOf('b'))
  await log.close()
})

test('witnesses: nobody waits for one that does not answer when the others are a quorum', async () => {
  const place = createPlace()
  place.faults.set('w1', hanging)
  const log = await place.open(emptyLogDisk())
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('a'))).head.note), ['w2', 'w3'])
  assert.equal(place.counted.get('log_witness_answers w1 unneeded'), 1)
  await log.close()
})

test('witnesses: all down, failing open: the head is published without them', async () => {
  const place = createPlace({ failOpen: true })
  for (const id of ids) place.faults.set(id, down)
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  const { head } = await log.append(proposalOf('a'))
  assert.deepEqual(await cosignersOf(head.note), [])
  assert.equal(place.counted.get('log_heads_without_quorum true'), 1)
  assert.equal(place.lines.length, 3)
  await log.append(proposalOf('b'))
  assert.equal(place.lines.length, 3) // the same is not said again
  place.faults.delete('w3')
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('c'))).head.note), ['w3']) // what there is of them
  await log.close()
})

test('witnesses: a head that was published without them is cosigned when they are back, though nobody appends', async () => {
  const place = createPlace({ failOpen: true, quorum: 3 })
  for (const id of ids) place.faults.set(id, down)
  const disk = emptyLogDisk()
  const rests: (() => void)[] = []
  const sleep = (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      rests.push(resolve)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  const turn = () => new Promise(resolve => setImmediate(resolve))
  /** Lets it ask once more. */
  const rest = async () => {
    const before = place.asked.length
    while (place.asked.length < before + ids.length) {
      for (const wake of rests.splice(0)) wake()
      await turn()
    }
  }
  const log = await openTestLog(openMemoryStore(disk), { cosign: createCosigning(place.options), sleep })
  const { head } = await log.append(proposalOf('a'))
  assert.deepEqual(await cosignersOf(head.note), [])
  await rest()
  assert.deepEqual(await cosignersOf(log.head().note), [])
  place.faults.clear()
  await rest()
  while (log.head().note === head.note) await turn()
  assert.deepEqual(await cosignersOf(log.head().note), ['w1', 'w2', 'w3'])
  assert.deepEqual(disk.objects.get('checkpoint'), encodeUtf8(log.head().note))
  assert.equal(parseSignedNote(log.head().note).text, parseSignedNote(head.note).text)
  const asked = place.asked.length
  for (const wake of rests.splice(0)) wake()
  await log.append(proposalOf('b'))
  assert.equal(place.asked.length, asked + ids.length) // for the new head, and no more for the old
  await log.close()
})

test('witnesses: all down, failing closed: nothing is acknowledged or shown, and once they answer it is there', async () => {
  const place = createPlace()
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await place.open(disk)
  await audit.included(await log.append(proposalOf('a')), 'a')
  const before = log.head()
  for (const id of ids) place.faults.set(id, down)
  await assert.rejects(
    log.append(proposalOf('b')),
    refusedBy(/^no quorum of witnesses: witness "w1": no usable answer; witness "w2": no usable answer/),
  )
  assert.equal(log.head(), before)
  assert.equal(await log.entry(1n), undefined)
  await assert.rejects(log.append(proposalOf('b')), refusedBy(/^no quorum/))
  await assert.rejects(log.append(proposalOf('a')), refusedBy(/^no quorum/)) // under the next head, for the store has more
  place.faults.clear()
  const included = await log.append(proposalOf('b'))
  assert.deepEqual([included.entry.index, included.head.size, included.isNew], [1n, 2n, false])
  await audit.included(included, 'b')
  await audit.check(log)
  await log.close()
})

test('witnesses: time is up for those that hang, all of them together', async () => {
  const place = createPlace()
  place.isTimeUp.value = true
  place.faults.set('w1', hanging)
  place.faults.set('w2', hanging)
  const log = await place.open(emptyLogDisk())
  await assert.rejects(
    log.append(proposalOf('a')),
    refusedBy(/witness "w1": no answer within 1000 ms; witness "w2": no answer within 1000 ms$/),
  )
  await log.close()
})

test('witnesses: those who append while witnesses are asked are asked for together', async () => {
  const place = createPlace({ quorum: 3 })
  const log = await place.open(emptyLogDisk())
  const released = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  place.faults.set('w1', async (request, answer) => {
    reached.resolve()
    await released.promise
    return await answer(request)
  })
  const first = log.append(proposalOf('first'))
  await reached.promise
  const others = Promise.all(Array.from({ length: 50 }, (_, at) => log.append(proposalOf(`other ${at}`))))
  released.resolve()
  assert.equal((await first).head.size, 1n)
  assert.deepEqual(new Set((await others).map(({ head }) => head.size)), new Set([51n]))
  assert.deepEqual(
    place.asked.filter(line => line.startsWith('w1')),
    ['w1 old 0', 'w1 old 1'],
  )
  await log.close()
})

test('witnesses: a log that starts again does not know what they have seen, and learns it from their 409', async () => {
  const place = createPlace({ quorum: 3 })
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  for (const text of ['a', 'b', 'c']) await log.append(proposalOf(text))
  await log.close()
  place.asked.length = 0
  const again = await place.open(disk)
  assert.deepEqual(
    place.asked.filter(line => line.startsWith('w2')),
    ['w2 old 0', 'w2 old 3'],
  )
  assert.deepEqual(await cosignersOf(again.head().note), ['w1', 'w2', 'w3']) // each once
  await again.append(proposalOf('d'))
  await again.close()
})

test('witnesses: one that lags behind is led on from where it is', async () => {
  const place = createPlace()
  const log = await place.open(emptyLogDisk())
  await log.append(proposalOf('a'))
  place.faults.set('w3', down)
  for (const text of ['b', 'c', 'd']) await log.append(proposalOf(text))
  place.faults.clear()
  place.faults.set('w1', down)
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('e'))).head.note), ['w2', 'w3'])
  await log.close()
})

test('witnesses: C14, what was persisted and whose answer was lost is asked for again', async () => {
  const place = createPlace({ quorum: 3 })
  const audit = new LogAudit()
  const log = await place.open(emptyLogDisk())
  await audit.included(await log.append(proposalOf('a')), 'a')
  place.faults.set('w2', losing)
  await assert.rejects(log.append(proposalOf('b')), refusedBy(/witness "w2": no usable answer/))
  assert.equal(place.witnesses.w2.seen.get(testOrigin)?.size, 2n)
  assert.equal(log.head().size, 1n)
  place.faults.clear()
  place.asked.length = 0
  const included = await log.append(proposalOf('b'))
  assert.deepEqual(
    place.asked.filter(line => line.startsWith('w2')),
    ['w2 old 1', 'w2 old 2'],
  )
  assert.deepEqual(await cosignersOf(included.head.note), ['w1', 'w2', 'w3'])
  await audit.included(included, 'b')
  await audit.check(log)
  await log.close()
})

for (const { name, fault, message } of [
  { name: '400', fault: saying(400, 'what?'), message: /takes what it is asked for malformed, 400: "what\?"/ },
  { name: '403', fault: saying(403), message: /it trusts none of the keys that signed the head, 403: ""/ },
  { name: '404', fault: saying(404, 'no'), message: /it does not know the log, 404: "no"/ },
  { name: '500', fault: saying(500), message: /want status 200, got 500/ },
  { name: '409 without a size', fault: saying(409, 'no', 'text/plain'), message: /want a decimal and a newline, got "no"/ },
  {
    name: '409 with what it was told',
    fault: saying(409, '0\n'),
    message: /answers 409 to a head that goes on from size 0, which it has seen last/,
  },
  { name: 'an empty answer', fault: saying(200), message: /want at least one signature line/ },
  { name: 'too long an answer', fault: saying(200, 'x'.repeat(20_000)), message: /want at most 16384 bytes, got more/ },
  { name: 'what is no signature', fault: saying(200, 'ok\n'), message: /want an em dash, a key name and base64/ },
] as { name: string; fault: Fault; message: RegExp }[])
  test(`witnesses: ${name} is no cosignature`, async () => {
    const place = createPlace()
    place.faults.set('w1', fault)
    place.faults.set('w2', down)
    const log = await place.open(emptyLogDisk())
    await assert.rejects(log.append(proposalOf('a')), refusedBy(message))
    await log.close()
  })

test('witnesses: one that changes its mind is not asked for ever', async () => {
  const place = createPlace({ quorum: 3 })
  const log = await place.open(emptyLogDisk())
  for (const text of ['a', 'b', 'c']) await log.append(proposalOf(text))
  let asked = 0
  place.faults.set('w1', async () => new Response(`${++asked % 3}\n`, { status: 409, headers: { 'content-type': 'text/x.tlog.size' } }))
  await assert.rejects(log.append(proposalOf('d')), refusedBy(/witness "w1": it says 3 times that it has seen something else, last size 0/))
  assert.equal(asked, 3)
  await log.close()
})

test('witnesses: a tree that cannot be read is the store’s failure, and not theirs', async () => {
  const place = createPlace({ failOpen: true })
  const ask = createCosigning(place.options)
  const note = (await (await place.open(emptyLogDisk())).append(proposalOf('a'))).head.note
  place.faults.set('w1', saying(409, '1\n'))
  place.faults.set('w2', down)
  place.faults.set('w3', down)
  const broken = () => Promise.reject(new CountersignError('STORE_CORRUPT', 'log: a tile is not what it was'))
  await assert.rejects(ask(note, broken), { code: 'STORE_CORRUPT', message: /a tile is not what it was/ })
})

for (const { name, lines, message } of [
  {
    name: 'of another key',
    lines: (text: string) => cosign(text, { name: 'w1.example', key: signers.w2.publicKey }, 1n, signers.w2.sign),
    message: /cosignature: want one of "w1\.example", got none/,
  },
  {
    name: 'of another name',
    lines: (text: string) => cosign(text, { name: 'w9.example', key: signers.w1.publicKey }, 1n, signers.w1.sign),
    message: /cosignature: want one of "w1\.example", got none/,
  },
  {
    name: 'over another head',
    lines: (text: string) => cosign(`${text}more\n`, { name: 'w1.example', key: signers.w1.publicKey }, 1n, signers.w1.sign),
    message: /cosignature: "w1\.example" did not make it/,
  },
])
  test(`witnesses: a cosignature ${name} is not added`, async () => {
    const place = createPlace()
    place.faults.set('w1', async request => {
      const note = (await request.text()).replace(/^old[^\n]*\n([^\n]+\n)*\n/, '')
      return new Response(encodeCosignatures([await lines(parseSignedNote(note).text)]))
    })
    place.faults.set('w2', down)
    const log = await place.open(emptyLogDisk())
    await assert.rejects(log.append(proposalOf('a')), refusedBy(message))
    await log.close()
  })

test('witnesses: lines beside the cosignature are left out, and one bad of two is refused', async () => {
  const place = createPlace({ quorum: 3 })
  const more = async (answer: Response, time: bigint) => {
    const stranger = await cosign('x\n', { name: 'w9.example', key: signers.w2.publicKey }, time, signers.w2.sign)
    return new Response((await answer.text()) + encodeCosignatures([stranger]))
  }
  place.faults.set('w1', async (request, answer) => await more(await answer(request), 1n))
  const log = await place.open(emptyLogDisk())
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('a'))).head.note), ['w1', 'w2', 'w3'])
  place.faults.set('w1', async (request, answer) => {
    const bad = await cosign('x\n', { name: 'w1.example', key: signers.w1.publicKey }, 1n, signers.w1.sign)
    return new Response((await (await answer(request)).text()) + encodeCosignatures([bad]))
  })
  await assert.rejects(log.append(proposalOf('b')), refusedBy(/"w1\.example" did not make it/))
  await log.close()
})

/** What a log has at three sizes, and witnesses who have seen the last. */
async function seenAndBackups(place: ReturnType<typeof createPlace>) {
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  await log.append(proposalOf('a'))
  const backup = copyOfDisk(disk)
  await log.append(proposalOf('b'))
  await log.append(proposalOf('c'))
  await log.close()
  return backup
}

test('witnesses: a restored backup does not start: they have seen more (G8)', async () => {
  for (const failOpen of [false, true]) {
    const place = createPlace({ failOpen })
    const backup = await seenAndBackups(place)
    await assert.rejects(place.open(copyOfDisk(backup)), {
      code: 'STORE_CORRUPT',
      message:
        /^log: a backup must not be continued: no quorum of witnesses: witness "w\d": it has seen size 3 of this log, which has 1 entries$/,
    })
  }
})

for (const { name, more, message } of [
  { name: 'more of it', more: ['x'], message: /it has seen size 3 of this log, which has 2 entries/ },
  { name: 'another root of its size', more: ['x', 'y'], message: /it has seen another root of size 3, and answers 409/ },
  { name: 'another history', more: ['x', 'y', 'z'], message: /what it has seen of size 3 does not lead to the head of size 4, 422/ },
])
  test(`witnesses: a log of which they have seen ${name} publishes nothing, also failing open`, async () => {
    const place = createPlace({ failOpen: true })
    const disk = await seenAndBackups(place)
    for (const id of ids) place.faults.set(id, down) // so that it starts, and begins another history
    const log = await place.open(disk)
    for (const text of more.slice(0, -1)) await log.append(proposalOf(text))
    place.faults.delete('w1')
    place.faults.delete('w2')
    const before = log.head()
    await assert.rejects(log.append(proposalOf(more.at(-1)!)), { code: 'WITNESS_CONTRADICTED', message })
    assert.equal(log.head(), before)
    assert.match(place.lines.filter(line => line.startsWith('error')).join('\n'), message)
    await log.close()
  })

for (const { name, fault } of [
  { name: 'is no text', fault: saying(422, Uint8Array.of(0xff)) },
  { name: 'is too long', fault: saying(422, 'x'.repeat(20_000)) },
  { name: 'does not end', fault: async () => new Response(new ReadableStream(), { status: 422 }) },
])
  test(`witnesses: a contradiction whose reason ${name} is one all the same, also failing open`, async () => {
    const place = createPlace({ failOpen: true })
    const log = await place.open(emptyLogDisk())
    await log.append(proposalOf('a'))
    place.faults.set('w1', fault)
    place.faults.set('w2', down)
    const message = /does not lead to the head of size 2, 422/
    await assert.rejects(log.append(proposalOf('b')), { code: 'WITNESS_CONTRADICTED', message })
    assert.equal(log.head().size, 1n)
    await log.close()
  })

test('witnesses: one that lost what it had seen, and is asked for the same head again, is led on from its beginning', async () => {
  const place = createPlace({ quorum: 3 })
  const log = await place.open(emptyLogDisk())
  await log.append(proposalOf('a'))
  place.faults.set('w2', down)
  await assert.rejects(log.append(proposalOf('b')), refusedBy(/no quorum/))
  place.witnesses.w1.seen.clear()
  place.faults.clear()
  place.asked.length = 0
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('b'))).head.note), ['w1', 'w2', 'w3'])
  assert.deepEqual(
    place.asked.filter(line => line.startsWith('w1')),
    ['w1 old 2', 'w1 old 0'],
  )
  await log.close()
})

test('witnesses: one alone that tells of more does not stop a log whose others are a quorum', async () => {
  const place = createPlace()
  place.faults.set('w1', saying(409, '99\n', 'text/x.tlog.size'))
  const log = await place.open(emptyLogDisk())
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('a'))).head.note), ['w2', 'w3'])
  await log.close()
})

test('witnesses: a crash while they are down, failing closed, shows what was shown before, and loses nothing', async () => {
  const place = createPlace()
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await place.open(disk)
  await audit.included(await log.append(proposalOf('a')), 'a')
  for (const id of ids) place.faults.set(id, down)
  await assert.rejects(log.append(proposalOf('b')), refusedBy(/no quorum/))
  const shown = log.head()
  unplug(disk)
  const again = await place.open(disk)
  assert.deepEqual(again.head().note, shown.note)
  await audit.check(again)
  assert.equal(await again.entry(1n), undefined)
  place.faults.clear()
  await audit.included(await again.append(proposalOf('c')), 'c')
  assert.equal(again.head().size, 3n)
  await audit.check(again)
  await log.close()
})

test('witnesses: a log that never published starts without them as an empty one, failing closed', async () => {
  const place = createPlace()
  const disk = emptyLogDisk()
  const plain = await openTestLog(openMemoryStore(disk))
  await plain.append(proposalOf('a'))
  await plain.close()
  disk.objects.clear()
  for (const id of ids) place.faults.set(id, down)
  const log = await place.open(disk)
  assert.equal(log.head().size, 0n)
  await assert.rejects(log.append(proposalOf('a')), refusedBy(/no quorum/))
  place.faults.clear()
  assert.equal((await log.append(proposalOf('a'))).entry.index, 0n)
  await log.close()
})

test('witnesses: the last head of a log is cosigned too, and cosigned again where the answer was lost', async () => {
  const place = createPlace({ quorum: 3 })
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  await log.append(proposalOf('a'))
  place.faults.set('w2', losing)
  await assert.rejects(log.freeze(frozenLine('the end')), refusedBy(/no quorum/))
  assert.equal(log.isFrozen(), true)
  await assert.rejects(log.append(proposalOf('b')), { code: 'LOG_FROZEN' })
  place.faults.clear()
  const last = await log.freeze(frozenLine('the end'))
  assert.deepEqual([last.size, last.frozen], [1n, 'Log frozen \u2014 the end'])
  assert.deepEqual(await cosignersOf(last.note), ['w1', 'w2', 'w3'])
  await log.close()
  const again = await place.open(disk)
  assert.deepEqual(await cosignersOf(again.head().note), ['w1', 'w2', 'w3'])
  assert.equal(again.head().frozen, last.frozen)
  await again.close()
})

test('witnesses: a log that was frozen while they were away says so when they are back, also after it started again', async () => {
  const place = createPlace({ quorum: 3 })
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  const { head } = await log.append(proposalOf('a'))
  for (const id of ids) place.faults.set(id, down)
  await assert.rejects(log.freeze(frozenLine('the end')), refusedBy(/no quorum/))
  await log.close()
  const rests: (() => void)[] = []
  const again = await openTestLog(openMemoryStore(disk), {
    cosign: createCosigning(place.options),
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        rests.push(resolve)
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
  assert.equal(again.head().note, head.note)
  await assert.rejects(again.append(proposalOf('b')), { code: 'LOG_FROZEN' })
  place.faults.clear()
  while (again.head().frozen === undefined) {
    for (const wake of rests.splice(0)) wake()
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.deepEqual(await cosignersOf(again.head().note), ['w1', 'w2', 'w3'])
  assert.deepEqual(disk.objects.get('checkpoint'), encodeUtf8(again.head().note))
  await again.close()
})

// Every write of a run with witnesses fails once, before and after it lands.

const texts = ['a', 'b', 'c']

async function run(log: TileLog, audit: LogAudit): Promise<void> {
  for (const text of texts)
    try {
      await audit.included(await log.append(proposalOf(text)), text)
    } catch (cause) {
      assert.ok(cause instanceof CountersignError && cause.code === 'STORE_UNAVAILABLE', String(cause))
    }
}

async function withFault(fault: StoreFault | undefined): Promise<number> {
  const place = createPlace()
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const { store, writes } = faultyStore(openMemoryStore(disk), fault)
  let shownSize = 0n
  try {
    const log = await openTestLog(store, { cosign: createCosigning(place.options) })
    await run(log, audit)
    shownSize = log.head().size
    await log.close()
  } catch (cause) {
    assert.ok(fault?.afterwards === 'dies' && cause instanceof CountersignError && cause.code === 'STORE_UNAVAILABLE', String(cause)) // it never opened
  }
  unplug(disk)
  for (const id of ids) place.faults.set(id, down)
  const without = await place.open(disk) // witnesses are down when it starts again
  assert.ok(without.head().size >= shownSize, 'a head went back')
  await audit.check(without)
  await without.close()
  place.faults.clear()
  const again = await place.open(disk)
  await run(again, audit)
  assert.equal(again.head().size, BigInt(texts.length))
  await audit.check(again)
  await again.close()
  return writes()
}

const writes = await withFault(undefined)

for (const afterwards of ['dies', 'once'] as const)
  for (const when of ['before', 'after'] as const)
    test(`witnesses: a fault ${when} each of ${writes} writes lands, after which the store ${afterwards === 'dies' ? 'is gone' : 'works again'}`, async () => {
      assert.ok(writes >= 2 * texts.length, `${writes} writes`)
      for (let write = 1; write <= writes; write++) await withFault({ write, when, afterwards })
    })

test('witnesses: those of a policy are asked at its URLs', () => {
  const { policy } = createPlace()
  assert.deepEqual(
    witnessesOf(policy.quorum!).map(({ url }) => url.href),
    ['https://w1.example/', 'https://w2.example/', 'https://w3.example/'],
  )
})
