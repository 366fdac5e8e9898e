import assert from 'node:assert/strict'
import { test } from 'node:test'
import { root, run } from '../scripts/process.ts'

// Tests of the layers below the door ./verify, once more on the code that browsers get: package.json `imports` by its condition `browser`,
// with the WebCrypto of this runtime. test/peers/browser.test.ts runs all of Wycheproof so, and the door itself in Chromium.

for (const { file, env } of [
  { file: 'src/codec/codec.test.ts' },
  { file: 'src/crypto/wycheproof.test.ts', env: { WYCHEPROOF_EVERY: '37' } },
] as readonly { readonly file: string; readonly env?: NodeJS.ProcessEnv }[])
  test(`${file} passes on the code that browsers get`, async () => {
    const { code, output } = await runAsBrowser(file, env)
    assert.equal(code, 0, output)
  })

test('the condition `browser` takes effect', async () => {
  const program = `import { digestOf } from '#native/digest'; console.log(String(digestOf).includes('functions['))`
  const { output } = await run(process.execPath, ['--conditions=browser', '--input-type=module', '-e', program])
  assert.equal(output, 'true\n')
})

function runAsBrowser(file: string, env: NodeJS.ProcessEnv = {}) {
  const args = process.versions['bun'] ? ['test', '--conditions=browser', `./${file}`] : ['--conditions=browser', '--test', file]
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env // with it the runner reports to a parent that is not there
  return run(process.execPath, args, { cwd: root, env: { ...inherited, ...env } })
}
