import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { countersign, type Ended, run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startServer } from './harness/server.ts'

// services.md §12, 61: a fleet that still has cosign 2.5 verifies what cosign 3.1 signs by the log of version 1, and refuses version 2 cleanly.

const place = createPlace()
let server: Server
let url: string

async function up(...args: readonly string[]): Promise<void> {
  server = await startServer(place, countersign(), ['stack', 'up', '--dev', '--data', 'stack', ...args], /^http:\/\/(127\.0\.0\.1:\d+)$/m)
  url = `http://${server.host}`
}

/** cosign 3 signs as a job of the imitated CI, by the services that the TUF repository names now. */
async function signBundle(bundle: string): Promise<void> {
  const variables = readFileSync(place.path('stack/dev.env'), 'utf8')
  const of = (name: string) => new RegExp(`^export ${name}='(.*)'$`, 'm').exec(variables)![1]!
  const headers = { authorization: `bearer ${of('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` }
  const response = await fetch(`${of('ACTIONS_ID_TOKEN_REQUEST_URL')}&audience=sigstore`, { headers })
  const { value: token } = (await response.json()) as { value: string }
  const env = { HOME: place.path('home of 3') }
  await runOk(place, cosign3.command(), ['initialize', '--mirror', `${url}/tuf`, '--root', `${url}/tuf/1.root.json`], { env })
  await runOk(place, cosign3.command(), ['sign-blob', '--yes', '--identity-token', token, '--bundle', bundle, 'file'], { env })
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

test('cosign 2 takes the very first entry of a log for none; cosign 3 and countersign do not', async () => {
  const { code, stderr } = await verify(cosign2, 'v1-first.json')
  assert.equal(code, 1)
  assert.match(stderr, /nil value in transaction log entry/) // index 0
  for (const actor of [cosign3, ours]) await assertVerified(actor, 'v1-first.json')
})

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
})
