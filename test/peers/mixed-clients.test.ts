import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { countersign, type Ended, run, runOk, tool } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startServer } from './harness/server.ts'

// services.md §12, 61: a fleet that still has cosign 2.5 verifies what cosign 3.1 signs by the log of version 1, and refuses version 2 cleanly.
// sigstore-go and rekor-cli are clients of the same stack.

const place = createPlace()
let server: Server
let url: string

async function up(...args: readonly string[]): Promise<void> {
  server = await startServer(place, countersign(), ['stack', 'up', '--dev', '--data', 'stack', ...args], /^http:\/\/(127\.0\.0\.1:\d+)$/m)
  url = `http://${server.host}`
}

/** A token of a job of the imitated CI. */
async function token(): Promise<string> {
  const variables = readFileSync(place.path('stack/dev.env'), 'utf8')
  const of = (name: string) => new RegExp(`^export ${name}='(.*)'$`, 'm').exec(variables)![1]!
  const headers = { authorization: `bearer ${of('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` }
  const response = await fetch(`${of('ACTIONS_ID_TOKEN_REQUEST_URL')}&audience=sigstore`, { headers })
  return ((await response.json()) as { value: string }).value
}

/** cosign 3 signs by the services that the TUF repository names now. */
async function signBundle(bundle: string): Promise<void> {
  const env = { HOME: place.path('home of 3') }
  await runOk(place, cosign3.command(), ['initialize', '--mirror', `${url}/tuf`, '--root', `${url}/tuf/1.root.json`], { env })
  await runOk(place, cosign3.command(), ['sign-blob', '--yes', '--identity-token', await token(), '--bundle', bundle, 'file'], { env })
}

function verify(actor: Actor, bundle: string): Promise<Ended> {
  const subject = 'https://github.com/example/app/.github/workflows/build.yml@refs/heads/main'
  const who = ['--certificate-identity', subject, '--certificate-oidc-issuer', `${url}/actions`]
  const format = actor === cosign2 ? ['--new-bundle-format'] : []
  const stamped = bundle.startsWith('v2') ? ['--use-signed-timestamps'] : []
  const trust = ['--trusted-root', 'trust/trusted_root.json']
  return run(place, actor.command(), ['verify-blob', ...trust, ...format, ...stamped, ...who, '--bundle', bundle, 'file'])
}

before(async () => {
  writeFileSync(place.path('file'), 'what is signed\n')
  mkdirSync(place.path('home of 3'))
  await up('--url', 'http://127.0.0.1:0')
  await runOk(place, countersign(), ['stack', 'export-trust', '--data', 'stack', '--out', 'trust'])
  for (const bundle of ['v1-first.json', 'v1.json']) await signBundle(bundle)
})
after(async () => {
  await server.stop()
  place.remove()
})

async function assertVerified(actor: Actor, bundle: string): Promise<void> {
  const { code, stderr } = await verify(actor, bundle)
  assert.equal(code, 0, `${actor.name}, ${bundle}: ${stderr}`)
}

test('cosign 2 verifies what cosign 3 signed by the log of version 1', async () => {
  for (const actor of [cosign2, cosign3, ours]) await assertVerified(actor, 'v1.json')
})

test('cosign 2 verifies the first bundle of a new stack: index 0, which it takes for none, is the stack’s own', async () => {
  for (const actor of [cosign2, cosign3, ours]) await assertVerified(actor, 'v1-first.json')
})

test('rekor-cli finds what was signed, and verifies the log', async () => {
  const cli = async (...args: readonly string[]) =>
    JSON.parse((await runOk(place, tool('rekor-cli'), [...args, '--rekor_server', url, '--format', 'json'])).stdout)
  const { UUIDs: found } = await cli('search', '--artifact', 'file')
  assert.equal(found.length, 2)
  assert.equal((await cli('get', '--uuid', found[1])).LogIndex, 2)
  assert.equal((await cli('loginfo')).ActiveTreeSize, 3)
})

/** sigstore-go signs by the files of `stack export-trust`. */
async function signBySigstoreGo(bundle: string): Promise<void> {
  const files = ['-signing-config', 'trust/signing_config.v0.2.json', '-trusted-root', 'trust/trusted_root.json']
  const { stdout } = await runOk(place, tool('sigstore-go-signing'), ['-id-token', await token(), '-rekor', '-tsa', ...files, 'file'])
  writeFileSync(place.path(bundle), stdout.slice(stdout.indexOf('{'))) // it begins with the public key
}

test('cosign 2 refuses entries of the log of version 2, and says that it is the entry', async () => {
  await server.stop()
  const path = place.path('stack/stack.yaml')
  writeFileSync(path, readFileSync(path, 'utf8').replace('sign-with: v1', 'sign-with: v2'))
  await up()
  for (const bundle of ['v2-first.json', 'v2.json']) await signBundle(bundle)
  const { code, stderr } = await verify(cosign2, 'v2.json')
  assert.equal(code, 1)
  assert.match(stderr, /nil value in transaction log entry/) // no time of the log
  for (const actor of [cosign3, ours]) await assertVerified(actor, 'v2.json')
  const { stdout } = await runOk(place, countersign(), ['bundle', 'inspect', 'v2.json'])
  assert.match(stdout, /of Rekor v2, whose entries cosign 2 does not read/)
})

test('sigstore-go signs by the log of version 2, and cosign 3 and countersign verify', async () => {
  await runOk(place, countersign(), ['stack', 'export-trust', '--data', 'stack', '--out', 'trust'])
  await signBySigstoreGo('v2-go.json')
  for (const actor of [cosign3, ours]) await assertVerified(actor, 'v2-go.json')
})
