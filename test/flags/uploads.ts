import assert from 'node:assert/strict'
import { assertRefused, rigHost } from '../../src/testing/command-rig.ts'
import { type Case, cs, definePlain, disk, good, hand, unreadable, usage } from './setup.ts'

let uploads = 0
disk.set('module.wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
definePlain('upload blob', {
  line: async () => `upload blob -f blob ${rigHost}/upload-${++uploads}`,
  failing: line => line.replace('-f blob', '-f nowhere'),
  prints: true,
})
definePlain('upload wasm', {
  line: async () => `upload wasm -f module.wasm ${rigHost}/upload-${++uploads}`,
  failing: line => line.replace('module.wasm', 'nowhere.wasm'),
  prints: false,
})

/** Flags of the commands that upload files. */
export function uploadCases(): readonly Case[] {
  const uploaded = async (flags: string) => {
    const name = `upload-${++uploads}`
    await good(cs(`upload blob ${flags} ${rigHost}/${name}:v1`))
    return await hand.manifest(name, 'v1')
  }
  const layerType = async (flags: string) => ((await uploaded(flags))['layers'] as { mediaType: string }[])[0]?.mediaType
  return [
    {
      flag: 'files',
      commands: ['upload blob'],
      what: 'are the files; several need a platform each',
      check: async () => {
        assert.equal(
          (await uploaded('-f blob -f module.wasm:linux --files team.pub:aix'.replace('blob', 'blob:darwin')))['manifests'] !== undefined,
          true,
        )
        const to = `${rigHost}/upload-none`
        assertRefused(await cs(`upload blob ${to} -o json`), usage(/^want --files FILE, got none$/))
        assertRefused(await cs(`upload blob -f blob -f team.pub:aix ${to} -o json`), usage(/unique platform, blob had no platform/))
        assertRefused(await cs(`upload blob -f blob:aix,team.pub:aix ${to} -o json`), usage(/aix\/ is named twice/))
        assertRefused(await cs(`upload blob -f blob:linux/arm/v7 ${to} -o json`), usage(/want FILE, FILE:OS or FILE:OS\/ARCH/))
        assertRefused(await cs(`upload blob -f nowhere ${to} -o json`), unreadable)
      },
    },
    {
      flag: 'annotation',
      commands: ['upload blob'],
      what: 'is the manifest’s',
      check: async () => {
        assert.deepEqual((await uploaded('-f blob -a b=2 --annotation a=1'))['annotations'], { a: '1', b: '2' })
        assertRefused(await cs(`upload blob -f blob -a b ${rigHost}/upload-none -o json`), usage(/^unable to parse annotation: "b"/))
      },
    },
    {
      flag: 'ct',
      commands: ['upload blob'],
      what: 'overrules what the content looks like',
      check: async () => {
        assert.equal(await layerType('-f blob'), 'text/plain')
        assert.equal(await layerType('-f blob --ct application/vnd.example'), 'application/vnd.example')
      },
    },
    {
      flag: 'file',
      commands: ['upload wasm'],
      what: 'is the module',
      check: async () => {
        const to = `${rigHost}/module:v1`
        await good(cs(`upload wasm --file module.wasm ${to}`))
        const { config, layers } = (await hand.manifest('module', 'v1')) as {
          config: { mediaType: string }
          layers: { mediaType: string }[]
        }
        assert.equal(config.mediaType, 'application/vnd.wasm.config.v1+json')
        assert.equal(layers[0]?.mediaType, 'application/vnd.wasm.content.layer.v1+wasm')
        assertRefused(await cs(`upload wasm ${to} -o json`), usage(/^want --file FILE, got none$/))
        assertRefused(await cs(`upload wasm -f blob ${to} -o json`), usage(/want a WebAssembly module, got text\/plain/))
      },
    },
  ]
}
