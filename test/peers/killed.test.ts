import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { cosign3, ours } from './harness/actor.ts'
import { runOk } from './harness/command.ts'
import { type KillingProxy, startKillingProxy } from './harness/killing-proxy.ts'
import { readManifest } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// The process is really killed (SIGKILL), at requests that write, before the registry has them and after; `save` at requests
// that read. That each of them may be the last is shown in process, by test/fault-at-every-write.test.ts. What it leaves behind is never half a thing, and running it again makes it whole.

const writes = (method: string) => !['GET', 'HEAD'].includes(method)
const reads = (method: string) => method === 'GET'

for (const { name, start } of registryKinds)
  describe(`killed on the way to ${name}`, () => {
    let scene: Scene
    let proxy: KillingProxy
    let image = ''
    before(async () => {
      scene = await openScene(start)
      proxy = await startKillingProxy(scene.registry.host)
      const signed = await scene.copyImage('signed')
      await countersign(...signing, signed)
      image = signed.replace(/@.*/, ':v1')
      await countersign('save', '--dir', 'saved', image)
    })
    after(async () => {
      await proxy.stop()
      await scene.close()
    })

    const signing = ['sign', '--tlog-upload=false', '--format', 'both', '--key', 'a.key']
    const countersign = (...args: readonly string[]) => runOk(scene.place, ours.command(), args)
    const verify = async (...args: readonly string[]) => (await scene.verify(ours, scene.a, ...args)).code

    /** Signed for readers of both layouts. */
    async function isWhole(...target: readonly string[]): Promise<void> {
      for (const layout of ['--new-bundle-format=false', '--new-bundle-format']) {
        const { code, stderr } = await scene.verify(ours, scene.a, layout, ...target)
        assert.equal(code, 0, `${layout} ${target.join(' ')}: ${stderr}`)
      }
    }

    /** Runs a command until it ends well or is killed; says whether it was. */
    function wasKilled(
      args: readonly string[],
      plan: { readonly number: number; readonly when: 'before' | 'after'; readonly counts: (method: string) => boolean },
    ): Promise<boolean> {
      const [program, ...first] = ours.command()
      const child = spawn(program, [...first, ...args], { cwd: scene.place.folder, env: scene.place.env, stdio: 'ignore' })
      proxy.arm({ ...plan, kill: () => child.kill('SIGKILL') })
      return new Promise((resolve, reject) => {
        child.once('error', reject)
        child.once('close', (code, signal) => {
          const struck = proxy.hasStruck()
          proxy.disarm()
          if (struck ? signal === 'SIGKILL' : code === 0) resolve(struck)
          else reject(new Error(`${args.join(' ')}: want it ${struck ? 'killed' : 'to end well'}, got status ${code}, signal ${signal}`))
        })
      })
    }

    type Job = {
      readonly args: readonly string[]
      readonly afterDeath: () => Promise<void>
      readonly atEnd: () => Promise<void>
    }

    /** Kills a command at its first request that counts, anew at its second, its third, and from there at each third, until it ends by itself. */
    async function killAtEach(counts: (method: string) => boolean, prepare: (label: string) => Promise<Job>): Promise<void> {
      for (let number = 1; ; number += number < 3 ? 1 : 3) {
        const when = number % 2 === 1 ? 'before' : 'after'
        const { args, afterDeath, atEnd } = await prepare(`at-${number}`)
        if (!(await wasKilled(args, { number, when, counts }))) {
          assert.ok(number > 3, `killed ${number - 1} times`)
          break
        }
        await afterDeath()
        await countersign(...args)
        await atEnd()
      }
    }

    /** What arrives by `copy` or `load` is not there at all until it is there with its signatures. */
    const arrives = (to: string, args: readonly string[]): Job => ({
      args: [...args, `${proxy.host}/${to}:v1`],
      afterDeath: async () => {
        if (await readManifest(proxy.host, to, 'v1')) await isWhole(`${proxy.host}/${to}:v1`)
      },
      atEnd: async () => {
        await isWhole(`${proxy.host}/${to}:v1`)
        const again = await countersign(...args, `${proxy.host}/${to}:v1`)
        assert.match(again.stderr, /manifests: 0 sent, .*; tags: 0 written/)
      },
    })

    test('copy: the tag is not there, or leads to an image with its signatures', () =>
      killAtEach(writes, async label => arrives(`copied-${label}`, ['copy', image])))

    test('load: the tag is not there, or leads to an image with its signatures', () =>
      killAtEach(writes, async label => arrives(`loaded-${label}`, ['load', '--dir', 'saved'])))

    test('save: no image is there, or one with its signatures', () =>
      killAtEach(reads, async label => {
        return {
          args: ['save', '--dir', `saved-${label}`, image.replace(scene.registry.host, proxy.host)],
          afterDeath: async () => {
            const { code, stderr } = await scene.verify(ours, scene.a, '--local-image', `saved-${label}`)
            assert.ok(code === 0 || /no image layout|index\.json names none/.test(stderr), stderr)
          },
          atEnd: () => isWhole('--local-image', `saved-${label}`),
        }
      }))

    test('sign --format both: the image is signed for a reader or it is not', () =>
      killAtEach(writes, async label => {
        const target = await scene.copyImage(`signed-${label}`)
        return {
          args: [...signing, target.replace(scene.registry.host, proxy.host)],
          afterDeath: async () => assert.ok([0, 10].includes(await verify(target))),
          atEnd: () => isWhole(target),
        }
      }))

    test('clean: the image stays, its signatures verify or are gone', () =>
      killAtEach(writes, async label => {
        const target = await scene.copyImage(`cleaned-${label}`)
        await countersign(...signing, target)
        return {
          args: ['clean', '--force', target.replace(scene.registry.host, proxy.host)],
          afterDeath: async () => assert.ok([0, 10].includes(await verify(target))),
          atEnd: async () => {
            assert.equal(await verify(target), 10)
            await countersign(...signing, target)
            assert.equal((await scene.verify(cosign3, scene.a, target)).code, 0)
          },
        }
      }))
  })
