import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign3, ours } from './harness/actor.ts'
import type { Ended } from './harness/command.ts'
import { listTags } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { type Server, startDockerRegistry } from './harness/server.ts'

// Registries that want a certificate, a client certificate or a password, that forbid, and that do not answer. A second
// docker-registry over the same storage is the one that is asked, so that what it holds can be looked at through the first.

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene.close())

const pem = (name: string) => join(import.meta.dirname, '../vectors/tls', name)
const ca = ['--registry-cacert', pem('ca.pem')]
const codeOf = ({ stdout }: Ended): string => JSON.parse(stdout).error.code

type Access = { readonly flags?: readonly string[]; readonly env?: Readonly<Record<string, string>> }

async function signAndVerify(actor: Actor, image: string, { flags = [], env = {} }: Access): Promise<readonly [Ended, Ended]> {
  const signed = await scene.run(actor, ['sign', ...actor.signs('bundle'), ...flags, '--key', scene.a.key, image], { env })
  const verified = await scene.run(actor, ['verify', '--insecure-ignore-tlog', ...flags, '--key', scene.a.pub, image], { env })
  return [signed, verified]
}

let repositories = 0
async function newImage(server: Server): Promise<{ readonly image: string; readonly tags: () => Promise<readonly string[]> }> {
  const name = `app-${repositories++}`
  const image = (await scene.copyImage(name)).replace(scene.registry.host, server.host)
  return { image, tags: () => listTags(scene.registry.host, name) }
}

/** Each way in is tried by both: it is right for both or for neither. */
function table(server: () => Server, cases: readonly ({ readonly name: string; readonly works: boolean } & Access)[]): void {
  for (const { name, works, ...access } of cases)
    for (const actor of [ours, cosign3])
      test(`${name}: ${actor.name} ${works ? 'signs and verifies' : 'is refused'}`, async () => {
        const { image, tags } = await newImage(server())
        const [signed, verified] = await signAndVerify(actor, image, access)
        assert.deepEqual([signed.code, verified.code], works ? [0, 0] : [1, 1], signed.stderr + verified.stderr)
        if (works) assert.equal(JSON.parse(verified.stdout).length, 1)
        else assert.deepEqual(await tags(), ['v1'])
      })
}

describe('https with a certificate of an authority of its own', () => {
  let server: Server
  before(async () => {
    server = await startDockerRegistry(scene.place, { tls: { certificate: pem('server.pem'), key: pem('server.key') } })
  })
  after(() => server.stop())

  table(
    () => server,
    [
      { name: 'no flag', works: false },
      { name: '--registry-cacert', works: true, flags: ca },
      { name: '--allow-insecure-registry', works: true, flags: ['--allow-insecure-registry'] },
      { name: '--allow-http-registry alone', works: false, flags: ['--allow-http-registry'] },
      { name: 'SSL_CERT_FILE', works: true, env: { SSL_CERT_FILE: pem('ca.pem') } },
      {
        name: '--registry-server-name that the certificate does not bear',
        works: false,
        flags: [...ca, '--registry-server-name', 'other.example'],
      },
    ],
  )

  test('no flag: the refusal says that the certificate is not trusted, and is no verdict on the image', async () => {
    const { image } = await newImage(server)
    const ended = await scene.verify(ours, scene.a, '--output', 'json', image)
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'REGISTRY_UNAVAILABLE')
    assert.match(ended.stderr, /certificate/)
  })
})

describe('https with a certificate for another name', () => {
  let server: Server
  before(async () => {
    server = await startDockerRegistry(scene.place, { tls: { certificate: pem('elsewhere.pem'), key: pem('elsewhere.key') } })
  })
  after(() => server.stop())
  table(
    () => server,
    [
      { name: '--registry-cacert', works: false, flags: ca },
      { name: '--registry-server-name', works: true, flags: [...ca, '--registry-server-name', 'elsewhere.example'] },
    ],
  )
})

describe('https that wants a client certificate', () => {
  let server: Server
  before(async () => {
    const tls = { certificate: pem('server.pem'), key: pem('server.key'), clientcas: [pem('ca.pem')] }
    server = await startDockerRegistry(scene.place, { tls })
  })
  after(() => server.stop())
  const client = (name: string) => [...ca, '--registry-client-cert', pem(`${name}.pem`), '--registry-client-key', pem(`${name}.key`)]
  table(
    () => server,
    [
      { name: 'no client certificate', works: false, flags: ca },
      { name: 'client certificate', works: true, flags: client('client') },
      { name: "client certificate of a stranger's", works: false, flags: client('stranger-client') },
    ],
  )
})

describe('a registry that wants a password', () => {
  let server: Server
  before(async () => {
    const htpasswd = scene.place.path('htpasswd')
    writeFileSync(htpasswd, 'robot:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n') // of `correct horse`
    server = await startDockerRegistry(scene.place, { htpasswd })
  })
  after(() => server.stop())

  const password = (text: string) => ['--registry-username', 'robot', '--registry-password', text]
  table(
    () => server,
    [
      { name: 'no password', works: false },
      { name: '--registry-username and --registry-password', works: true, flags: password('correct horse') },
      { name: 'a wrong --registry-password', works: false, flags: password('wrong horse') },
    ],
  )

  test('no password: the refusal says so, and is no verdict on the image', async () => {
    const { image } = await newImage(server)
    const ended = await scene.verify(ours, scene.a, '--output', 'json', image)
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'REGISTRY_UNAUTHORIZED')
  })

  for (const actor of [ours, cosign3])
    for (const [way, login] of [
      ['-p', { args: ['-p', 'correct horse'], input: '' }],
      ['--password-stdin', { args: ['--password-stdin'], input: 'correct horse\n' }],
    ] as const)
      test(`after login ${way} by ${actor.name}, both sign and verify`, async () => {
        const env = { DOCKER_CONFIG: scene.place.path(`docker-${way.replaceAll('-', '')}-${actor.name.replace(' ', '')}`) }
        const { image } = await newImage(server)
        const ended = await scene.run(actor, ['login', server.host, '-u', 'robot', ...login.args], { env, input: login.input })
        assert.equal(ended.code, 0, ended.stderr)
        const config = join(env.DOCKER_CONFIG, 'config.json')
        assert.match(ended.stderr, new RegExp(`logged in via ${config}`))
        const entry = { auth: Buffer.from('robot:correct horse').toString('base64') }
        assert.deepEqual(JSON.parse(readFileSync(config, 'utf8')).auths, { [server.host]: entry })
        for (const user of [ours, cosign3])
          for (const { code, stderr } of await signAndVerify(user, image, { env })) assert.equal(code, 0, `${user.name}: ${stderr}`)
      })

  for (const actor of [ours, cosign3])
    test(`the credential helper of the docker config: ${actor.name} signs and verifies`, async () => {
      const helper = scene.place.path('bin/docker-credential-vault')
      mkdirSync(dirname(helper), { recursive: true })
      writeFileSync(helper, `#!/bin/sh\nread host\nprintf '{"ServerURL":"%s","Username":"robot","Secret":"correct horse"}' "$host"\n`)
      chmodSync(helper, 0o755)
      const env = { DOCKER_CONFIG: scene.place.path('docker-helper'), PATH: `${dirname(helper)}:${scene.place.env['PATH']}` }
      mkdirSync(env.DOCKER_CONFIG, { recursive: true })
      writeFileSync(join(env.DOCKER_CONFIG, 'config.json'), JSON.stringify({ credHelpers: { [server.host]: 'vault' } }))
      const { image } = await newImage(server)
      for (const { code, stderr } of await signAndVerify(actor, image, { env })) assert.equal(code, 0, stderr)
    })
})

/** Serves on a free loopback port while a test works with its host. */
async function withServer(server: HttpServer, work: (host: string) => Promise<void>): Promise<void> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await work(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

describe('registries that say no, or nothing', () => {
  for (const format of ['bundle', 'legacy'] as const)
    test(`${format}: an account that may only read: signing names the repository and the permission that is missing`, async () => {
      const readOnly = createServer((request, response) => {
        if (!['GET', 'HEAD'].includes(request.method ?? '')) {
          response.writeHead(403, { 'content-type': 'application/json' })
          response.end('{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}')
          return
        }
        const [hostname, port] = scene.registry.host.split(':')
        const { url, method, headers } = request
        const upstream = httpRequest({ hostname, port, path: url, method, headers }, answer => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        })
        request.pipe(upstream)
      })
      const name = `read-only-${format}`
      const image = await scene.copyImage(name)
      await withServer(readOnly, async host => {
        const args = ['sign', ...ours.signs(format), '--key', scene.a.key, '--output', 'json', image.replace(scene.registry.host, host)]
        const ended = await scene.run(ours, args)
        assert.equal(ended.code, 1)
        assert.equal(codeOf(ended), 'REGISTRY_DENIED')
        assert.match(ended.stderr, new RegExp(`want permission to (pull and )?push ${host}/${name}`))
        assert.equal((await scene.verify(ours, scene.a, image.replace(scene.registry.host, host))).code, 10)
      })
      assert.deepEqual(await listTags(scene.registry.host, name), ['v1'])
    })

  test('a registry that never answers: --timeout ends the command with an error', async () => {
    await withServer(
      createServer(() => undefined),
      async host => {
        const image = `${host}/app@${scene.digest}`
        const ended = await scene.verify(ours, scene.a, '--timeout', '1s', '--output', 'json', image)
        assert.equal(ended.code, 1)
        assert.equal(codeOf(ended), 'TIMED_OUT')
        const theirs = await scene.verify(cosign3, scene.a, '--timeout', '1s', image)
        assert.equal(theirs.code, 1)
      },
    )
  })

  test('a registry that is not there: an error that names it, and no verdict on the image', async () => {
    let host = ''
    await withServer(createServer(), async free => {
      host = free
    })
    const ended = await scene.verify(ours, scene.a, '--output', 'json', `${host}/app@${scene.digest}`)
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'REGISTRY_UNAVAILABLE')
    assert.match(ended.stderr, new RegExp(host))
  })
})
