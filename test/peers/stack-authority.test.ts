import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { countersign, run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type StackServer, startStack } from './harness/stack.ts'

// services.md §12, 14: the certificate authority of a stack is exchanged while it runs. Clients that know it by its TUF repository alone go on
// signing, and verify what was signed before and after; one that still has the trust of before says why it does not.

const place = createPlace()
let stack: StackServer
const actors = [ours, cosign3, cosign2]

const within = ({ name }: Actor) => ({ env: { HOME: place.path(`home of ${name}`) } })

async function initialize(actor: Actor): Promise<void> {
  const mirror = ['--mirror', `${stack.url}/tuf`, '--root', `${stack.url}/tuf/1.root.json`]
  await runOk(place, actor.command(), ['initialize', ...mirror], within(actor))
}

/** cosign 2 writes its own older format, by which alone it asks the TUF repository whom to trust. */
async function sign(actor: Actor, bundle: string): Promise<void> {
  const urls = actor === cosign2 ? ['--fulcio-url', stack.url, '--rekor-url', stack.url, '--oidc-issuer', stack.url] : []
  const how = ['--yes', '--identity-token', await stack.token(), '--bundle', bundle, ...urls]
  await runOk(place, actor.command(), ['sign-blob', ...how, 'file'], within(actor))
}

async function assertVerified(actor: Actor, bundle: string): Promise<void> {
  const { subject, issuer } = stack.signer
  const who = ['--certificate-identity', subject, '--certificate-oidc-issuer', issuer]
  const log = actor === cosign2 ? ['--rekor-url', stack.url] : []
  const { code, stderr } = await run(place, actor.command(), ['verify-blob', ...who, ...log, '--bundle', bundle, 'file'], within(actor))
  assert.equal(code, 0, `${actor.name}, ${bundle}: ${stderr}`)
}

/** The chains that the stack asks to be trusted, the one that issues first. */
async function chains(): Promise<readonly string[]> {
  const answer = (await (await fetch(`${stack.url}/api/v2/trustBundle`)).json()) as { chains: { certificates: string[] }[] }
  return answer.chains.map(({ certificates }) => certificates[0]!)
}

before(async () => {
  writeFileSync(place.path('file'), 'what is signed\n')
  for (const { name } of actors) mkdirSync(place.path(`home of ${name}`))
  stack = await startStack(place)
  for (const actor of actors) await initialize(actor)
  await sign(cosign3, 'before.json')
  await sign(cosign2, 'before, older.json')
  const [former] = await chains()
  await runOk(place, countersign(), ['stack', 'renew-authority', '--data', 'stack', '--root-keys', 'stack/root-keys'])
  for (let current = former; current === former; [current] = await chains())
    await runOk(place, countersign(), ['stack', 'status', '--data', 'stack']) // it answers all the while, and this takes its time
})
after(async () => {
  await stack.stop()
  place.remove()
})

test('a running stack has taken the authority that `stack renew-authority` made, and trusts the former one', async () => {
  assert.equal((await chains()).length, 2)
  const { stdout } = await runOk(place, countersign(), ['stack', 'doctor', '--data', 'stack'])
  assert.match(stdout, /^good {2}probe with log v1 {6}signed as doctor@/m)
})

test('whoever has asked again verifies what was signed before the exchange and after it', async () => {
  for (const actor of actors) await initialize(actor)
  await sign(ours, 'after.json')
  await sign(cosign3, 'after, by cosign 3.json')
  await sign(cosign2, 'after, older.json')
  for (const bundle of ['before.json', 'after.json', 'after, by cosign 3.json'])
    for (const actor of [ours, cosign3]) await assertVerified(actor, bundle)
  for (const bundle of ['before, older.json', 'after, older.json']) for (const actor of [ours, cosign2]) await assertVerified(actor, bundle)
})

test('who has the files of before the exchange refuses what was signed after it, and verifies the rest', async () => {
  const { subject, issuer } = stack.signer
  const who = ['--certificate-identity', subject, '--certificate-oidc-issuer', issuer, '--trusted-root', stack.trust.trustedRoot]
  const outdated = (bundle: string) => run(place, countersign(), ['verify-blob', ...who, '--bundle', bundle, 'file'])
  assert.equal((await outdated('before.json')).code, 0)
  const refused = await outdated('after.json')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /not signed by certificate "CN=Sigstore intermediate/)
})
