import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { listen } from '../../src/services/listen.ts'
import { remoteKeyNames } from '../../src/services/stack/keys/remote-keys.ts'
import { countersign, runOk } from '../peers/harness/command.ts'
import { createPlace } from '../peers/harness/place.ts'
import { startStack, stopStack } from '../peers/harness/stack-process.ts'
import { type OpenBaoRig, startOpenBaoRig } from './harness/openbao-rig.ts'

// A whole stack whose authority, logs and timestamps sign by keys in a real OpenBao.

const place = createPlace()
let rig: OpenBaoRig
before(async () => {
  rig = await startOpenBaoRig(place)
})
after(async () => {
  await rig.stop()
  place.remove()
})

test('a stack whose keys are in OpenBao certifies, logs and stamps by them; each log verifies what was signed', async () => {
  for (const name of remoteKeyNames) await rig.create(name, name === 'rekor-v2' ? 'ed25519' : 'ecdsa-p256')
  const keys = remoteKeyNames.flatMap(name => ['--key', `${name}=${rig.reference(name)}`])
  const url = await freeAddress()
  const env = { ...rig.environment }
  const cs = (...args: readonly string[]) => runOk(place, countersign(), args, { env })
  await cs('stack', 'init', '--data', 'stack', '--root-keys', 'roots', '--url', url, ...keys)
  assert.deepEqual(readdirSync(place.path('stack/keys')).sort(), ['tuf-online.key', 'tuf-targets.key'])
  rig.requests?.()
  const stack = await startStack(place, ['--data', 'stack'], { env })
  try {
    const { stdout } = await cs('stack', 'doctor', '--data', 'stack')
    for (const version of ['v1', 'v2']) assert.match(stdout, new RegExp(`log ${version}.*and verified`))
    const signed = rig.seen().filter(request => request.includes('/v1/transit/sign/'))
    for (const name of remoteKeyNames)
      assert.ok(
        signed.some(request => request.includes(`/sign/${name}`)),
        `${name} signed in OpenBao`,
      )
    assert.doesNotMatch(stack.lines.join('\n') + readFileSync(place.path('stack/stack.yaml'), 'utf8'), new RegExp(env['BAO_TOKEN']!))
  } finally {
    assert.equal(await stopStack(stack), 0, stack.lines.at(-1) ?? 'it logged nothing')
  }
})

/** Of a port that nobody has now. */
async function freeAddress(): Promise<string> {
  const { url, close } = await listen(async () => new Response(), { report: () => {} })
  await close()
  return url.origin
}
