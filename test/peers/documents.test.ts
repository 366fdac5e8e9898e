import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, ours } from './harness/actor.ts'
import { readAllClaims } from './harness/claims.ts'
import { openScene, type Scene } from './harness/scene.ts'

// `manifest verify` and `dockerfile verify` of the same documents by all three. Where ours comes to another answer than both
// cosigns, the name of the test says what they do.

let scene: Scene
before(async () => {
  scene = await openScene()
  for (const name of ['good', 'fine']) await scene.sign(cosign2, 'legacy', scene.a, await scene.copyImage(name))
  await scene.sign(cosign3, 'bundle', scene.a, await scene.copyImage('bundled'))
  await scene.copyImage('bare')
})
after(() => scene.close())

/** GOOD and FINE are signed in the older layout, BUNDLED by a bundle, BARE not at all. */
function fillIn(text: string): string {
  const image = (name: string) => `${scene.registry.host}/${name}:v1`
  return text
    .replaceAll('GOOD', image('good'))
    .replaceAll('FINE', image('fine'))
    .replaceAll('BUNDLED', image('bundled'))
    .replaceAll('BARE', image('bare'))
    .replaceAll('HOST', scene.registry.host)
}

type Sample = {
  readonly name: string
  readonly text: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** File name; that of the kind unless told. */
  readonly file?: string
  readonly exit: number
  /** Where both cosigns end otherwise: how, and what they do. */
  readonly theirs?: { readonly exit: number; readonly because: string }
}

let files = 0
function compare(command: readonly [string, string], fileName: string, samples: readonly Sample[]): void {
  for (const { name, text, flags = [], env = {}, file = fileName, exit, theirs } of samples)
    test(`${name}: ${exit}${theirs ? `, where cosign ends with ${theirs.exit}: ${theirs.because}` : ''}`, async () => {
      const path = scene.place.path(`${files++}-${file}`)
      writeFileSync(path, fillIn(text))
      const stdout = new Map<Actor, string>()
      for (const actor of actors) {
        const args = [...command, '--key', scene.a.pub, '--insecure-ignore-tlog', ...flags, path]
        const ended = await scene.run(actor, args, { env })
        assert.equal(ended.code, actor === ours ? exit : (theirs?.exit ?? exit), `${actor.name}: ${ended.stderr}`)
        stdout.set(actor, ended.stdout)
      }
      if (exit === 0 && !theirs) assert.deepEqual(readAllClaims(stdout.get(ours)!), readAllClaims(stdout.get(cosign3)!))
    })
}

const pod = (spec: string) => `apiVersion: v1\nkind: Pod\nspec:\n${spec.replace(/^/gm, '  ')}\n`
const containers = (...images: readonly string[]) =>
  `containers:\n${images.map((image, i) => `- name: c${i}\n  image: ${image}`).join('\n')}`
const workload = (kind: string, image: string) =>
  `apiVersion: apps/v1\nkind: ${kind}\nspec:\n  template:\n    spec:\n${containers(image).replace(/^/gm, '      ')}\n`
const cronJob = (image: string) =>
  `apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n${containers(image).replace(/^/gm, '          ')}\n`
const list = (image: string) =>
  `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n${containers(image).replace(/^/gm, '    ')}\n`
const notRead = { exit: 1, because: 'it finds no images in it' }
const noBundles = { exit: 10, because: 'neither version looks for bundles here' }
const overlooked = { exit: 0, because: 'it overlooks that image' }

describe('manifest verify', { concurrency: 2 }, () => {
  compare(['manifest', 'verify'], 'manifest.yaml', [
    { name: 'a pod', text: pod(containers('GOOD')), exit: 0 },
    { name: 'a pod of two images', text: pod(containers('GOOD', 'FINE')), exit: 0 },
    { name: 'a pod that cosign 3 signed as it does by default', text: pod(containers('BUNDLED')), exit: 0, theirs: noBundles },
    { name: 'a pod that is not signed', text: pod(containers('BARE')), exit: 10 },
    { name: 'a pod of which one image is not signed', text: pod(containers('GOOD', 'BARE')), exit: 10 },
    {
      name: 'an init container that is not signed',
      text: pod(`${containers('BARE').replace('containers', 'initContainers')}\n${containers('GOOD')}`),
      exit: 10,
    },
    {
      name: 'an ephemeral container that is not signed',
      text: pod(`${containers('BARE').replace('containers', 'ephemeralContainers')}\n${containers('GOOD')}`),
      exit: 10,
      theirs: overlooked,
    },
    {
      name: 'an image volume that is not signed',
      text: pod(`${containers('GOOD')}\nvolumes:\n- name: data\n  image:\n    reference: BARE`),
      exit: 10,
      theirs: overlooked,
    },
    ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job'].flatMap((kind): Sample[] => [
      { name: `a ${kind}`, text: workload(kind, 'GOOD'), exit: 0 },
      { name: `a ${kind} that is not signed`, text: workload(kind, 'BARE'), exit: 10 },
    ]),
    { name: 'a CronJob', text: cronJob('GOOD'), exit: 0 },
    { name: 'a CronJob that is not signed', text: cronJob('BARE'), exit: 10 },
    { name: 'a List', text: list('GOOD'), exit: 0, theirs: notRead },
    { name: 'a List that is not signed', text: list('BARE'), exit: 10, theirs: notRead },
    {
      name: 'a PodTemplate that is not signed',
      text: workload('PodTemplate', 'BARE').replace('spec:\n  template', 'template').replaceAll(/^ {2}/gm, ''),
      exit: 10,
      theirs: notRead,
    },
    {
      name: 'a resource of another API',
      text: 'apiVersion: example.com/v1\nkind: Thing\nspec:\n  image: GOOD\n',
      exit: 0,
      theirs: notRead,
    },
    { name: 'two documents', text: `${pod(containers('GOOD'))}---\n${cronJob('FINE')}`, exit: 0 },
    { name: 'two documents, the second not signed', text: `${pod(containers('GOOD'))}---\n${pod(containers('BARE'))}`, exit: 10 },
    {
      name: 'documents without images among others',
      text: `apiVersion: v1\nkind: Service\nspec: {}\n---\n${pod(containers('GOOD'))}---\n# end\n`,
      exit: 0,
    },
    { name: 'an alias', text: pod('containers:\n- &c\n  name: a\n  image: GOOD\n- <<: *c\n  name: b\n  image: FINE'), exit: 0 },
    { name: 'no images', text: 'apiVersion: v1\nkind: Service\nspec: {}\n', exit: 1 },
    { name: 'nothing', text: '', exit: 1 },
    { name: 'no YAML', text: 'a: [\n', exit: 1 },
    { name: 'JSON', text: '{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"GOOD"}]}}', file: 'pod.yml', exit: 0 },
    {
      name: 'JSON in a .json',
      text: '{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"GOOD"}]}}',
      file: 'pod.json',
      exit: 0,
      theirs: { exit: 1, because: 'it takes .yaml and .yml only' },
    },
    { name: 'another kind of file', text: pod(containers('GOOD')), file: 'pod.txt', exit: 1 },
    { name: 'another claim', text: pod(containers('GOOD')), flags: ['-a', 'commit=1'], exit: 12 },
  ])
})

describe('dockerfile verify', { concurrency: 2 }, () => {
  const base = ['--base-image-only']
  const noReference = (what: string) => ({ exit: 1, because: `it takes ${what} for the name of an image` })
  compare(['dockerfile', 'verify'], 'Dockerfile', [
    { name: 'FROM', text: 'FROM GOOD\nRUN true\n', exit: 0 },
    { name: 'FROM that cosign 3 signed as it does by default', text: 'FROM BUNDLED\n', exit: 0, theirs: noBundles },
    { name: 'FROM that is not signed', text: 'FROM BARE\n', exit: 10 },
    { name: 'two stages', text: 'FROM GOOD AS build\nFROM FINE\nCOPY --from=build /a /b\n', exit: 0 },
    { name: 'two stages, the first not signed', text: 'FROM BARE AS build\nFROM GOOD\nCOPY --from=build /a /b\n', exit: 10 },
    { name: 'two stages, the last not signed', text: 'FROM GOOD AS build\nFROM BARE\nCOPY --from=build /a /b\n', exit: 10 },
    { name: 'FROM a stage', text: 'FROM GOOD AS build\nFROM build\n', exit: 0, theirs: noReference('the stage') },
    { name: 'COPY --from=0', text: 'FROM GOOD\nFROM FINE\nCOPY --from=0 /a /b\n', exit: 0, theirs: noReference('the number') },
    { name: 'COPY --from of an image', text: 'FROM GOOD\nCOPY --from=FINE /a /b\n', exit: 0 },
    { name: 'COPY --from of an image that is not signed', text: 'FROM GOOD\nCOPY --from=BARE /a /b\n', exit: 10 },
    { name: 'COPY --from behind another flag', text: 'FROM GOOD\nCOPY --chown=1 --from=BARE /a /b\n', exit: 10 },
    { name: 'RUN --mount=from', text: 'FROM GOOD\nRUN --mount=type=bind,from=BARE,target=/x true\n', exit: 10, theirs: overlooked },
    { name: 'ARG', text: 'ARG BASE=GOOD\nFROM $BASE\n', exit: 0 },
    { name: 'ARG of an image that is not signed', text: `ARG BASE=BARE\nFROM $\{BASE}\n`, exit: 10 },
    { name: 'ARG in the middle of a name', text: 'ARG NAME=good\nFROM HOST/$NAME:v1\n', exit: 0 },
    {
      name: 'a default where a variable is used',
      text: `ARG NAME\nFROM HOST/$\{NAME:-good}:v1\n`,
      exit: 0,
      theirs: { exit: 1, because: 'it puts nothing in its place' },
    },
    { name: 'ARG from the environment', text: 'ARG NAME\nFROM HOST/$NAME:v1\n', env: { NAME: 'good' }, exit: 0 },
    { name: 'a variable of the environment', text: 'FROM HOST/$NAME:v1\n', env: { NAME: 'bare' }, exit: 10 },
    { name: 'ENV', text: 'FROM GOOD\nENV OTHER=BARE\nCOPY --from=$OTHER /a /b\n', exit: 10 },
    { name: 'a variable that nothing tells', text: 'FROM $MISSING\n', exit: 1, theirs: { exit: 2, because: 'it panics' } },
    { name: '--platform', text: 'FROM --platform=linux/amd64 GOOD\n', exit: 0 },
    { name: 'lower case', text: 'from BARE as b\n', exit: 10 },
    { name: 'tabs and blank lines', text: 'FROM  GOOD\n\n\tFROM\tFINE\n', exit: 0 },
    { name: 'a comment', text: '# FROM BARE\nFROM GOOD\n', exit: 0 },
    { name: 'a line that goes on', text: 'FROM \\\n  GOOD\n', exit: 0, theirs: noReference('the backslash') },
    {
      name: 'FROM within a here-document',
      text: 'FROM GOOD\nRUN <<EOF\nFROM BARE\nEOF\n',
      exit: 0,
      theirs: { exit: 10, because: 'it takes the text for an instruction' },
    },
    { name: 'scratch', text: 'FROM scratch\nCOPY --from=GOOD /a /b\n', exit: 0 },
    { name: 'scratch alone', text: 'FROM scratch\n', exit: 1 },
    { name: 'nothing', text: '', exit: 1 },
    { name: 'no FROM', text: 'RUN true\n', exit: 1 },
    { name: 'ADD --from', text: 'FROM GOOD\nADD --from=BARE /a /b\n', exit: 10, theirs: overlooked },
    { name: '--base-image-only', text: 'FROM BARE AS build\nFROM GOOD\n', flags: base, exit: 0 },
    { name: '--base-image-only of an image that is not signed', text: 'FROM GOOD AS build\nFROM BARE\n', flags: base, exit: 10 },
    {
      name: '--base-image-only with COPY --from of a signed image after it',
      text: 'FROM BARE\nCOPY --from=GOOD /a /b\n',
      flags: base,
      exit: 10,
      theirs: { exit: 0, because: 'it verifies what is copied from, as it comes last' },
    },
    {
      name: '--base-image-only with COPY --from of an image that is not signed after it',
      text: 'FROM GOOD\nCOPY --from=BARE /a /b\n',
      flags: base,
      exit: 0,
      theirs: { exit: 10, because: 'it verifies what is copied from, as it comes last' },
    },
    { name: 'another claim', text: 'FROM GOOD\n', flags: ['-a', 'commit=1'], exit: 12 },
  ])
})
