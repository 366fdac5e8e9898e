import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const root = join(import.meta.dirname, '..')
const home = mkdtempSync(join(tmpdir(), 'countersign-home-'))
after(() => rmSync(home, { recursive: true }))

const timeout = 180_000 // it starts a whole stack and some thirty commands, each a process
test('npm start: the tour ends by itself with 0, prints each command, shows the refusals, and leaves HOME as it was', {
  timeout,
}, async () => {
  const { code, stdout } = await new Promise<{ code: number; stdout: string }>(resolve => {
    const env = { PATH: process.env['PATH'], HOME: home, TMPDIR: tmpdir(), NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }
    execFile(join(root, 'node_modules/.bin/node'), ['examples/tour.ts'], { cwd: root, env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout: `${out}${err}` }),
    )
  })
  assert.equal(code, 0, stdout)
  for (const line of [/countersign stack up --dev/, /countersign sign --yes/, /countersign verify --certificate-identity/])
    assert.match(stdout, line)
  assert.match(stdout, /Error: no signatures found/)
  assert.match(stdout, /refused referrer sha256:/)
  assert.match(stdout, /nothing but a signature by the right workflow, about this very image, was accepted/)
  assert.deepEqual(readdirSync(home), [])
})
