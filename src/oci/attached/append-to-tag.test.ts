import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import type { FetchedManifest } from '../manifest.ts'
import { seeded, signal, simulatedTime, type Time, worldOn } from '../registry-rig.test.ts'
import { type Appended, appendToTag, type TagAddition } from './append-to-tag.ts'

/** A tag that holds names, one per line. Every request takes effect after the first part of its latency and is answered after the second. */
function simulatedTag(time: Time, latency: () => number, options: { conditional?: boolean } = {}) {
  let content: string | undefined
  let puts = 0
  const read = async (): Promise<FetchedManifest | undefined> => {
    await time.wait(latency() / 2)
    const bytes = content === undefined ? undefined : encodeUtf8(content)
    await time.wait(latency() / 2)
    if (!bytes) return undefined
    const digest = ociDigestOf(bytes)
    return { mediaType: 'text', bytes, digest, ...(options.conditional && { etag: `"${digest}"` }) }
  }
  const put: TagAddition['put'] = async (draft, precondition) => {
    await time.wait(latency() / 2)
    const current = content === undefined ? 'absent' : `"${ociDigestOf(encodeUtf8(content))}"`
    const wanted = precondition === undefined || precondition === 'absent' ? precondition : precondition.etag
    if (options.conditional && wanted !== undefined && wanted !== current) throw new CountersignError('MANIFEST_CHANGED', 'changed')
    content = decodeUtf8(draft.bytes, 'draft')
    puts++
    await time.wait(latency() / 2)
    return { digest: ociDigestOf(draft.bytes), conditional: options.conditional ?? false }
  }
  return {
    read,
    put,
    names: () => (content === undefined ? [] : content.split('\n')),
    puts: () => puts,
    set: (text: string) => {
      content = text
    },
  }
}

function addition(name: string, tag: Pick<TagAddition, 'read' | 'put'>, prepare?: () => Promise<void>): TagAddition {
  const namesOf = (current: FetchedManifest) => decodeUtf8(current.bytes, 'tag').split('\n')
  return {
    what: 'tag r.example/a:t',
    ...tag,
    holds: current => namesOf(current).includes(name),
    merge: async current => ({
      bytes: encodeUtf8([...(current ? namesOf(current) : []), name].sort().join('\n')),
      mediaType: 'text',
      ...(prepare && { prepare }),
    }),
  }
}

test('a lone writer: read, put, one confirming read 25 ms later', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  const writer = appendToTag(
    worldOn(time, () => 0),
    addition('a', tag),
    signal,
  )
  const end = await time.run([writer])
  assert.deepEqual(await writer, { added: true, digest: ociDigestOf(encodeUtf8('a')) })
  assert.equal(end, 2 + 2 + 25 + 2)
  assert.equal(tag.puts(), 1)
})

test('a lone writer on a slow registry settles for three times its own window', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 100)
  const end = await time.run([
    appendToTag(
      worldOn(time, () => 0),
      addition('a', tag),
      signal,
    ),
  ])
  assert.equal(end, 2 * 100 + 100 + 3 * 200 + 100, 'two reads, to know that slow is usual here')
})

test('what is uploaded before the put is not part of the window: the tag is read again after it', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  const prepare = async () => {
    await time.wait(500)
  }
  const end = await time.run([
    appendToTag(
      worldOn(time, () => 0),
      addition('a', tag, prepare),
      signal,
    ),
  ])
  assert.equal(end, 2 + 500 + 2 + 2 + 25 + 2)
})

test('a change during the upload is seen before the put, so nothing is overwritten', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  const prepare = async () => {
    await time.wait(10)
    if (!tag.names().includes('x')) tag.set('x') // someone who never confirms
  }
  const writer = appendToTag(
    worldOn(time, () => 0),
    addition('a', tag, prepare),
    signal,
  )
  await time.run([writer])
  assert.deepEqual(tag.names(), ['a', 'x'])
  assert.equal(tag.puts(), 1)
})

test('an entry that is there already is not put again', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  tag.set('a\nb')
  const writer = appendToTag(
    worldOn(time, () => 0),
    addition('a', tag),
    signal,
  )
  await time.run([writer])
  assert.equal((await writer).added, false)
  assert.equal(tag.puts(), 0)
})

test('a registry that checks preconditions needs no settling', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2, { conditional: true })
  const end = await time.run([
    appendToTag(
      worldOn(time, () => 0),
      addition('a', tag),
      signal,
    ),
  ])
  assert.equal(end, 4)
})

test('a registry that says it checks but gives no strong etag is not believed', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  tag.set('b')
  const weak = async () => ({ ...(await tag.read())!, etag: 'W/"1"' })
  const put: TagAddition['put'] = async (draft, precondition, aborted) => {
    assert.equal(precondition, undefined)
    return { ...(await tag.put(draft, precondition, aborted)), conditional: true }
  }
  const end = await time.run([
    appendToTag(
      worldOn(time, () => 0),
      addition('a', { read: weak, put }),
      signal,
    ),
  ])
  assert.ok(end > 25, `settled until ${end}`)
})

test('two writers, the second starting at any moment and pausing anywhere within the settle time: both survive', async () => {
  // with B's pause between its read and its put this holds the order A reads, B reads, A puts, A looks, B puts
  for (let start = 0; start <= 60; start += 1)
    for (const pause of [0, 3, 7, 14, 22])
      for (const conditional of [false, true]) {
        const time = simulatedTime()
        const tag = simulatedTag(time, () => 2, { conditional })
        const slow: TagAddition['put'] = async (...draft) => {
          await time.wait(pause)
          return tag.put(...draft)
        }
        const a = appendToTag(
          worldOn(time, () => 0.25),
          addition('a', tag),
          signal,
        )
        const b = time.wait(start).then(() =>
          appendToTag(
            worldOn(time, () => 0.75),
            addition('b', { ...tag, put: slow }),
            signal,
          ),
        )
        await time.run([a, b])
        assert.deepEqual(tag.names(), ['a', 'b'], `start ${start}, pause ${pause}, conditional ${conditional}`)
        assert.ok((await a).added && (await b).added)
      }
})

test('a read whose answer comes unusually late is made again before anything is put on it', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  let reads = 0
  const read = async () => {
    const seen = await tag.read()
    if (reads++ === 0) await time.wait(500) // our process was stopped, long enough for another to add and confirm
    return seen
  }
  const stopped = appendToTag(
    worldOn(time, () => 0),
    addition('a', { ...tag, read }),
    signal,
  )
  const other = time.wait(10).then(() =>
    appendToTag(
      worldOn(time, () => 0),
      addition('b', tag),
      signal,
    ),
  )
  await time.run([stopped, other])
  assert.deepEqual(tag.names(), ['a', 'b'])
})

test('presence at one look is not enough: a chain of writers, each within the settle time, hides that another lacks our entry', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  // whole contents that others put, each merged from what was there at its own read, at most 39 ms before
  const puts = [
    { at: 10, names: 'v' }, // read before our put at 3
    { at: 30, names: 'a\nx' }, // read ours
    { at: 48, names: 'v\nw' }, // read v alone, at 10
  ]
  const others = puts.map(async ({ at, names }) => {
    await time.wait(at)
    tag.set(names)
  })
  const writer = appendToTag(
    worldOn(time, () => 0),
    addition('a', tag),
    signal,
  )
  await time.run([writer, ...others])
  assert.deepEqual(tag.names(), ['a', 'v', 'w'])
})

test('the limit of what can be promised: a writer that sits on its read for longer than our settle time overwrites us', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  const stalled = async () => {
    const seen = await tag.read()
    assert.equal(seen, undefined)
    await time.wait(500)
    await tag.put({ bytes: encodeUtf8('stalled'), mediaType: 'text' }, undefined, signal)
  }
  const writer = appendToTag(
    worldOn(time, () => 0),
    addition('a', tag),
    signal,
  )
  await time.run([writer, stalled()])
  assert.deepEqual(tag.names(), ['stalled'])
})

for (const writers of [2, 3, 5, 20])
  for (const conditional of [false, true])
    test(`${writers} writers at once survive, with latencies at random, ${conditional ? 'with' : 'without'} preconditions`, async () => {
      for (let seed = 1; seed <= 400 / writers; seed++) {
        const random = seeded(seed)
        const time = simulatedTime()
        const tag = simulatedTag(time, () => 1 + 9 * random(), { conditional })
        const all = Array.from({ length: writers }, async (_, index) => {
          await time.wait(random() * 30)
          const prepare = index % 2 === 0 ? () => time.wait(random() * 20) : undefined // half as signature tags, half as indexes
          return appendToTag(worldOn(time, random), addition(`w${String(index).padStart(2, '0')}`, tag, prepare), signal)
        })
        const end = await time.run(all)
        assert.equal(tag.names().length, writers, `seed ${seed}: ${tag.names()}`)
        for (const writer of all) assert.equal((await writer).added, true)
        assert.ok(end < 60_000, `seed ${seed}: ended after ${end} ms`)
      }
    })

test('REFERRERS_CONTENDED when others never stop replacing it, naming what is there', async () => {
  const time = simulatedTime()
  const tag = simulatedTag(time, () => 2)
  const put: TagAddition['put'] = async (...draft) => {
    const pushed = await tag.put(...draft)
    tag.set('other')
    return pushed
  }
  const writer = appendToTag(
    worldOn(time, () => 0.5),
    addition('a', { ...tag, put }),
    signal,
  )
  const end = time.run([writer])
  await assert.rejects(writer, {
    code: 'REFERRERS_CONTENDED',
    message: `tag r.example/a:t: other writers kept replacing what was added, 100 times; it holds ${ociDigestOf(encodeUtf8('other'))} now`,
  })
  assert.ok((await end) < 200_000, 'settling is bounded')
})

test('a registry that refuses every condition ends too', async () => {
  const time = simulatedTime()
  const put: TagAddition['put'] = async () => {
    throw new CountersignError('MANIFEST_CHANGED', 'changed')
  }
  const writer = appendToTag(
    worldOn(time, () => 0.5),
    addition('a', { read: async () => undefined, put }),
    signal,
  )
  void time.run([writer])
  await assert.rejects(writer, { code: 'REFERRERS_CONTENDED', message: /it holds nothing now/ })
})

for (const landed of [false, true])
  test(`a put that fails ${landed ? 'after' : 'before'} it landed is settled by reading, and never repeated as it was`, async () => {
    const time = simulatedTime()
    const tag = simulatedTag(time, () => 2)
    let puts = 0
    const put: TagAddition['put'] = async (...draft) => {
      if (puts++ > 0) return tag.put(...draft)
      if (landed) await tag.put(...draft)
      else tag.set('b') // and meanwhile someone else was there
      throw new CountersignError('REGISTRY_UNAVAILABLE', 'no answer')
    }
    const writer = appendToTag(
      worldOn(time, () => 0),
      addition('a', { ...tag, put }),
      signal,
    )
    await time.run([writer])
    assert.equal((await writer).added, true)
    assert.deepEqual(tag.names(), landed ? ['a'] : ['a', 'b'])
    assert.equal(puts, landed ? 1 : 2)
  })

test('a put that fails six times is given up', async () => {
  const time = simulatedTime()
  let puts = 0
  const put: TagAddition['put'] = async () => {
    throw new CountersignError('REGISTRY_UNAVAILABLE', `answer ${++puts}`)
  }
  const writer = appendToTag(
    worldOn(time, () => 0),
    addition('a', { read: async () => undefined, put }),
    signal,
  )
  void time.run([writer])
  await assert.rejects(writer, { code: 'REGISTRY_UNAVAILABLE', message: 'answer 6' })
})

for (const step of ['read', 'put', 'confirm'] as const)
  test(`a failure of the ${step} is the caller's to see, and trying again adds the entry once`, async () => {
    const time = simulatedTime()
    const tag = simulatedTag(time, () => 2)
    const broken = new CountersignError('REGISTRY_DENIED', `no ${step}`)
    let reads = 0
    const failing = addition('a', {
      read: async () => {
        if (step === (reads++ === 0 ? 'read' : 'confirm')) throw broken
        return tag.read()
      },
      put: async (...draft) => {
        if (step === 'put') throw broken
        return tag.put(...draft)
      },
    })
    const first = appendToTag(
      worldOn(time, () => 0),
      failing,
      signal,
    )
    const again = first.then(
      (): Appended => assert.fail('it failed'),
      error => {
        assert.equal(error, broken)
        return appendToTag(
          worldOn(time, () => 0),
          addition('a', tag),
          signal,
        )
      },
    )
    await time.run([again])
    await again
    assert.deepEqual(tag.names(), ['a'])
  })
