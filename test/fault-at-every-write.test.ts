import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ociDigestOf } from '../src/formats/oci-digest.ts'
import { createRegistry, memoryStore } from '../src/services/registry/registry.ts'
import { createRig, good, type Outcome, type Rig, type RunOptions, rigHost } from '../src/testing/command-rig.ts'
import { type FaultAtWrite, faultAtWrite } from '../src/testing/fault-at-write.ts'
import { type Built, buildImage, buildIndex, imageIndexType, imageManifestType } from '../src/testing/image-builder.ts'

// Commands die at each of their writes, once before it lands and once after it with the answer lost. What they leave must be
// whole as far as it can be seen, and the same command run again must come to what an undisturbed run comes to.

type Handler = Rig['registry']

/** One run of a command, on registries and a disk of its own. */
type Stage = {
  readonly run: (options?: RunOptions) => Promise<Outcome>
  readonly put: (fault: FaultAtWrite | undefined) => void
  /** Asserts that nothing is half there. */
  readonly check: () => Promise<void>
  /** All that the command is to bring about. */
  readonly state: () => Promise<unknown>
}

type Scene = { readonly name: string; readonly leastWrites: number; readonly set: () => Promise<Stage> }

const signing = '--key team.key --tlog-upload=false'
const verifying = 'verify --key team.pub --insecure-ignore-tlog'
const older = buildImage({ annotations: { version: 'older' } })
const image = buildIndex([
  buildImage({ layers: [[{ type: 'file', path: 'a', content: 'a' }]] }),
  buildImage({ layers: [], platform: { os: 'linux', architecture: 'arm64' } }),
])
const child = image.images[0]!

function freshRegistry(referrers: boolean): Handler {
  const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  return createRegistry(memoryStore(), { now: () => new Date('2026-01-02T03:04:05Z'), randomBytes }, { referrers, deletes: true })
}

/** An index with signatures of both layouts, and a bundle on one of its images, in the registry of a rig. */
async function signed(referrers: boolean): Promise<Rig> {
  const rig = createRig({ referrers })
  const name = await rig.push('app', image)
  await good(rig.cs(`sign ${signing} ${name}`))
  await good(rig.cs(`sign ${signing} --new-bundle-format=false ${name}`))
  await good(rig.cs(`sign ${signing} ${rigHost}/app@${child.digest}`))
  return rig
}
const sources = { with: await signed(true), without: await signed(false) }

/** `copy` over another image, from a registry to one of the other kind. */
function copying(from: 'with' | 'without', referrers: boolean): Scene {
  const source = sources[from]
  return {
    name: `copy to a registry ${referrers ? 'with' : 'without'} referrers API`,
    leastWrites: 20,
    set: async () => {
      const far = freshRegistry(referrers)
      await pushTo(far, older)
      return stageOn(source, far, `copy --force ${rigHost}/app:v1 far.test/app:v1`, async () => {
        const held = await digestOf(far, 'v1')
        assert.ok(held === older.digest || held === image.digest, held)
        if (held === image.digest) await verifies(source, 'far.test/app:v1', `far.test/app@${child.digest}`)
      })
    },
  }
}

function saving(): Scene {
  return {
    name: 'save',
    leastWrites: 10,
    set: async () => {
      const rig = createRig()
      rig.hosts.set('source.test', sources.with.registry)
      let fault: FaultAtWrite | undefined
      const load = async () => {
        rig.hosts.set('loaded.test', freshRegistry(true))
        await good(rig.cs('load --dir saved loaded.test/app:v1'))
        await verifies(rig, 'loaded.test/app:v1', `loaded.test/app@${child.digest}`)
      }
      return {
        run: () => rig.cs('save --dir saved source.test/app:v1', fault ? { folders: fault.folder } : {}),
        put: given => {
          fault = given
        },
        check: async () => {
          for (const entry of savedEntries(rig)) assertSaved(rig, entry)
          if (savedEntries(rig).some(({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === 'v1')) await load()
        },
        state: async () => {
          await load()
          const files = [...rig.disk.keys()].filter(path => path.startsWith('saved/')).sort()
          const named = savedEntries(rig).filter(entry => entry.annotations ?? entry.artifactType) // that a child is listed besides is no difference
          return { files, entries: named.map(entry => JSON.stringify(entry)).sort() }
        },
      }
    },
  }
}

function loading(referrers: boolean): Scene {
  return {
    name: `load into a registry ${referrers ? 'with' : 'without'} referrers API`,
    leastWrites: 20,
    set: async () => {
      const far = freshRegistry(referrers)
      await good(sources.with.cs(`save --dir saved ${rigHost}/app:v1`))
      return stageOn(sources.with, far, 'load --dir saved far.test/app:v1', async () => {
        if ((await digestOf(far, 'v1')) === image.digest) await verifies(sources.with, 'far.test/app:v1', `far.test/app@${child.digest}`)
      })
    },
  }
}

function cleaning(referrers: boolean): Scene {
  return {
    name: `clean in a registry ${referrers ? 'with' : 'without'} referrers API`,
    leastWrites: 1,
    set: async () => {
      const far = freshRegistry(referrers)
      const { cs, hosts } = sources.with
      hosts.set('far.test', far)
      await good(cs(`copy ${rigHost}/app:v1 far.test/app:v1`))
      const stage = stageOn(sources.with, far, 'clean --force far.test/app:v1', async () => {})
      // what a fallback tag lists is deleted before the tag: the other way round, nothing would lead there any more
      const check = async () => {
        assert.equal(await digestOf(far, 'v1'), image.digest)
        const { code, stderr } = await cs(`${verifying} far.test/app:v1`)
        assert.ok(code === 0 || code === 10, stderr)
        await verifies(sources.with, `far.test/app@${child.digest}`)
      }
      return { ...stage, check }
    },
  }
}

/** A bundle whose answer was lost stays, and its repetition is a second one: their number is no part of the state. */
function signingScene(format: 'bundle' | 'legacy', referrers: boolean): Scene {
  const flags = format === 'bundle' ? '' : '--new-bundle-format=false'
  return {
    name: `sign, ${format}, in a registry ${referrers ? 'with' : 'without'} referrers API`,
    leastWrites: 4,
    set: async () => {
      const rig = createRig()
      const far = freshRegistry(referrers)
      await pushTo(far, older)
      rig.hosts.set('far.test', far)
      const verify = () => rig.cs(`${verifying} far.test/app:v1`)
      const stage = stageOn(rig, far, `sign ${signing} ${flags} far.test/app@${older.digest}`, async () => {
        const { code, stderr } = await verify()
        assert.ok(code === 0 || code === 10, stderr) // there, or not there; never there and broken
      })
      return {
        ...stage,
        state: async () => {
          const { stdout } = await good(verify())
          return { tags: await tagsOf(far), layers: format === 'legacy' ? JSON.parse(stdout).length : 'any' }
        },
      }
    },
  }
}

for (const scene of [
  copying('with', false),
  copying('without', true),
  saving(),
  loading(true),
  loading(false),
  cleaning(true),
  cleaning(false),
  signingScene('bundle', true),
  signingScene('bundle', false),
  signingScene('legacy', false),
])
  for (const when of ['before', 'after'] as const)
    test(`${scene.name}: dies ${when} each of its writes lands, leaves nothing half there, and completes when run again`, async () => {
      const undisturbed = await scene.set()
      await good(undisturbed.run())
      const wanted = await undisturbed.state()
      for (let number = 1; ; number++) {
        const stage = await scene.set()
        const fault = faultAtWrite(number, when)
        stage.put(fault)
        const outcome = await stage.run()
        stage.put(undefined)
        if (!fault.isDead()) {
          assert.equal(outcome.code, 0, outcome.stderr)
          assert.ok(number > scene.leastWrites, `${number - 1} writes`)
          break
        }
        assert.equal(outcome.code, 1, `write ${number}: ${outcome.stderr}`)
        assert.match(outcome.stderr, /connection was (?:closed|reset)/, `write ${number}`)
        await stage.check()
        await good(stage.run())
        assert.deepEqual(await stage.state(), wanted, `write ${number}`)
      }
    })

/** A command that writes to the repository `app` of a registry, known to the rig as far.test. */
function stageOn(rig: Rig, far: Handler, line: string, check: () => Promise<void>): Stage {
  const put: Stage['put'] = fault => void rig.hosts.set('far.test', fault ? fault.registry(far) : far)
  put(undefined)
  return {
    run: options => rig.cs(line, options),
    put,
    check: async () => {
      await contentOf(far)
      await check()
    },
    state: () => contentOf(far),
  }
}

/** What can be seen of the repository: its tags, and whatever they and listings of referrers lead to; all of it must be there. */
async function contentOf(registry: Handler): Promise<{ readonly tags: unknown; readonly manifests: readonly string[] }> {
  const seen = new Set<string>()
  const visit = async (digest: string): Promise<void> => {
    if (seen.has(digest)) return
    seen.add(digest)
    const manifest = (await json(registry, `manifests/${digest}`))!
    assert.ok(manifest, `manifest ${digest} is named and not there`)
    for (const { digest } of manifest.manifests ?? []) await visit(digest)
    for (const { digest } of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])])
      assert.equal((await ask(registry, `blobs/${digest}`, 'HEAD')).status, 200, `blob ${digest} of ${manifest.mediaType} is not there`)
    for (const { digest: referrer } of (await json(registry, `referrers/${digest}`))?.manifests ?? []) await visit(referrer)
  }
  const tags = await tagsOf(registry)
  const named: Record<string, string> = {}
  for (const tag of tags) {
    named[tag] = await digestOf(registry, tag)
    await visit(named[tag])
  }
  return { tags: named, manifests: [...seen].sort() }
}

type Document = {
  readonly mediaType?: string
  readonly manifests?: readonly {
    readonly digest: string
    readonly artifactType?: string
    readonly annotations?: Readonly<Record<string, string>>
  }[]
  readonly config?: { readonly digest: string }
  readonly layers?: readonly { readonly digest: string }[]
  readonly tags?: readonly string[]
}

async function ask(registry: Handler, path: string, method = 'GET'): Promise<Response> {
  const accept = [imageManifestType, imageIndexType].join(', ')
  return await registry(new Request(`https://far.test/v2/app/${path}`, { method, headers: { accept } }))
}

async function json(registry: Handler, path: string): Promise<Document | undefined> {
  const response = await ask(registry, path)
  return response.status === 200 ? ((await response.json()) as Document) : undefined
}

async function tagsOf(registry: Handler): Promise<readonly string[]> {
  return (await json(registry, 'tags/list'))?.tags ?? []
}

async function digestOf(registry: Handler, tag: string): Promise<string> {
  return (await ask(registry, `manifests/${tag}`, 'HEAD')).headers.get('docker-content-digest') ?? 'nothing'
}

async function pushTo(registry: Handler, built: Built): Promise<void> {
  const put = async (path: string, type: string, body: Uint8Array, method = 'PUT') => {
    const request = new Request(`https://far.test/v2/app/${path}`, {
      method,
      headers: { 'content-type': type },
      body: Uint8Array.from(body),
    })
    assert.equal((await registry(request)).status, 201)
  }
  for (const [digest, bytes] of built.blobs) await put(`blobs/uploads/?digest=${digest}`, 'application/octet-stream', bytes, 'POST')
  await put('manifests/v1', built.mediaType, built.manifest)
}

function savedEntries(rig: Rig): NonNullable<Document['manifests']> {
  const index = rig.disk.get('saved/index.json')
  return index === undefined ? [] : ((JSON.parse(textOf(index)) as Document).manifests ?? [])
}

function assertSaved(rig: Rig, { digest }: { readonly digest: string }): void {
  const path = (named: string) => `saved/blobs/${named.replace(':', '/')}`
  const bytes = rig.disk.get(path(digest))
  assert.ok(bytes !== undefined, `${path(digest)} is named and not there`)
  const manifest = JSON.parse(textOf(bytes)) as Document
  for (const entry of manifest.manifests ?? []) assertSaved(rig, entry)
  for (const blob of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])]) {
    const content = rig.disk.get(path(blob.digest))
    assert.ok(content !== undefined, `${path(blob.digest)} is named and not there`)
    assert.equal(ociDigestOf(typeof content === 'string' ? new TextEncoder().encode(content) : content), blob.digest)
  }
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : new TextDecoder().decode(data)
}

async function verifies(rig: Rig, ...names: readonly string[]): Promise<void> {
  for (const name of names) await good(rig.cs(`${verifying} ${name}`))
  if (names[0]?.endsWith(':v1')) await good(rig.cs(`${verifying} --new-bundle-format=false ${names[0]}`))
}
