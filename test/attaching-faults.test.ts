import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRig, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'

// `attach`, `attest` and `upload` are cut off from the registry at each of their writes, before it lands or after. What is
// there then is sound, and running the command again completes it.

const image = buildImage()
const noLog = '--tlog-upload=false'
const legacy = '--new-bundle-format=false'
const trusting = 'verify --key team.pub --insecure-ignore-tlog'
const attested = 'verify-attestation --key team.pub --insecure-ignore-tlog --type openvex'

/** Files that the commands read, signed once: the passphrase takes its time. */
const files = await makeFiles()

async function makeFiles(): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const { cs, push, disk } = createRig()
  disk.set('sbom.json', '{"a":1}')
  const source = await push('source', image)
  for (const line of [
    `sign --key team.key ${noLog} --upload=false --bundle bundle.json ${source}`,
    `sign --key team.key ${noLog} ${legacy} --upload=false --output-signature sig --output-payload payload.json ${source}`,
    `attest --key team.key ${noLog} ${legacy} --type openvex --predicate sbom.json --no-upload --output-file envelope.json ${source}`,
  ]) {
    const { code, stderr } = await cs(line)
    assert.equal(code, 0, stderr)
  }
  return new Map([...disk, ['one', 'one\n'], ['two', 'two\n']])
}

async function createScene(referrers: boolean) {
  const rig = createRig({ referrers })
  for (const [path, data] of files) rig.disk.set(path, data)
  const good = async (line: string) => {
    const outcome = await rig.cs(line)
    assert.equal(outcome.code, 0, outcome.stderr)
    return outcome
  }
  return { ...rig, good, hand: createHand(rig.registry), target: await rig.push('target', image) }
}

type Scene = Awaited<ReturnType<typeof createScene>>

/** The registry, until its nth write: from then on nobody is reached. Counts the writes. */
function cutAt({ hosts, registry }: Scene, nth: number, when: 'before' | 'after'): { readonly writes: () => number } {
  let writes = 0
  const lost = () => Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
  hosts.set(rigHost, async request => {
    const isWrite = request.method !== 'GET' && request.method !== 'HEAD'
    if (isWrite) writes++
    if (writes > nth || (writes === nth && when === 'before')) throw lost()
    const response = await registry(request)
    if (isWrite && writes === nth) throw lost()
    return response
  })
  return { writes: () => writes }
}

for (const { name, line, isVisible, check } of [
  {
    name: 'attach signature --bundle',
    line: (scene: Scene) => `attach signature --bundle bundle.json ${scene.target}`,
    isVisible: async (scene: Scene) => (await scene.cs(`${trusting} ${scene.target}`)).code === 0,
    check: async (scene: Scene) => {
      const { stdout } = await scene.good(`download signature ${scene.target}`)
      assert.equal(stdout.trimEnd().split('\n').length, 1)
      await scene.good(`${trusting} ${scene.target}`)
    },
  },
  {
    name: 'attach signature --signature',
    line: (scene: Scene) => `attach signature --signature sig --payload payload.json ${scene.target}`,
    isVisible: async (scene: Scene) => (await scene.cs(`${trusting} ${scene.target}`)).code === 0,
    check: async (scene: Scene) => {
      const { stdout } = await scene.good(`download signature ${scene.target}`)
      assert.equal(stdout.trimEnd().split('\n').length, 1)
      await scene.good(`${trusting} ${scene.target}`)
    },
  },
  {
    name: 'attach attestation',
    line: (scene: Scene) => `attach attestation --attestation envelope.json ${scene.target}`,
    isVisible: async (scene: Scene) => (await scene.cs(`${attested} ${scene.target}`)).code === 0,
    check: async (scene: Scene) => {
      const { stdout } = await scene.good(`download attestation ${scene.target}`)
      assert.equal(stdout.trimEnd().split('\n').length, 1)
      await scene.good(`${attested} ${scene.target}`)
    },
  },
  {
    name: 'attest --replace',
    line: (scene: Scene) => `attest --key team.key ${noLog} ${legacy} --type openvex --predicate sbom.json --replace ${scene.target}`,
    isVisible: async (scene: Scene) => (await scene.cs(`${attested} ${scene.target}`)).code === 0,
    check: async (scene: Scene) => {
      const { stdout } = await scene.good(`download attestation ${scene.target}`)
      assert.equal(stdout.trimEnd().split('\n').length, 1)
      await scene.good(`${attested} ${scene.target}`)
    },
  },
  {
    name: 'attest',
    line: (scene: Scene) => `attest --key team.key ${noLog} --type openvex --predicate sbom.json ${scene.target}`,
    isVisible: async (scene: Scene) => (await scene.cs(`${attested} ${scene.target}`)).code === 0,
    check: async (scene: Scene) => void (await scene.good(`${attested} ${scene.target}`)),
  },
  {
    name: 'attach sbom',
    line: (scene: Scene) => `attach sbom --sbom sbom.json ${scene.target}`,
    isVisible: async (scene: Scene) => (await scene.hand.tags('target')).some(tag => tag.endsWith('.sbom')),
    check: async (scene: Scene) => assert.equal((await scene.good(`download sbom ${scene.target}`)).stdout, '{"a":1}'),
  },
  {
    name: 'upload blob of two files',
    line: () => `upload blob -f one:linux -f two:darwin ${rigHost}/target:files`,
    isVisible: async (scene: Scene) => (await scene.hand.tags('target')).includes('files'),
    check: async (scene: Scene) => {
      const { manifests } = (await scene.hand.manifest('target', 'files')) as { manifests: readonly { digest: string }[] }
      assert.equal(manifests.length, 2)
      for (const { digest } of manifests) {
        const { layers } = (await scene.hand.manifest('target', digest)) as { layers: readonly { digest: string }[] }
        await scene.hand.blob('target', layers[0]!.digest)
      }
    },
  },
])
  for (const referrers of [true, false])
    for (const when of ['before', 'after'] as const)
      test(`${name}, cut off ${when} each write (referrers API: ${referrers}): nothing half visible, and a second run completes it`, async () => {
        for (let nth = 1; ; nth++) {
          const scene = await createScene(referrers)
          const cut = cutAt(scene, nth, when)
          const outcome = await scene.cs(line(scene))
          scene.hosts.set(rigHost, scene.registry)
          if (cut.writes() < nth) {
            assert.equal(outcome.code, 0, outcome.stderr)
            assert.ok(nth > 3, `${nth - 1} writes`)
            return
          }
          if (outcome.code === 0) assert.ok(await isVisible(scene), `write ${nth}: it said that it was done`)
          if (await isVisible(scene)) await check(scene)
          await scene.good(line(scene))
          await check(scene)
        }
      })
