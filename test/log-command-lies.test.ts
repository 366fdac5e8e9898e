import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encodeUtf8 } from '../src/codec/text.ts'
import { assertRefused, createRig, good, type Rig } from '../src/testing/command-rig.ts'
import { openRekorV1, openRekorV2, type RekorRig } from '../src/testing/rekor/rekor-rig.ts'
import { encodeTrustedRoot } from '../src/trust/trusted-root.ts'

import { addV1, addV2, handlerOf, nobody, robot, trustedLog } from './log-commands/setup.ts'

// What the log commands refuse of the answers of each version of Rekor.

describe('what only Rekor v1 can do', () => {
  const host = 'rekor.example'
  const flags = `--rekor-url https://${host} --trusted-root root.json --state-folder seen`
  let rekor: RekorRig
  before(async () => {
    rekor = await openRekorV1()
    for (const text of ['a', 'b', 'c']) await addV1(rekor, robot, encodeUtf8(text))
  })
  after(() => rekor.close())
  const rigWith = (change?: Parameters<typeof handlerOf>[1]): Rig => {
    const rig = createRig({ hosts: { [host]: handlerOf(rekor, change) } })
    rig.disk.set('root.json', encodeTrustedRoot({ ...nobody, transparencyLogs: [trustedLog(rekor, host, 'v1')] }))
    return rig
  }

  test('get by the ID of an entry, with its tree and without', async () => {
    const rig = rigWith()
    const [{ id }] = JSON.parse((await good(rig.cs(`log get 1 ${flags} --output json`))).stdout).entries
    assert.match(id, /^[0-9a-f]{80}$/)
    for (const name of [id, id.slice(16)])
      assert.equal(JSON.parse((await good(rig.cs(`log get ${name} ${flags} --output json`))).stdout).entries[0].logIndex, '1')
    const other = id.slice(0, -1) + (id.endsWith('0') ? '1' : '0')
    assertRefused(await rig.cs(`log get ${other} ${flags} --output json`), { exit: 5, code: 'TLOG_ENTRY_MISSING', message: /has no entry/ })
    assertRefused(await rig.cs(`log get ${id.slice(1)} ${flags} --output json`), {
      exit: 1,
      code: 'USAGE',
      message: /an ID of 64 or 80 hex digits/,
    })
  })

  test('a tree whose stated size is not the one that is signed', async () => {
    const rig = rigWith(async (request, response) =>
      request.url.endsWith('/api/v1/log')
        ? new Response((await response.text()).replace('"treeSize":3', '"treeSize":4'), response)
        : response,
    )
    assertRefused(await rig.cs(`log info ${flags} --output json`), {
      exit: 4,
      code: 'TLOG_INCLUSION_MISMATCH',
      message: /states a tree of size 4 and signed one of size 3/,
    })
  })

  for (const { name, change, message } of [
    { name: 'another index', change: (text: string) => text.replaceAll('"logIndex":1', '"logIndex":2'), message: /has no entry 1/ },
    {
      name: 'another root',
      change: (text: string) => text.replace(/"rootHash":"[0-9a-f]{4}/, '"rootHash":"0000'),
      message: /its root is not the one of the checkpoint/,
    },
    {
      name: 'another path',
      change: (text: string) => text.replace(/"hashes":\["[0-9a-f]{4}/, '"hashes":["0000'),
      message: /does not lead to the root/,
    },
    {
      name: 'another time',
      change: (text: string) => text.replace(/"integratedTime":\d+/, '"integratedTime":1'),
      message: /signed entry timestamp/,
    },
    {
      name: 'no proof',
      change: (text: string) => text.replace(/"inclusionProof":\{.*?\},/, ''),
      message: /want a proof of inclusion, got none/,
    },
  ])
    test(`an entry that is answered with ${name}`, async () => {
      const rig = rigWith(async (request, response) =>
        request.url.includes('entries') ? new Response(change(await response.text()), response) : response,
      )
      const { failure } = await rig.cs(`log get 1 ${flags} --output json`)
      assert.match(failure!.message, message)
    })
})

describe('what is read of Rekor v2 is held to its checkpoint', () => {
  const host = 'log.example'
  const flags = `--rekor-url https://${host} --trusted-root root.json --state-folder seen`
  let rekor: RekorRig
  before(async () => {
    rekor = await openRekorV2()
    for (let at = 0; at < 270; at += 45)
      await Promise.all(Array.from({ length: 45 }, (_, offset) => addV2(rekor, robot, encodeUtf8(`build ${at + offset}`))))
  })
  after(() => rekor.close())
  const rigWith = (change?: Parameters<typeof handlerOf>[1], requested: string[] = []): Rig => {
    const handler = handlerOf(rekor, change)
    const rig = createRig({
      hosts: {
        [host]: request => {
          requested.push(new URL(request.url).pathname)
          return handler(request)
        },
      },
    })
    rig.disk.set('root.json', encodeTrustedRoot({ ...nobody, transparencyLogs: [trustedLog(rekor, host, 'v2')] }))
    rig.disk.set('robot.pub', robot.pem)
    return rig
  }
  /** Flips one bit of what is answered at a path. */
  const flipping =
    (path: RegExp, at: number): Parameters<typeof handlerOf>[1] =>
    async (request, response) => {
      if (!path.test(request.url) || response.status !== 200) return response
      const bytes = new Uint8Array(await response.arrayBuffer())
      bytes[at < 0 ? bytes.length + at : at]! ^= 1
      return new Response(bytes, { status: 200 })
    }

  for (const { name, path, at } of [
    { name: 'the partial tile of leaves', path: /tile\/0\/001\.p/, at: 3 },
    { name: 'a full tile of leaves', path: /tile\/0\/000$/, at: 40 * 32 },
    { name: 'the tile above', path: /tile\/1\/000\.p/, at: 31 },
    { name: 'an entry', path: /tile\/entries\/000$/, at: 300 },
  ])
    test(`get refuses one flipped bit of ${name}`, async () => {
      const { failure } = await rigWith(flipping(path, at)).cs(`log get 0 ${flags} --output json`)
      assert.ok(failure!.kind === 'untrusted' || failure!.kind === 'malformed', JSON.stringify(failure))
    })

  for (const { name, path, at } of [
    { name: 'a full bundle', path: /tile\/entries\/000$/, at: 300 },
    { name: 'the last bundle', path: /tile\/entries\/001\.p/, at: -30 },
  ])
    test(`no index is made of one flipped bit of ${name}`, async () => {
      const rig = rigWith(flipping(path, at))
      assertRefused(await rig.cs(`log search --public-key robot.pub ${flags} --output json`), {
        exit: 4,
        code: 'TLOG_INCLUSION_MISMATCH',
        message: /its entries are not those of the tree that the log signed/,
      })
      assert.ok(![...rig.disk.keys()].some(name => name.includes('/index/')))
    })

  test('the index grows with the log, and is made anew where it is broken', async () => {
    const requested: string[] = []
    const rig = rigWith(undefined, requested)
    const search = `log search --public-key robot.pub --limit 1000 ${flags} --output json`
    const count = async () => JSON.parse((await good(rig.cs(search))).stdout).entries.length as number
    const first = await count()
    await addV2(rekor, robot, encodeUtf8(`one more ${performance.now()}`))
    requested.length = 0
    assert.equal(await count(), first + 1)
    const index = [...rig.disk.keys()].find(name => name.includes('/index/'))!
    rig.disk.set(index, 'broken')
    assert.equal(await count(), first + 1)
  })

  test('a log that is larger than asked for is not fetched', async () => {
    const requested: string[] = []
    const rig = rigWith(undefined, requested)
    const outcome = await rig.cs(`log search --email a@example.com --max-entries 100 ${flags} --output json`)
    assertRefused(outcome, {
      exit: 3,
      code: 'LIMIT_EXCEEDED',
      message: /want at most 100 entries to make an index of, got 27\d: --max-entries/,
    })
    assert.deepEqual(
      requested.filter(path => path.includes('entries/')),
      [],
    )
  })

  test('bundles that storage has compressed', async () => {
    const rig = rigWith(async (request, response) =>
      request.url.includes('tile/entries')
        ? new Response(gzipSync(new Uint8Array(await response.arrayBuffer())), { headers: { 'content-encoding': 'gzip' } })
        : response,
    )
    await good(rig.cs(`log get 3 ${flags}`))
  })

  test('tiles below api/v2 alone', async () => {
    const rig = rigWith((request, response) =>
      new URL(request.url).pathname.startsWith('/api/') ? response : new Response(null, { status: 404 }),
    )
    await good(rig.cs(`log get 3 ${flags}`))
  })

  test('an entry by an ID', async () => {
    assertRefused(await rigWith().cs(`log get ${'a'.repeat(64)} ${flags} --output json`), {
      exit: 1,
      code: 'USAGE',
      message: /Rekor v2 has no entry IDs/,
    })
  })
})
