import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadPackage } from './load-package.ts'

const place = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-packages-')))
after(() => rmSync(place, { recursive: true, force: true }))

/** A package that exports where it lies. */
function install(folder: string): void {
  const own = join(place, folder, 'pkcs11js')
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, 'package.json'), '{"name":"pkcs11js","main":"main.cjs"}')
  writeFileSync(join(own, 'main.cjs'), `module.exports = ${JSON.stringify(folder)}`)
}
install('named/node_modules')
install('node_modules')
install('planted')
mkdirSync(join(place, 'named/empty'))

const load = (folder: string) => loadPackage('pkcs11js', new Map([['COUNTERSIGN_PACKAGES', folder]]))

test('loadPackage: from the folder that is named, or its node_modules', () => {
  assert.equal(load(join(place, 'named')), 'named/node_modules')
  assert.equal(load(join(place, 'named/node_modules')), 'named/node_modules')
})

test('loadPackage: not from what is above the folder that is named', () =>
  assert.throws(() => load(join(place, 'named/empty')), { code: 'CAPABILITY_MISSING', message: /npm install pkcs11js@/ }))

test('loadPackage: a relative folder is refused', () =>
  assert.throws(() => load('named'), { code: 'USAGE', message: /want the absolute path of a folder, got "named"/ }))

test('loadPackage: not from NODE_PATH, which may be where a person stands', () => {
  const script = join(place, 'main.mjs')
  rmSync(join(place, 'node_modules'), { recursive: true })
  const code = `import { loadPackage } from ${JSON.stringify(import.meta.resolve('./load-package.ts'))}
try { console.log(loadPackage('pkcs11js', new Map())) } catch (error) { console.log(error.code) }`
  writeFileSync(script, code)
  const output = execFileSync(process.execPath, [script], {
    cwd: join(place, 'planted'),
    env: { NODE_PATH: '..:.:../planted' },
    encoding: 'utf8',
  })
  assert.equal(output, 'CAPABILITY_MISSING\n')
})
