import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { commands } from '../../src/cli/commands.ts'
import { type Listener, listen } from '../../src/services/listen.ts'
import { createGithub, createGitlab, forgeToken } from '../../src/testing/forges.ts'
import { createTransit, transitToken } from '../../src/testing/kms/transit.ts'
import { countersign } from './harness/command.ts'
import {
  type Addresses,
  exampleEnvironment,
  fillIn,
  logFile,
  prepareFolder,
  pushExamples,
  runLine,
  runningStack,
  sigstore,
} from './harness/example-place.ts'
import { type RekorSigstore, rekorSigstore } from './harness/rekor.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { type Server, startDockerRegistry, startOwnRegistry, startServer } from './harness/server.ts'
import { startSigstore } from './harness/sigstore.ts'
import { startTufMirror } from './harness/tuf-mirror.ts'

// Every example of every command is run as docs/commands.md shows it, by bash, against real registries: only the addresses
// and the words that stand for any name are replaced, and the files it reads are there.

const tlsVector = (name: string) => join(import.meta.dirname, '../vectors/tls', name)

let scene: Scene
let logs: RekorSigstore
let addresses: Addresses
const servers: Server[] = []
const listeners: Listener[] = []
const faults: unknown[] = [] // of the servers, not of the examples
before(async () => {
  scene = await openScene()
  logs = rekorSigstore(scene.place)
  await pushExamples(scene)
  const htpasswd = scene.place.path('htpasswd')
  writeFileSync(htpasswd, 'robot:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n') // of `correct horse`
  servers.push(await startOwnRegistry(scene.place), await startDockerRegistry(scene.place, { htpasswd }))
  const stackArgs = ['stack', 'up', '--dev', '--data', runningStack(scene), '--url', 'http://127.0.0.1:0']
  servers.push(await startServer(scene.place, countersign(), stackArgs, /^http:\/\/(127\.0\.0\.1:\d+)$/m))
  const pem = (name: string) => readFileSync(tlsVector(name), 'utf8')
  const report = (error: unknown) => faults.push(error)
  const publicKey = readFileSync(scene.a.pub, 'utf8')
  const [gitlab, github] = [createGitlab(['projects/group/project']), createGithub(['repos/owner/repository'], '/api/v3')]
  listeners.push(
    await listen(async () => new Response(publicKey), { tls: { key: pem('server.key'), cert: pem('server.pem') }, report }),
    await listen(request => (request.headers.has('private-token') ? gitlab : github).handle(request), { report }),
  )
  const transit = createTransit()
  for (const type of ['ecdsa-p256', 'ecdsa-p256'] as const) transit.add('release', type) // and its next version
  const asTransit = async ({ method, url, headers, body }: Request) =>
    await transit.fetch(url, { method, headers, ...(body && { body: await new Response(body).text() }) })
  listeners.push(await listen(asTransit, { report }))
  const [mirror, protectedRegistry] = servers.map(({ host }) => host)
  const [web, forge, vault] = listeners.map(({ url }) => url.origin)
  const targets = { 'trusted_root.json': new TextDecoder().decode(sigstore.trustedRootJson) }
  const tuf = await startTufMirror(scene.place, { targets }, report)
  addresses = {
    mirror: mirror!,
    protectedRegistry: protectedRegistry!,
    web: web!,
    forge: forge!,
    vault: vault!,
    tuf,
    services: await startSigstore(scene.place, { serve: logs.serve }),
  }
  await logFile(scene, scene.place.path('first.sigstore.json'), addresses)
})
after(async () => {
  for (const listener of [...listeners, addresses.tuf, addresses.services]) await listener.close()
  await logs.closeLogs()
  for (const server of servers) await server.stop()
  await scene.close()
  assert.deepEqual(faults, [])
})

test('every command has an example', () => {
  assert.deepEqual(
    commands.filter(({ examples }) => examples.length === 0).map(({ name }) => name),
    [],
  )
})

/** What no example shows: where the log is, whose it is, and the Sigstore that signs without a key where none is named. */
function surroundingsOf(line: string): Readonly<Record<string, string>> {
  const { url, token, signingConfig, trustedRootFile } = addresses.services
  if (line.startsWith('log ')) return { COSIGN_REKOR_URL: url, COSIGN_LOG_VERSION: 'v1', COSIGN_TRUSTED_ROOT: trustedRootFile }
  if (/^(keys|resign) /.test(line)) return keysSurroundings()
  if (line.startsWith('bundle create')) return { COSIGN_REKOR_URL: url }
  if (!/^(sign|attest|promote)(-blob)? --yes (?!.*--identity-token)/.test(line)) return {}
  const services = { COSIGN_SIGNING_CONFIG: signingConfig('v1', true), COSIGN_TRUSTED_ROOT: trustedRootFile }
  if (!line.includes('--generate')) return { ...services, SIGSTORE_ID_TOKEN: token({ sub: 'opaque' }) }
  const job = { CI_PROJECT_PATH: 'acme/app', CI_COMMIT_SHA: '4f'.repeat(20), CI_JOB_ID: '1', CI_JOB_NAME: 'build', CI_RUNNER_ID: '2' }
  const SIGSTORE_ID_TOKEN = token({ sub: 'opaque', project_path: job.CI_PROJECT_PATH })
  return { ...services, GITLAB_CI: 'true', CI_SERVER_URL: url, ...job, SIGSTORE_ID_TOKEN }
}

/** The KMS, and the log that new signatures must be in. */
function keysSurroundings(): Readonly<Record<string, string>> {
  const { signingConfig, trustedRootFile } = addresses.services
  const vault = { VAULT_ADDR: addresses.vault, VAULT_TOKEN: transitToken }
  return { ...vault, COSIGN_SIGNING_CONFIG: signingConfig('v1', true), COSIGN_TRUSTED_ROOT: trustedRootFile }
}

/** What a server of an example answers, whose certificate is by an authority of its own or that of the test vectors. */
function statusOf(url: string, folder: string): Promise<number | undefined> {
  if (url.startsWith('http:')) return fetch(url).then(({ status }) => status)
  const own = join(folder, 'tls/ca.crt')
  const asked = existsSync(own)
    ? { ca: readFileSync(own), servername: 'webhook.cosign-system.svc' }
    : { ca: readFileSync(tlsVector('ca.pem')) }
  return new Promise((resolve, reject) => {
    get(url, { ...asked, agent: false }, ({ statusCode }) => resolve(statusCode)).on('error', reject)
  })
}

const known = new Set<string>()
// What needs a token of its own runs where there is one: test/kms/pkcs11.test.ts.
for (const { name, examples, endless } of commands.filter(command => !command.name.startsWith('pkcs11-tool ')))
  for (const { line } of examples)
    test(`countersign ${line}`, async () => {
      assert.ok(line === name || line.startsWith(`${name} `), `an example of ${name}`)
      assert.ok(!known.has(line), 'shown once')
      known.add(line)
      const filled = fillIn(line, scene, addresses)
      assert.doesNotMatch(filled, /[A-Z]{4,}(?!_)(?=[ .:@]|$)|example\.com|\.\.\./, 'nothing is left that stands for something else')
      const folder = await prepareFolder(scene, filled, addresses)
      const env = { ...exampleEnvironment(scene, addresses), GITLAB_TOKEN: forgeToken, GITHUB_TOKEN: forgeToken, ...surroundingsOf(line) }
      if (endless && name !== 'resign') {
        // a server; to sign whole repositories again has an end, if a late one
        const place = { ...scene.place, folder }
        const server = await startServer(
          place,
          ['/bin/bash'],
          ['-c', `exec countersign ${filled}`],
          /^(https?:\/\/127\.0\.0\.1:\d+)$/m,
          env,
        )
        try {
          assert.equal(await statusOf(`${server.host}/${name === 'registry' ? 'v2/' : 'readyz'}`, folder), 200)
        } finally {
          await server.stop()
        }
        return
      }
      const { code, stdout, stderr } = await runLine(scene, folder, `countersign ${filled}`, env)
      assert.equal(code, 0, `${stdout}${stderr}`)
    })
