// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of Dockerfiles
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { openScene, type Scene } from './harness/scene.ts'

// Documents that name images, read by ours and by both cosigns: where all agree, and where cosign verifies less or something else.

type Expected = {
  readonly exit: number
  /** What is said to be verified: S and O are signed, U is not. Nothing: the command ends before that. */
  readonly extracted?: string
}
type Document = Expected & {
  readonly name: string
  readonly text: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where cosign answers differently. */
  readonly cosign?: Expected
}

const pod = (spec: string) => `apiVersion: v1\nkind: Pod\nspec: ${spec}\n`

const dockerfiles: readonly Document[] = [
  { name: 'a single stage', text: 'FROM S', exit: 0, extracted: 'S' },
  { name: 'several stages', text: 'FROM S AS a\nRUN x\nFROM --platform=linux/amd64 O as b\n', exit: 0, extracted: 'S, O' },
  { name: 'an unsigned stage', text: 'FROM U\nFROM S', exit: 10, extracted: 'U, S' },
  { name: 'the base only', text: 'FROM U\nFROM S', flags: ['--base-image-only'], exit: 0, extracted: 'S' },
  { name: 'ARG', text: 'ARG A=S\nFROM ${A}', exit: 0, extracted: 'S' },
  { name: 'the environment', text: 'ARG A\nFROM $A', env: { A: 'S' }, exit: 0, extracted: 'S' },
  { name: 'ARG over the environment', text: 'ARG A=S\nFROM $A', env: { A: 'U' }, exit: 0, extracted: 'S' },
  { name: 'scratch', text: 'FROM S AS a\nFROM scratch\nCOPY --from=a / /', exit: 0, extracted: 'S' },
  { name: 'scratch alone', text: 'FROM scratch', exit: 1 },
  { name: 'COPY --from alone', text: 'FROM S\nCOPY --from=U', exit: 10, extracted: 'S, U' },

  {
    name: 'COPY --from with other flags',
    text: 'FROM S\nCOPY --chown=1 --from=U x y',
    exit: 10,
    extracted: 'S, U',
  },
  { name: 'RUN --mount', text: 'FROM S\nRUN --mount=from=U,target=/x y', exit: 10, extracted: 'S, U', cosign: { exit: 0, extracted: 'S' } },
  { name: 'ONBUILD', text: 'FROM S\nONBUILD COPY --from=U x y', exit: 10, extracted: 'S, U', cosign: { exit: 0, extracted: 'S' } },
  { name: 'the name of a stage', text: 'FROM S AS a\nFROM a', exit: 0, extracted: 'S', cosign: { exit: 1, extracted: 'S, a' } },
  {
    name: 'the base behind a stage',
    text: 'FROM S AS a\nFROM a',
    flags: ['--base-image-only'],
    exit: 0,
    extracted: 'S',
    cosign: { exit: 1, extracted: 'a' },
  },
  {
    name: 'ENV of a stage',
    text: 'ARG A=U\nFROM S\nENV A=O\nFROM $A',
    exit: 10,
    extracted: 'S, U',
    cosign: { exit: 0, extracted: 'S, O' },
  },
  { name: 'a default', text: 'FROM ${A:-S}', exit: 0, extracted: 'S', cosign: { exit: 2 } },
  { name: 'a line that goes on', text: 'FROM \\\n  S', exit: 0, extracted: 'S', cosign: { exit: 1, extracted: '\\' } },
  { name: 'a here-document', text: 'FROM S\nRUN <<E\nFROM U\nE', exit: 0, extracted: 'S', cosign: { exit: 10, extracted: 'S, U' } },
  { name: 'the same image twice', text: 'FROM S\nFROM S', exit: 0, extracted: 'S', cosign: { exit: 0, extracted: 'S, S' } },
]

const manifests: readonly Document[] = [
  { name: 'a pod', text: pod('{containers: [{image: O}], initContainers: [{image: S}]}'), exit: 0, extracted: 'S, O' },
  { name: 'an unsigned image', text: pod('{containers: [{image: U}]}'), exit: 10, extracted: 'U' },
  {
    name: 'a deployment',
    text: 'apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{image: S}]}}}',
    exit: 0,
    extracted: 'S',
  },
  {
    name: 'a cron job',
    text: 'apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: S}]}}}}}',
    exit: 0,
    extracted: 'S',
  },
  {
    name: 'several documents',
    text: `apiVersion: v1\nkind: Service\n---\n${pod('{containers: [{image: S}]}')}---\n${pod('{containers: [{image: O}]}')}`,
    exit: 0,
    extracted: 'S, O',
  },
  { name: 'anchors', text: pod('{containers: [&a {image: S}], initContainers: [{<<: *a, image: O}]}'), exit: 0, extracted: 'O, S' },
  { name: 'JSON', text: '{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"S"}]}}', exit: 0, extracted: 'S' },
  { name: 'field names in any case', text: pod('{Containers: [{Image: U}]}'), exit: 10, extracted: 'U' },
  { name: 'no image', text: 'apiVersion: v1\nkind: Service\n', exit: 1 },
  { name: 'an image that is no text', text: pod('{containers: [{image: 5}]}'), exit: 1 },
  { name: 'no YAML', text: 'a: [', exit: 1 },

  {
    name: 'an ephemeral container',
    text: pod('{containers: [{image: S}], ephemeralContainers: [{image: U}]}'),
    exit: 10,
    extracted: 'S, U',
    cosign: { exit: 0, extracted: 'S' },
  },
  {
    name: 'an image volume',
    text: pod('{containers: [{image: S}], volumes: [{image: {reference: U}}]}'),
    exit: 10,
    extracted: 'S, U',
    cosign: { exit: 0, extracted: 'S' },
  },
  {
    name: 'a list beside a pod',
    text: `apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, spec: {containers: [{image: U}]}}]\n---\n${pod('{containers: [{image: S}]}')}`,
    exit: 10,
    extracted: 'U, S',
    cosign: { exit: 0, extracted: 'S' },
  },
  {
    name: 'a pod template',
    text: 'apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: {containers: [{image: S}]}}',
    exit: 0,
    extracted: 'S',
    cosign: { exit: 1 },
  },
  { name: 'a container without image', text: pod('{containers: [{image: S}, {name: x}]}'), exit: 1, cosign: { exit: 0, extracted: 'S' } },
  { name: 'a key twice', text: pod('{containers: [{image: U, image: S}]}'), exit: 1, cosign: { exit: 0, extracted: 'S' } },
]

describe('documents', { concurrency: 2 }, () => {
  let scene: Scene
  let names: ReadonlyMap<string, string>
  before(async () => {
    scene = await openScene()
    names = new Map([
      ['S', await scene.copyImage('signed')],
      ['O', await scene.copyImage('other')],
      ['U', await scene.copyImage('unsigned')],
    ])
    for (const image of ['S', 'O']) await scene.sign(cosign2, 'legacy', scene.a, names.get(image)!)
  })
  after(() => scene.close())

  const fill = (text: string) => text.replace(/\b[SOU]\b/g, letter => names.get(letter)!)

  for (const { kind, documents } of [
    { kind: 'dockerfile', documents: dockerfiles },
    { kind: 'manifest', documents: manifests },
  ])
    for (const [at, document] of documents.entries())
      test(`${kind} verify: ${document.name}`, async () => {
        const path = scene.place.path(`${kind}-${at}.yaml`)
        writeFileSync(path, fill(document.text))
        const answers = async (actor: Actor): Promise<Expected> => {
          const args = [kind, 'verify', ...actor.verifies('legacy', scene.place), '--key', scene.a.pub, ...(document.flags ?? []), path]
          const env = Object.fromEntries(Object.entries(document.env ?? {}).map(([name, text]) => [name, fill(text)]))
          const { code, stderr } = await scene.run(actor, args, { env })
          const extracted = /^Extracted image\(s\): (.*)$/m.exec(stderr)?.[1]
          return { exit: code, ...(extracted !== undefined && { extracted }) }
        }
        const filled = ({ exit, extracted }: Expected) => ({ exit, ...(extracted !== undefined && { extracted: fill(extracted) }) })
        assert.deepEqual(await answers(ours), filled(document))
        for (const actor of [cosign3, cosign2]) assert.deepEqual(await answers(actor), filled(document.cosign ?? document), actor.name)
      })
})
