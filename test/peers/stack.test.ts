import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { sha256 } from '../../src/crypto/digest.ts'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { countersign, run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startServer } from './harness/server.ts'

// services.md §12, 48: clients that know a stack by its TUF repository alone sign by it and verify each other, without a flag that names a
// service or a key. cosign 2.5 reads no signing config, so it is told where to sign.

const place = createPlace()
const workflow = 'https://github.com/example/app/.github/workflows/build.yml@refs/heads/main'
const actors = [ours, cosign3, cosign2]
let server: Server
let url: string

async function up(...args: readonly string[]): Promise<void> {
  const ready = /^http:\/\/(127\.0\.0\.1:\d+)$/m
  server = await startServer(place, countersign(), ['stack', 'up', '--dev', '--data', 'stack', ...args], ready)
  url = `http://${server.host}`
}

/** Each client has a home of its own, and nothing in it but what `initialize` put there. */
const homeOf = ({ name }: Actor) => place.path(`home of ${name}`)
const within = (actor: Actor, more: Readonly<Record<string, string>> = {}) => ({ env: { HOME: homeOf(actor), ...more } })

async function initialize(actor: Actor): Promise<void> {
  const root = `${url}/tuf/1.root.json`
  const checksum = Buffer.from(sha256(new Uint8Array(await (await fetch(root)).arrayBuffer()))).toString('hex')
  const proof = actor === cosign2 ? [] : ['--root-checksum', checksum]
  await runOk(place, actor.command(), ['initialize', '--mirror', `${url}/tuf`, '--root', root, ...proof], within(actor))
}

/** What a job of the imitated CI has in its environment. */
function jobVariables(): Readonly<Record<string, string>> {
  const file = readFileSync(place.path('stack/dev.env'), 'utf8')
  return Object.fromEntries([...file.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name!, value!]))
}

async function token(): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = jobVariables()
  const response = await fetch(`${address}&audience=sigstore`, { headers: { authorization: `bearer ${secret}` } })
  return ((await response.json()) as { value: string }).value
}

/** By a token that is given, and ours by what it finds in its environment. */
async function signBlob(actor: Actor, bundle: string): Promise<void> {
  const urls = ['--fulcio-url', url, '--rekor-url', url, '--oidc-issuer', url, '--new-bundle-format']
  const flags = actor === ours ? [] : ['--identity-token', await token(), ...(actor === cosign2 ? urls : [])]
  await runOk(
    place,
    actor.command(),
    ['sign-blob', '--yes', '--bundle', bundle, ...flags, 'file'],
    within(actor, actor === ours ? jobVariables() : {}),
  )
}

const verifying = (bundle: string, subject = workflow) => [
  'verify-blob',
  ...['--bundle', bundle, '--certificate-identity', subject, '--certificate-oidc-issuer', `${url}/actions`],
  'file',
]

before(async () => {
  writeFileSync(place.path('file'), 'what is signed\n')
  for (const actor of actors) mkdirSync(homeOf(actor))
  await up('--url', 'http://127.0.0.1:0')
  for (const actor of actors) await initialize(actor)
})
after(async () => {
  await server.stop()
  place.remove()
})

describe('the log of version 1', () => {
  for (const signer of actors)
    test(`${signer.name} signs, and who reads bundles verifies`, async () => {
      const bundle = `v1 ${signer.name}.json`
      await signBlob(signer, bundle)
      for (const verifier of [ours, cosign3]) {
        const { code, stderr } = await run(place, verifier.command(), verifying(bundle), within(verifier))
        assert.equal(code, 0, `${verifier.name}: ${stderr}`)
        const other = await run(place, verifier.command(), verifying(bundle, `${workflow}s`), within(verifier))
        assert.equal(other.code, 1, `${verifier.name}, another identity: ${other.stderr}`)
      }
    })

  test('cosign 2 signs and verifies in its own format, and so does countersign', async () => {
    const urls = ['--fulcio-url', url, '--rekor-url', url, '--oidc-issuer', url]
    const signing = ['sign-blob', '--yes', '--bundle', 'older.json', '--identity-token', await token(), ...urls, 'file']
    await runOk(place, cosign2.command(), signing, within(cosign2))
    for (const verifier of [ours, cosign2])
      await runOk(
        place,
        verifier.command(),
        [...verifying('older.json'), ...(verifier === cosign2 ? ['--rekor-url', url] : [])],
        within(verifier),
      )
  })
})

describe('the log of version 2, once the configuration says so', () => {
  before(async () => {
    await server.stop()
    const path = place.path('stack/stack.yaml')
    writeFileSync(path, readFileSync(path, 'utf8').replace('sign-with: v1', 'sign-with: v2'))
    await up()
    for (const actor of [ours, cosign3]) await initialize(actor)
  })

  for (const signer of [ours, cosign3])
    test(`${signer.name} signs, and both verify`, async () => {
      const bundle = `v2 ${signer.name}.json`
      await signBlob(signer, bundle)
      const [entry] = JSON.parse(readFileSync(place.path(bundle), 'utf8')).verificationMaterial.tlogEntries
      assert.deepEqual(entry.kindVersion, { kind: 'hashedrekord', version: '0.0.2' })
      for (const verifier of [ours, cosign3]) await runOk(place, verifier.command(), verifying(bundle), within(verifier))
    })

  test('what was signed before still verifies', async () => {
    for (const verifier of [ours, cosign3]) await runOk(place, verifier.command(), verifying('v1 countersign.json'), within(verifier))
  })
})
