import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commands, laterCommands } from '../src/cli/commands.ts'
import { run } from '../src/cli/run.ts'
import type { Sink } from '../src/cli/system.ts'
import { createTransport } from '../src/oci/transport.ts'
import { buildImage, pushBuilt } from '../src/testing/image-builder.ts'
import { createMemorySystem } from '../src/testing/memory-system.ts'

// The server command on a real socket of loopback; it is ended as Ctrl-C ends it.

const folder = mkdtempSync(join(tmpdir(), 'countersign-registry-'))
after(() => rmSync(folder, { recursive: true }))
const image = buildImage()
const fetch = createTransport()
const manifest = `v2/app/manifests/${image.digest}`

/** Serves with these flags while `use` lasts; returns what the command wrote and its exit status. */
async function serving(
  flags: readonly string[],
  use: (origin: URL) => Promise<void>,
): Promise<{ code: number; stdout: string; file: string }> {
  const system = createMemorySystem()
  const address = Promise.withResolvers<string>()
  const watched = (sink: Sink): Sink => ({
    ...sink,
    write: data => {
      sink.write(data)
      address.resolve(String(data).trim())
    },
  })
  const sinks = { stdout: watched(system.stdout), openOutputFile: (path: string) => watched(system.openOutputFile(path)) }
  const argv = ['registry', '--listen', '127.0.0.1:0', ...flags]
  const ended = run(argv, { ...system, ...sinks }, { commands, later: laterCommands })
  await use(new URL(await address.promise))
  system.interrupt()
  const code = await ended
  const file = system.disk.get('address')?.data ?? new Uint8Array()
  return { code, stdout: system.written.stdout(), file: new TextDecoder().decode(file) }
}

async function statusOf(origin: URL, path: string, method = 'GET'): Promise<number> {
  const response = await fetch(new URL(path, origin), { method })
  await response.body?.cancel()
  return response.status
}

test('registry serves what was pushed, prints its address on one line, and ends when it is interrupted', async () => {
  const { code, stdout } = await serving([], async origin => {
    await pushBuilt(fetch, origin, 'app', 'v1', image)
    assert.equal(await statusOf(origin, manifest), 200)
    assert.equal(await statusOf(origin, `v2/app/referrers/${image.digest}`), 200)
    assert.equal(await statusOf(origin, manifest, 'DELETE'), 405)
  })
  assert.equal(code, 0)
  assert.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/)
})

test('registry --no-referrers leaves out the referrers API, and --deletes lets clients delete', async () => {
  await serving(['--no-referrers', '--deletes'], async origin => {
    await pushBuilt(fetch, origin, 'app', 'v1', image)
    assert.equal(await statusOf(origin, `v2/app/referrers/${image.digest}`), 404)
    assert.equal(await statusOf(origin, manifest, 'DELETE'), 202)
    assert.equal(await statusOf(origin, manifest), 404)
  })
})

test('registry --dir keeps the content from one run to the next', async () => {
  await serving(['--dir', folder], origin => pushBuilt(fetch, origin, 'app', 'v1', image))
  await serving(['--dir', folder], async origin => assert.equal(await statusOf(origin, manifest), 200))
  await serving([], async origin => assert.equal(await statusOf(origin, manifest), 404))
})

test('registry --output-file takes the address', async () => {
  const { stdout, file } = await serving(['--output-file', 'address'], async () => {})
  assert.equal(stdout, '')
  assert.match(file, /^http:\/\/127\.0\.0\.1:\d+\n$/)
})

for (const { listen, message } of [
  { listen: 'nowhere', message: /^Error: --listen: want HOST:PORT, got "nowhere"$/m },
  { listen: '127.0.0.1:65536', message: /^Error: --listen: want HOST:PORT/m },
  { listen: '203.0.113.1:0', message: /^Error: cannot serve on "203\.0\.113\.1:0": /m },
])
  test(`registry --listen ${listen} is refused`, async () => {
    const system = createMemorySystem()
    assert.notEqual(await run(['registry', '--listen', listen], system, { commands, later: laterCommands }), 0)
    assert.match(system.written.stderr(), message)
    assert.equal(system.written.stdout(), '')
  })
