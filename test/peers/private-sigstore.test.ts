import assert from 'node:assert/strict'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { binFolder } from './harness/bin-folder.ts'
import { countersign, runOk, tool } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { startServer } from './harness/server.ts'

// docs/private-sigstore.md as a new user would follow it: what it serves is served, what it runs is run by sh, at a port that is free.

const place = createPlace()
after(() => place.remove())

const page = readFileSync(join(import.meta.dirname, '../../docs/private-sigstore.md'), 'utf8')
const address = '127.0.0.1:7070'

function readBlock(mark: 'served' | 'run'): string {
  const [, block] = page.match(new RegExp(`<!-- ${mark} -->\n\`\`\`sh\n([\\s\\S]*?)\`\`\``)) ?? []
  assert.ok(block, `docs/private-sigstore.md marks a block as ${mark}`)
  return block
}

test('from nothing to a signature without a key that countersign and cosign verify', async () => {
  const [program, ...args] = readBlock('served').trim().split(' ')
  assert.equal(program, 'countersign')
  const server = await startServer(place, countersign(), [...args, '--url', 'http://127.0.0.1:0'], /^http:\/\/(127\.0\.0\.1:\d+)$/m)
  try {
    const bin = binFolder(place)
    symlinkSync(tool('cosign-3')[0], join(bin, 'cosign'))
    const script = readBlock('run').replaceAll(address, server.host)
    const env = { PATH: `${bin}:${place.env['PATH']}` }
    const { stdout, stderr } = await runOk(place, ['/bin/sh', '-e', '-u'], [], { input: script, env, timeoutMs: 120_000 })
    assert.equal(stderr.match(/^Verified OK$/gm)?.length, 2, stderr)
    assert.match(stdout, /^good {2}probe with log v2 {6}signed as doctor@127\.0\.0\.1, logged at index 0, and verified$/m)
  } finally {
    await server.stop()
  }
})
