import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import { cosign } from '../src/formats/log/cosignature.ts'
import { parseSignedNote } from '../src/formats/log/signed-note.ts'
import { encodeCosignatures } from '../src/formats/log/witness/add-checkpoint.ts'
import { createCosigning } from '../src/log/witness/cosigning.ts'
import { LogAudit } from '../src/testing/log/log-audit.ts'
import { proposalOf, testOrigin } from '../src/testing/log/log-rig.ts'
import { copyOfDisk, emptyLogDisk } from '../src/testing/log/memory-store.ts'
import type { WitnessFault as Fault } from '../src/testing/log/test-witness.ts'
import {
  cosignersOf,
  createPlace,
  down,
  witnessIds as ids,
  losing,
  refusedBy,
  saying,
  witnessSigners as signers,
} from '../src/testing/log/witness-rig.ts'

// Scenario 39 and crash point C14 of the services' contract: what witnesses answer, which of it is a cosignature, and which a contradiction.

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
