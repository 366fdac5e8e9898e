import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeHex } from '../src/codec/hex.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { parsePublicKeyDer } from '../src/crypto/public-key.ts'
import { frozenLine } from '../src/formats/log/checkpoint.ts'
import { parseLogAnswer } from '../src/formats/log/log-answer.ts'
import { readLogEntry } from '../src/formats/log/log-entry.ts'
import { noteKeyId } from '../src/formats/log/note-key.ts'
import { parseProtoJson } from '../src/formats/proto-json.ts'
import { assertRefused, createRig, good, type Rig } from '../src/testing/command-rig.ts'
import { openRekorV1, openRekorV2, signContent } from '../src/testing/rekor/rekor-rig.ts'
import type { TransparencyLog } from '../src/trust/transparency-log.ts'
import { encodeTrustedRoot } from '../src/trust/trusted-root.ts'

import {
  addV1,
  addV2,
  alice,
  content,
  encodeKeyBundleWith,
  handlerOf,
  type Logged,
  nobody,
  robot,
  trustedLog,
} from './log-commands/setup.ts'

// `log info|get|search|verify` against our own Rekor v1 and v2: what they prove, and how a log can lie to them.

const kinds = [
  { version: 'v1', host: 'rekor.example', open: () => openRekorV1(), add: addV1 },
  { version: 'v2', host: 'log.example', open: () => openRekorV2(), add: addV2 },
] as const

test('a log that was frozen is told so by info, after it was seen alive, and proves its entries as before', async () => {
  const rekor = await openRekorV2()
  await addV2(rekor, alice, content, 'alice@example.com')
  const { cs, disk } = createRig({ hosts: { 'log.example': handlerOf(rekor) } })
  disk.set('root.json', encodeTrustedRoot({ ...nobody, transparencyLogs: [trustedLog(rekor, 'log.example', 'v2')] }))
  const flags = '--rekor-url https://log.example --trusted-root root.json --state-folder seen'
  assert.doesNotMatch((await good(cs(`log info ${flags}`))).stdout, /frozen/)
  await rekor.log.freeze(frozenLine('use the next log'))
  assert.match((await good(cs(`log info ${flags}`))).stdout, /^ {2}frozen {5}"Log frozen \u2014 use the next log"$/m)
  assert.equal(JSON.parse((await good(cs(`log info ${flags} --output json`))).stdout).frozen, 'Log frozen \u2014 use the next log')
  assert.match((await good(cs(`log get 0 ${flags}`))).stdout, /alice@example\.com/)
  await rekor.close()
})

for (const { version, host, open, add } of kinds)
  describe(`Rekor ${version}`, () => {
    let log: Logged
    before(async () => {
      const rekor = await open()
      log = { rekor, host, add: (key, text, email) => add(rekor, key, text, email) }
      for (let at = 0; at < 300; at += 50)
        await Promise.all(Array.from({ length: 50 }, (_, offset) => log.add(robot, encodeUtf8(`build ${at + offset}`))))
      await log.add(alice, content, 'alice@example.com')
    })
    after(() => log.rekor.close())

    const rigWith = (
      change?: Parameters<typeof handlerOf>[1],
      trusted: readonly TransparencyLog[] = [trustedLog(log.rekor, host, version)],
    ): Rig => {
      const rig = createRig({ hosts: { [host]: handlerOf(log.rekor, change) } })
      rig.disk.set('root.json', encodeTrustedRoot({ ...nobody, transparencyLogs: trusted }))
      rig.disk.set('release', content)
      rig.disk.set('robot.pub', robot.pem)
      return rig
    }
    const flags = `--rekor-url https://${host} --trusted-root root.json --state-folder seen`
    const parse = (text: string) =>
      JSON.parse(text) as { entries: { logIndex: string; id: string; signerNames: string[]; confirmed?: boolean }[] }

    test('info shows the verified head, and keeps it', async () => {
      const rig = rigWith()
      const { stdout } = await good(rig.cs(`log info ${flags} --output json`))
      const info = JSON.parse(stdout) as Record<string, unknown>
      assert.deepEqual([info['version'], info['treeSize']], [version, '301'])
      assert.match((await good(rig.cs(`log info ${flags}`))).stdout, /its head verified:\n {2}origin {5}".*"\n {2}tree size {2}301\n/)
      assert.equal([...rig.disk.keys()].filter(path => path.startsWith('seen/')).length, 1)
    })

    for (const index of [0, 255, 256, 300])
      test(`get proves entry ${index}`, async () => {
        const { stdout } = await good(rigWith().cs(`log get ${index} ${flags} --output json`))
        assert.deepEqual(
          parse(stdout).entries.map(({ logIndex }) => logIndex),
          [String(index)],
        )
      })

    test('get tells people who signed', async () => {
      const { stdout } = await good(rigWith().cs(`log get 300 ${flags}`))
      assert.match(stdout, /signed by "alice@example.com", as its certificate says\n {4}verified: in the tree of 301 entries/)
    })

    test('search finds by artifact, digest, name and key', async () => {
      const rig = rigWith()
      const digest = encodeHex(signContent(alice, content).digest)
      for (const query of [
        '--artifact release',
        `--hash ${digest}`,
        `--hash sha256:${digest.toUpperCase()}`,
        '--email Alice@Example.com',
      ]) {
        const { stdout } = await good(rig.cs(`log search ${query} ${flags} --output json`))
        const { entries } = parse(stdout)
        assert.deepEqual(
          entries.map(({ logIndex, signerNames, confirmed }) => [logIndex, signerNames, confirmed]),
          [['300', ['alice@example.com'], true]],
          query,
        )
      }
      const { stdout, stderr } = await good(rig.cs(`log search --public-key robot.pub --limit 7 ${flags} --output json`))
      assert.deepEqual(parse(stdout).entries.length, 7)
      assert.match(stderr, /only the first 7 entries/)
      assert.equal((await good(rig.cs(`log search --email nobody@example.com ${flags}`))).stdout, 'no entries\n')
      const both = `log search --artifact release --public-key robot.pub ${flags} --output json`
      assert.equal(parse((await good(rig.cs(`${both} --operator and`))).stdout).entries.length, 0)
      assert.ok(parse((await good(rig.cs(both))).stdout).entries.length > 1)
    })

    test('verify holds what was seen, and sees more', async () => {
      const rig = rigWith()
      await good(rig.cs(`log info ${flags}`))
      await log.add(robot, encodeUtf8(`later, ${Math.floor(performance.now())}`))
      assert.match(
        (await good(rig.cs(`log verify --artifact release ${flags}`))).stdout,
        /^verified: ".*" holds this .* and has only grown$/m,
      )
      await good(rig.cs(`log verify 12 ${flags} --output json`))
    })

    test('verify holds a bundle to the log', async () => {
      const rig = rigWith()
      const bundleOf = async (text: string) => {
        const answer = encodeUtf8(JSON.stringify(await log.add(alice, encodeUtf8(text), 'alice@example.com')))
        const entry =
          version === 'v1'
            ? parseLogAnswer(answer, 'answer')[0]!
            : readLogEntry(parseProtoJson(answer, 'answer', { bytes: 1 << 20 }), 'answer')
        const { digest, signature } = signContent(alice, encodeUtf8(text))
        return { entry, bytes: encodeKeyBundleWith(entry, digest, signature) }
      }
      const { entry, bytes } = await bundleOf(`bundled ${performance.now()}`)
      await log.add(robot, encodeUtf8(`after the bundle ${performance.now()}`))
      rig.disk.set('bundle.json', bytes)
      const { stdout } = await good(rig.cs(`log verify --bundle bundle.json ${flags} --output json`))
      assert.deepEqual(
        parse(stdout).entries.map(({ logIndex }) => logIndex),
        [String(entry.logIndex)],
      )
      const broken = new TextDecoder()
        .decode(bytes)
        .replace(/"hashes":\["./, match => `${match.slice(0, -1)}${match.endsWith('A') ? 'B' : 'A'}`)
      rig.disk.set('bundle.json', broken)
      assertRefused(await rig.cs(`log verify --bundle bundle.json ${flags} --output json`), {
        exit: 4,
        code: 'TLOG_INCLUSION_MISMATCH',
        message: /does not lead to the root/,
      })
    })

    test('what is not there', async () => {
      const rig = rigWith()
      assertRefused(await rig.cs(`log get 99999 ${flags} --output json`), {
        exit: 5,
        code: 'TLOG_ENTRY_MISSING',
        message: /has no entry 99999/,
      })
      rig.disk.set('other', 'unsigned')
      assertRefused(await rig.cs(`log verify --artifact other ${flags} --output json`), {
        exit: 5,
        code: 'TLOG_ENTRY_MISSING',
        message: /no entry that shows/,
      })
      assertRefused(await rig.cs(`log get --artifact other ${flags} --output json`), {
        exit: 5,
        code: 'TLOG_ENTRY_MISSING',
        message: /no entry of what/,
      })
    })

    test('a log that nobody trusts', async () => {
      const rig = rigWith(undefined, [])
      assertRefused(await rig.cs(`log info ${flags} --output json`), {
        exit: 4,
        code: 'TLOG_UNKNOWN',
        message: /no log is trusted by file root.json/,
      })
    })

    test('a log of another key', async () => {
      const key = parsePublicKeyDer(alice.spki, 'key')
      const other = {
        ...trustedLog(log.rekor, host, version),
        key,
        scheme: { scheme: 'ecdsa', hash: 'sha256' },
        logId: version === 'v1' ? key.id : noteKeyId(host, key),
      } as const
      assertRefused(await rigWith(undefined, [other]).cs(`log info ${flags} --output json`), {
        exit: 4,
        code: 'TLOG_UNKNOWN',
        message: /is of no log that file root.json trusts/,
      })
    })

    test('a log whose checkpoint somebody changed', async () => {
      const rig = rigWith(async (request, response) => {
        if (!/\/(checkpoint|log)$/.test(request.url)) return response
        return new Response((await response.text()).replace(/(\\n|\n)30[1-9](\\n|\n)/, '$1399$2'), response) // in the note
      })
      assertRefused(await rig.cs(`log info ${flags} --output json`), {
        exit: 4,
        code: 'TLOG_UNKNOWN',
        message: /is of no log that file root.json trusts/,
      })
    })

    test('a log that shrank', async () => {
      const rig = rigWith()
      await good(rig.cs(`log info ${flags}`))
      const younger = await open()
      await add(younger, robot, encodeUtf8('build 0'))
      rig.hosts.set(host, handlerOf(younger))
      assertRefused(await rig.cs(`log info ${flags} --output json`), {
        exit: 4,
        code: 'TLOG_INCLUSION_MISMATCH',
        message: /since it was seen last: .*shrank/,
      })
      await younger.close()
    })

    test('a log with another history', async () => {
      const rig = createRig({ hosts: {} })
      rig.disk.set('root.json', encodeTrustedRoot({ ...nobody, transparencyLogs: [trustedLog(log.rekor, host, version)] }))
      const [one, other] = [await open(), await open()]
      for (const text of ['a', 'b']) await add(one, robot, encodeUtf8(text))
      for (const text of ['c', 'd', 'e']) await add(other, robot, encodeUtf8(text))
      rig.hosts.set(host, handlerOf(one))
      await good(rig.cs(`log info ${flags}`))
      const before = new Map(rig.disk)
      rig.hosts.set(host, handlerOf(other))
      assertRefused(await rig.cs(`log info ${flags} --output json`), {
        exit: 4,
        code: 'TLOG_INCLUSION_MISMATCH',
        message: /since it was seen last/,
      })
      assert.deepEqual(rig.disk, before) // what was seen stays what was seen
      await Promise.all([one.close(), other.close()])
    })

    test('a log that does not answer, and one that is none', async () => {
      const down = rigWith(() => new Response(null, { status: 503 }))
      assertRefused(await down.cs(`log info ${flags} --output json`), {
        exit: 6,
        code: 'TLOG_UNAVAILABLE',
        message: /want status 200, got 503/,
      })
      const none = rigWith(() => new Response(null, { status: 404 }))
      assertRefused(await none.cs(`log info ${flags} --output json`), {
        exit: 6,
        code: 'TLOG_UNAVAILABLE',
        message: /there is no Rekor there/,
      })
    })
  })

for (const { line, message } of [
  { line: 'log get', message: /want the index or ID of an entry, or flags/ },
  { line: 'log get 1 --email a', message: /and not both/ },
  { line: 'log search', message: /want something to look for/ },
  { line: 'log search --hash 12', message: /--hash: want 64 hex digits of SHA-256, got "12"/ },
  { line: 'log search --email a --limit 0', message: /--limit: want 1 to 1000, got 0/ },
  { line: 'log info --rekor-url rekor', message: /--rekor-url: want a URL, got "rekor"/ },
])
  test(`usage: ${line}`, async () => {
    assertRefused(await createRig().cs(`${line} --output json`), { exit: 1, code: 'USAGE', message })
  })
