import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { actors, cosign2, cosign3, ours } from './harness/actor.ts'
import { type Ended, runOk } from './harness/command.ts'
import { listTags } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'

// Acceptance scenarios of keys: passphrases, files, references.

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene.close())

const vectors = join(import.meta.dirname, '../vectors/cosign-keys')
const withoutPassword = () => Object.fromEntries(Object.entries(scene.place.env).filter(([name]) => name !== 'COSIGN_PASSWORD'))
/** A place whose environment has no COSIGN_PASSWORD. */
const unset = () => ({ ...scene.place, env: withoutPassword() })

describe('passphrases', () => {
  for (const { name, passphrase } of [
    { name: 'empty', passphrase: '' },
    { name: 'with spaces and other alphabets', passphrase: ' pä55 wörd ✓ ' },
  ])
    for (const maker of actors)
      test(`${name}, from the environment: made by ${maker.name}, signs with all`, async () => {
        const prefix = `env-${maker.name.replace(' ', '')}-${passphrase.length}`
        const env = { COSIGN_PASSWORD: passphrase }
        const made = await scene.run(maker, ['generate-key-pair', '--output-key-prefix', prefix], { env })
        assert.equal(made.code, 0, made.stderr)
        for (const actor of actors) {
          const { code, stdout, stderr } = await scene.run(actor, ['public-key', '--key', `${prefix}.key`], { env })
          assert.equal(code, 0, `${actor.name}: ${stderr}`)
          assert.equal(stdout, readFileSync(scene.place.path(`${prefix}.pub`), 'utf8'))
        }
      })

  test('all of standard input is the passphrase, not trimmed', async () => {
    for (const [number, maker] of actors.entries()) {
      const prefix = `stdin-${number}`
      await runOk(unset(), maker.command(), ['generate-key-pair', '--output-key-prefix', prefix], { input: 'from a pipe\n' })
      for (const loader of actors) {
        const right = await scene.run(loader, ['public-key', '--key', `${prefix}.key`], { env: { COSIGN_PASSWORD: 'from a pipe\n' } })
        assert.equal(right.code, 0, `${maker.name}, ${loader.name}: ${right.stderr}`)
      }
    }
    const trimmed = await scene.run(ours, ['public-key', '--key', 'stdin-0.key', '--output', 'json'], {
      env: { COSIGN_PASSWORD: 'from a pipe' },
    })
    assert.equal(JSON.parse(trimmed.stdout).error.code, 'PASSPHRASE_WRONG')
  })

  test('a wrong one fails with 1, and nothing is written to the registry', async () => {
    const image = await scene.copyImage('wrong-passphrase')
    for (const actor of actors)
      for (const format of actor.attaches) {
        const args = ['sign', ...actor.signs(format), '--key', scene.a.key, image]
        const { code, stderr } = await scene.run(actor, args, { env: { COSIGN_PASSWORD: 'wrong' } })
        assert.equal(code, 1, actor.name)
        assert.match(stderr, /decrypt: encrypted: decryption failed/)
      }
    assert.deepEqual(await listTags(scene.registry.host, 'wrong-passphrase'), ['v1'])
  })

  test('generate-key-pair does not overwrite without an answer; it takes none from a pipe, where cosign does', async () => {
    for (const actor of [ours, cosign3]) {
      const generate = (input: string) =>
        scene.run(actor, ['generate-key-pair', '--output-key-prefix', 'again'], { input, timeoutMs: 20_000 })
      const read = () => readFileSync(scene.place.path('again.key'), 'utf8')
      if (!existsSync(scene.place.path('again.key'))) assert.equal((await generate('')).code, 0)
      const first = read()
      for (const input of ['', 'n\n']) {
        const { code, stderr } = await generate(input)
        assert.equal(code, 1)
        assert.match(stderr, /File again\.key already exists\. Overwrite\?/)
        assert.equal(read(), first)
      }
      const { code, stderr } = await generate('y\n')
      assert.equal(code, actor === ours ? 1 : 0, stderr)
      if (actor === ours) assert.match(stderr, /a question needs an answer, and standard input is no terminal/)
      assert.equal(read() === first, actor === ours)
    }
  })
})

describe('key files', () => {
  test('generate-key-pair writes cosign.key 0600 and cosign.pub 0644 and says so as cosign does', async () => {
    const said: Ended[] = []
    for (const actor of [ours, cosign3]) {
      said.push(await runOk(scene.place, actor.command(), ['generate-key-pair', '--output-key-prefix', `modes-${said.length}`]))
      const modes = ['key', 'pub'].map(kind => statSync(scene.place.path(`modes-${said.length - 1}.${kind}`)).mode & 0o777)
      assert.deepEqual(modes, [0o600, 0o644], actor.name)
    }
    assert.deepEqual({ ...said[0], stderr: said[0]!.stderr.replaceAll('modes-0', 'modes-1') }, said[1])
    await runOk(scene.place, ours.command(), ['generate-key-pair'])
    assert.ok(existsSync(scene.place.path('cosign.key')) && existsSync(scene.place.path('cosign.pub')))
  })

  test('a file with the older label ENCRYPTED COSIGN PRIVATE KEY signs, and cosign verifies', async () => {
    const pem = readFileSync(scene.a.key, 'utf8').replaceAll('ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY')
    writeFileSync(scene.place.path('old.key'), pem)
    const image = await scene.copyImage('old-label')
    await scene.sign(ours, 'legacy', { key: scene.place.path('old.key'), pub: scene.a.pub }, image)
    for (const actor of actors) assert.equal((await scene.verify(actor, scene.a, image)).code, 0, actor.name)
  })

  test('public-key --outfile writes the bytes of standard output, and of cosign', async () => {
    const { stdout } = await runOk(scene.place, ours.command(), ['public-key', '--key', scene.a.key])
    const { stderr } = await runOk(scene.place, ours.command(), ['public-key', '--key', scene.a.key, '--outfile', 'out.pub'])
    assert.match(stderr, /Public key written to out\.pub/)
    assert.equal(readFileSync(scene.place.path('out.pub'), 'utf8'), stdout)
    for (const cosign of [cosign2, cosign3])
      assert.equal((await runOk(scene.place, cosign.command(), ['public-key', '--key', scene.a.key])).stdout, stdout)
  })

  for (const { file, what, why } of [
    { file: 'rsa-1024.pkcs8.pem', what: '1024-bit RSA', why: /error validating rsa key: .*1024/ },
    { file: 'secp256k1.pkcs8.pem', what: 'secp256k1', why: /error parsing pkcs #8 private key/ },
  ])
    test(`import-key-pair refuses a ${what} key, as cosign does`, async () => {
      copyFileSync(join(vectors, 'refused', file), scene.place.path(file))
      for (const actor of actors) {
        const { code, stderr } = await scene.run(actor, ['import-key-pair', '--key', file, '--output-key-prefix', 'refused'])
        assert.equal(code, 1, actor.name)
        assert.match(stderr, actor === cosign2 && file.startsWith('rsa') ? /unsupported public key type/ : why)
        assert.equal(existsSync(scene.place.path('refused.key')), false)
      }
    })
})

describe('key references', () => {
  test('env://: the private and the public key from variables', async () => {
    const image = await scene.copyImage('env-reference')
    const env = { SIGNING_KEY: readFileSync(scene.a.key, 'utf8'), PUBLIC_KEY: readFileSync(scene.a.pub, 'utf8') }
    for (const actor of [ours, cosign3]) {
      const signed = await scene.run(actor, ['sign', ...actor.signs('bundle'), '--key', 'env://SIGNING_KEY', image], { env })
      assert.equal(signed.code, 0, signed.stderr)
      const verified = await scene.run(actor, ['verify', '--insecure-ignore-tlog', '--key', 'env://PUBLIC_KEY', image], { env })
      assert.equal(verified.code, 0, verified.stderr)
      const missing = await scene.run(actor, ['verify', '--insecure-ignore-tlog', '--key', 'env://NO_SUCH_VARIABLE', image], { env })
      assert.equal(missing.code, 1)
      assert.match(missing.stderr, /NO_SUCH_VARIABLE/)
    }
  })

  test('http://: the public key from a URL; one that is not there is refused', async () => {
    const image = await scene.copyImage('url-reference')
    await scene.sign(ours, 'bundle', scene.a, image)
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/cosign.pub' ? 200 : 404
      response.end(request.url === '/cosign.pub' ? readFileSync(scene.a.pub) : 'not here')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      for (const actor of [ours, cosign3]) {
        const verified = await scene.run(actor, ['verify', '--insecure-ignore-tlog', '--key', `http://127.0.0.1:${port}/cosign.pub`, image])
        assert.equal(verified.code, 0, `${actor.name}: ${verified.stderr}`)
        assert.equal(
          (await scene.run(actor, ['verify', '--insecure-ignore-tlog', '--key', `http://127.0.0.1:${port}/other`, image])).code,
          1,
        )
      }
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})
