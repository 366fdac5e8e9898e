import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { buildImage, pushBuilt } from '../../src/testing/image-builder.ts'
import { cosign3, ours } from './harness/actor.ts'
import { runOk } from './harness/command.ts'
import { inTwoSteps } from './harness/in-two-steps.ts'
import { startKillingProxy } from './harness/killing-proxy.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// A key is replaced in a real registry: thirty images, signed in both layouts by both clients. The command is killed half-way, run again, and real
// cosign then verifies every image with the new key.

type Counts = { readonly images: number; readonly planned: number; readonly signed: number; readonly already: number }

/** Thirty images in one repository: ten signed by cosign 3, ten by us, and ten in the layout of cosign 2. */
async function signThirty(scene: Scene): Promise<{ readonly bundled: readonly string[]; readonly legacy: readonly string[] }> {
  const names: string[] = []
  for (let at = 0; at < 30; at++) {
    const image = buildImage({ platform: { os: 'linux', architecture: 'amd64', variant: `v${at}` } })
    await pushBuilt(inTwoSteps, new URL(`http://${scene.registry.host}`), 'app', `t${at}`, image)
    names.push(`${scene.registry.host}/app@${image.digest}`)
  }
  for (const name of names.slice(0, 10)) await scene.sign(cosign3, 'bundle', scene.a, name)
  await scene.sign(ours, 'bundle', scene.a, ...names.slice(10, 20))
  await scene.sign(ours, 'legacy', scene.a, ...names.slice(20))
  return { bundled: names.slice(0, 20), legacy: names.slice(20) }
}

for (const { name, start } of registryKinds)
  test(`resign is killed half-way, goes on when it is run again, and cosign verifies with the new key: ${name}`, async () => {
    const scene = await openScene(start)
    const proxy = await startKillingProxy(scene.registry.host)
    try {
      const { bundled, legacy } = await signThirty(scene)
      const resign = ['resign', '--from', scene.a.pub, '--to', scene.b.key, '--tlog-upload=false', '--insecure-ignore-tlog']
      const [program, ...first] = ours.command()
      const args = [...resign, '--yes', '--max-workers', '3', `${proxy.host}/app`]
      const child = spawn(program, [...first, ...args], { cwd: scene.place.folder, env: scene.place.env, stdio: 'ignore' })
      const isManifest = (method: string) => method === 'PUT'
      proxy.arm({ number: 40, when: 'after', counts: isManifest, kill: () => child.kill('SIGKILL') })
      const signal = await new Promise((resolve, reject) => child.once('error', reject).once('close', (_, signal) => resolve(signal)))
      assert.deepEqual([proxy.hasStruck(), signal], [true, 'SIGKILL'])
      proxy.disarm()
      const countsOf = async (...flags: readonly string[]): Promise<Counts> =>
        JSON.parse((await runOk(scene.place, ours.command(), [...resign, ...flags, '-o', 'json', `${scene.registry.host}/app`])).stdout)
          .counts
      const left = await countsOf('--dry-run')
      assert.equal(left.images, 30)
      assert.ok(left.planned > 0 && left.already > 0 && left.planned + left.already === 30, JSON.stringify(left))
      const { signed, already } = await countsOf('--yes')
      assert.deepEqual([signed, already], [left.planned, left.already])
      assert.deepEqual(await countsOf('--dry-run'), { ...left, planned: 0, already: 30 })
      for (const key of [scene.a, scene.b]) {
        const verify = ['verify', '--key', key.pub, '--insecure-ignore-tlog']
        await runOk(scene.place, cosign3.command(), [...verify, ...bundled])
        await runOk(scene.place, cosign3.command(), [...verify, '--new-bundle-format=false', ...legacy])
      }
    } finally {
      await proxy.stop()
      await scene.close()
    }
  })
