import assert from 'node:assert/strict'
import { assertRefused, rigHost } from '../../src/testing/command-rig.ts'
import { buildIndex } from '../../src/testing/image-builder.ts'
import { signatureTagOf } from '../../src/testing/registry-hand.ts'
import {
  attested,
  bundled,
  type Case,
  child,
  cs,
  definePlain,
  disk,
  fresh,
  good,
  hand,
  image,
  index,
  repositoryOf,
  rig,
  signing,
  usage,
} from './setup.ts'

let places = 0
/** A name in the registry, or a folder, that nothing was copied to. */
const place = () => `${rigHost}/copied-${++places}:v1`
const folder = () => `saved-${++places}`
const gone = (line: string) => line.replace('bundled', 'nosuch').replace('saved', 'nosuch')

/** The name of a folder with a saved image; saved when it is asked for, as commands that run at once forget each other's files. */
const saved = async () => {
  if (!disk.has('saved/index.json')) await good(cs(`save --dir saved ${bundled}`))
  return 'saved'
}
definePlain('copy', { line: async () => `copy ${bundled} ${place()}`, failing: gone, prints: false })
definePlain('save', {
  line: async () => `save --dir ${folder()} ${bundled}`,
  failing: line => line.replace('bundled', 'nosuch'),
  prints: false,
})
definePlain('load', {
  line: async () => `load --dir ${await saved()} ${place()}`,
  failing: line => line.replace('saved', 'nosuch'),
  prints: false,
})

/** Copies with these flags; tells which tags arrived, and of how many referrers. */
async function copied(from: string, flags: string) {
  const to = place()
  await good(cs(`copy ${flags} ${from} ${to}`))
  const repository = repositoryOf(to).replace(':v1', '')
  return { tags: await hand.tags(repository), referrers: (await hand.referrers(repository, image.digest)).length }
}

/** An image with signature and attestation in both layouts. */
async function decorated(): Promise<string> {
  const name = await attested(await fresh())
  await good(cs(`${signing} ${name}`))
  await good(cs(`${signing} --new-bundle-format=false ${name}`))
  const layers = (await hand.manifest(repositoryOf(name), signatureTagOf(image.digest)))['layers']
  const config = (await hand.manifest(repositoryOf(name), signatureTagOf(image.digest)))['config']
  for (const suffix of ['att', 'sbom'])
    await hand.putManifest(repositoryOf(name), signatureTagOf(image.digest).replace('sig', suffix), {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: config!,
      layers: layers!,
    })
  return name
}

/** Flags of copy, save and load. */
export function movingCases(): readonly Case[] {
  const tag = (suffix: string) => signatureTagOf(image.digest).replace('sig', suffix)
  return [
    {
      flag: 'force',
      commands: ['copy'],
      what: 'puts the tag over another image',
      check: async () => {
        const to = place()
        await good(cs(`copy ${bundled} ${to}`))
        const line = `copy ${await fresh(child)} ${to}`
        const message = new RegExp(`^image "${to}" already exists\\. Use \`-f\` to overwrite$`)
        assertRefused(await cs(`${line} -o json`), { exit: 1, code: 'TAG_TAKEN', message })
        await good(cs(`${line} --force`))
      },
    },
    {
      flag: 'force',
      commands: ['save'],
      what: 'replaces the image in the folder',
      check: async () => {
        const dir = folder()
        await good(cs(`save --dir ${dir} ${bundled}`))
        const line = `save --dir ${dir} ${await fresh(child)}`
        const message = new RegExp(`^folder "${dir}": it holds another image, ${image.digest}`)
        assertRefused(await cs(`${line} -o json`), { exit: 1, code: 'TAG_TAKEN', message })
        await good(cs(`${line} -f`))
        const to = place()
        await good(cs(`load --dir ${dir} ${to}`))
        assert.equal((await cs(`tree -o json ${to}`)).stdout.includes(child.digest), true)
      },
    },
    {
      flag: 'only',
      commands: ['copy'],
      what: 'copies what is named with the image, and no tag of it',
      check: async () => {
        const name = await decorated()
        assert.deepEqual(await copied(name, ''), { tags: [tag('att'), tag('sbom'), tag('sig'), 'v1'], referrers: 2 })
        assert.deepEqual(await copied(name, '--only sig'), { tags: [tag('sig')], referrers: 1 })
        assert.deepEqual(await copied(name, '--only att,sbom'), { tags: [tag('att'), tag('sbom')], referrers: 1 })
        const stranger = await cs(`copy --only sig,all ${name} ${place()} -o json`)
        assertRefused(stranger, usage(/^invalid value for --only: "all", only the following values are supported: \[sig sbom att\]$/))
      },
    },
    {
      flag: 'sig-only',
      commands: ['copy'],
      what: 'is --only=sig',
      check: async () => assert.deepEqual(await copied(await decorated(), '--sig-only'), { tags: [tag('sig')], referrers: 1 }),
    },
    {
      flag: 'platform',
      commands: ['copy'],
      what: 'picks one image of an index',
      check: async () => {
        const name = await fresh(index)
        const to = place()
        await good(cs(`copy --platform linux/arm64 ${name} ${to}`))
        const { digest } = JSON.parse((await cs(`copy -o json ${to} ${place()}`)).stdout)
        assert.equal(digest, child.digest)
        const refused = async (platform: string, from: string) => await cs(`copy --platform ${platform} -o json ${from} ${place()}`)
        const none = { exit: 1, code: 'PLATFORM_NOT_FOUND', message: /unable to find an entity for "windows\/arm64"$/ } as const
        assertRefused(await refused('windows/arm64', name), none)
        assertRefused(await refused('linux', name), usage(/matches more than one image architecture: linux\/amd64, linux\/arm64$/))
        assertRefused(await refused('linux/arm64', bundled), usage(/specified reference is not a multiarch image$/))
        assertRefused(await refused('linux/', name), { ...none, message: /for "linux\/"$/ })
        assertRefused(await refused('a/b/c/d', name), usage(/^--platform: want OS\/ARCH/))
      },
    },
    {
      flag: 'dir',
      commands: ['save'],
      what: 'is the folder of the layout',
      check: async () => {
        const dir = folder()
        assertRefused(await cs(`save ${bundled} -o json`), usage(/^want --dir FOLDER, the folder to save to, got none$/))
        await good(cs(`save ${bundled} --dir ${dir}`))
        assert.ok(disk.has(`${dir}/index.json`))
      },
    },
    {
      flag: 'dir',
      commands: ['load'],
      what: 'is the folder of the layout',
      check: async () => {
        const dir = folder()
        assertRefused(await cs(`load ${place()} -o json`), usage(/^want --dir FOLDER, the folder of a saved image, got none$/))
        const missing = { exit: 1, code: 'LAYOUT_NOT_FOUND', message: new RegExp(dir) } as const
        assertRefused(await cs(`load ${place()} --dir ${dir} -o json`), missing)
        await good(cs(`load ${place()} --dir ${await saved()}`))
      },
    },
    {
      flag: 'max-workers',
      commands: ['copy', 'save', 'load'],
      what: 'bounds the requests under way',
      check: async name => {
        const plain = {
          copy: `copy ${await fresh(buildIndex(index.images))} ${place()}`,
          save: `save --dir ${folder()} ${bundled}`,
          load: `load --dir ${await saved()} ${place()}`,
        }
        const line = plain[name as keyof typeof plain]
        assertRefused(await cs(`${line} --max-workers=0 -o json`), usage(/^--max-workers: want at least 1, got 0$/))
        assert.equal(await mostUnderWay(() => cs(`${line.replaceAll(`${rigHost}/`, 'slow.test/')} --max-workers=1`)), 1)
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['copy', 'save'],
      what: 'stands before the tags that travel',
      check: async name => {
        const from = await signedUnderPrefix()
        const to = () => (name === 'copy' ? place() : `--dir ${folder()}`)
        assert.equal(await signaturesMovedBy(`${name} ${from} ${to()}`), 0)
        assert.equal(await signaturesMovedBy(`${name} --attachment-tag-prefix pre- ${from} ${to()}`), 1)
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['load'],
      what: 'stands before the tags that travel',
      check: async () => {
        const dir = folder()
        await good(cs(`save --dir ${dir} --attachment-tag-prefix pre- ${await signedUnderPrefix()}`))
        assert.equal(await signaturesMovedBy(`load --dir ${dir} ${place()}`), 0)
        assert.equal(await signaturesMovedBy(`load --dir ${dir} --attachment-tag-prefix pre- ${place()}`), 1)
      },
    },
  ]
}

/** An image with one signature, at a tag that begins with `pre-`. */
async function signedUnderPrefix(): Promise<string> {
  const name = await fresh()
  await good(cs(`${signing} --new-bundle-format=false --attachment-tag-prefix pre- ${name}`))
  return name
}

async function signaturesMovedBy(line: string): Promise<number> {
  return JSON.parse((await good(cs(`${line} -o json`))).stdout).attached.sig
}

let underWay = 0
let most = 0
rig.hosts.set('slow.test', async request => {
  most = Math.max(most, ++underWay)
  await new Promise(setImmediate)
  try {
    return await rig.registry(request)
  } finally {
    underWay--
  }
})

async function mostUnderWay(task: () => Promise<unknown>): Promise<number> {
  most = 0
  await task()
  return most
}
