import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { claim, readAllClaims, readClaims } from './harness/claims.ts'
import { run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage, pushIndex } from './harness/image.ts'
import { generateKey, type KeyPair } from './harness/keys.ts'
import { once } from './harness/once.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startDockerRegistry, startOwnRegistry } from './harness/server.ts'

// {countersign, cosign 3, cosign 2} signs images, annotated images and indexes, and each verifies them, on a registry
// without the referrers API and on one with it.

const place = createPlace()
const registries = ['docker-registry', 'countersign registry'] as const
const servers = new Map<(typeof registries)[number], Server>()
/** Digests of what is signed, the same on each registry. */
const digests = { one: '', two: '', index: '' }
let [right, other]: KeyPair[] = []

before(async () => {
  servers.set('docker-registry', await startDockerRegistry(place))
  servers.set('countersign registry', await startOwnRegistry(place))
  ;[right, other] = await Promise.all([generateKey(place, cosign3, 'right'), generateKey(place, ours, 'other')])
  const layouts = { one: await buildImage(place, 'one', ['one\n', 'two\n']), two: await buildImage(place, 'two', ['three\n']) }
  for (const { host } of servers.values()) {
    digests.one = await pushImage(place, layouts.one, `${host}/source:one`)
    digests.two = await pushImage(place, layouts.two, `${host}/source:two`)
    digests.index = await pushIndex(place, `${host}/source:index`, [`${host}/source@${digests.one}`, `${host}/source@${digests.two}`])
  }
})
after(async () => {
  for (const server of servers.values()) await server.stop()
  place.remove()
})

type Artifact = keyof typeof digests
type Signing = { readonly registry: (typeof registries)[number]; readonly signer: Actor; readonly format: Format }
const signings = registries.flatMap(registry =>
  actors.flatMap(signer => signer.attaches.map((format): Signing => ({ registry, signer, format }))),
)

/** What is signed, and what is then asked of each verifier. */
type Subject = {
  readonly name: string
  readonly artifact: Artifact
  readonly flags: readonly string[]
  readonly questions: readonly Question[]
}
type Question = { readonly name: string; readonly of: Artifact; readonly flags?: readonly string[]; readonly key?: 'other' } & (
  | { readonly claims: Readonly<Record<string, string>> } // it is accepted, with these annotations
  | { readonly refused: Refusal }
)
type Refusal = {
  readonly exit: Readonly<Record<Format, number>>
  readonly code: Readonly<Record<Format, string>> // ours
  readonly cosign: RegExp
}

const noneMatches = { bundle: 1, legacy: 12 }
const otherKey: Refusal = {
  exit: noneMatches,
  code: { bundle: 'KEY_MISMATCH', legacy: 'SIGNATURE_INVALID' },
  cosign: /no matching signatures: invalid signature|no matching attestations: .*Found: 0, Expected 1/,
}
const otherAnnotation: Refusal = {
  exit: noneMatches,
  code: { bundle: 'ANNOTATION_MISMATCH', legacy: 'ANNOTATION_MISMATCH' },
  cosign: /missing or incorrect annotation/,
}
const unsigned: Refusal = {
  exit: { bundle: 10, legacy: 10 },
  code: { bundle: 'SIGNATURES_NOT_FOUND', legacy: 'SIGNATURES_NOT_FOUND' },
  cosign: /no signatures found/,
}
const annotations = { build: '77', commit: '<4f&2a>' }
const subjects: readonly Subject[] = [
  {
    name: 'image',
    artifact: 'one',
    flags: [],
    questions: [
      { name: 'verified', of: 'one', claims: {} },
      { name: 'with another key refused', of: 'one', key: 'other', refused: otherKey },
      { name: 'with an annotation that is missing refused', of: 'one', flags: ['-a', 'build=77'], refused: otherAnnotation },
    ],
  },
  {
    name: 'annotated image',
    artifact: 'one',
    flags: Object.entries(annotations).flatMap(([name, value]) => ['-a', `${name}=${value}`]),
    questions: [
      { name: 'verified without asking for annotations', of: 'one', claims: annotations },
      { name: 'verified by one annotation', of: 'one', flags: ['-a', 'commit=<4f&2a>'], claims: annotations },
      { name: 'with a wrong annotation refused', of: 'one', flags: ['-a', 'build=78'], refused: otherAnnotation },
    ],
  },
  {
    name: 'index',
    artifact: 'index',
    flags: [],
    questions: [
      { name: 'verified', of: 'index', claims: {} },
      { name: 'does not speak for the images in it', of: 'one', refused: unsigned },
    ],
  },
  {
    name: 'recursive index',
    artifact: 'index',
    flags: ['--recursive'],
    questions: [
      { name: 'verified', of: 'index', claims: {} },
      { name: 'its first image verified', of: 'one', claims: {} },
      { name: 'its second image verified', of: 'two', claims: {} },
    ],
  },
]

const signed = once<string>(async name => {
  const { signing, subject } = cells.find(cell => nameOf(cell) === name)!
  const { host } = servers.get(signing.registry)!
  const repository = `${host}/${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`
  const from = `${host}/source@${digests[subject.artifact]}`
  await runOk(place, tool('crane'), ['copy', '--insecure', from, `${repository}:v1`])
  const args = [
    ...signing.signer.signs(signing.format),
    ...subject.flags,
    '--key',
    right!.key,
    `${repository}@${digests[subject.artifact]}`,
  ]
  await runOk(place, signing.signer.command(), ['sign', ...args])
  return repository
})
const cells = signings.flatMap(signing => subjects.map(subject => ({ signing, subject })))
const nameOf = ({ signing, subject }: (typeof cells)[number]) =>
  `${signing.registry}: ${signing.signer.name} ${signing.format} ${subject.name}`

/** Between one cosign and another, the first question is enough to notice a change. */
function questionsTo(verifier: Actor, { signing, subject }: (typeof cells)[number]): readonly Question[] {
  return verifier === ours || signing.signer === ours ? subject.questions : subject.questions.slice(0, 1)
}

describe('images and indexes', { concurrency: 2 }, () => {
  for (const cell of cells)
    for (const verifier of actors)
      for (const question of questionsTo(verifier, cell))
        test(`${nameOf(cell)}: ${question.name} by ${verifier.name}`, async () => {
          const repository = await signed(nameOf(cell))
          const { format } = cell.signing
          const digest = digests[question.of]
          const outcome = verifier === cosign2 && format === 'bundle' ? { refused: unsigned } : question // known: cosign 2 finds no bundle of an image
          const json = verifier === ours && 'refused' in outcome ? ['--output', 'json'] : []
          const flags = [...verifier.verifies(format, place), ...(question.flags ?? []), ...json]
          const { pub } = question.key ? other! : right!
          const { code, stdout, stderr } = await run(place, verifier.command(), [
            'verify',
            ...flags,
            '--key',
            pub,
            `${repository}@${digest}`,
          ])
          if ('refused' in outcome) {
            assert.equal(code, outcome.refused.exit[format], stderr)
            if (verifier === ours) assert.equal(JSON.parse(stdout).error.code, outcome.refused.code[format])
            else assert.match(stderr, outcome.refused.cosign)
            if (verifier !== ours) assert.equal(stdout, '')
          } else {
            assert.equal(code, 0, stderr)
            assert.deepEqual(readClaims(stdout), [claim(format, `${repository}@${digest}`, outcome.claims)])
          }
        })

  for (const cell of cells.filter(({ subject }) => subject.artifact === 'index'))
    test(`${nameOf(cell)}: countersign verify --recursive`, async () => {
      const repository = await signed(nameOf(cell))
      const args = ['--insecure-ignore-tlog', '--recursive', '--key', right!.pub, `${repository}@${digests.index}`]
      const { code, stdout, stderr } = await run(place, ours.command(), ['verify', ...args])
      const ofIndex = claim(cell.signing.format, `${repository}@${digests.index}`)
      const all = [ofIndex, ...[digests.one, digests.two].map(digest => claim(cell.signing.format, `${repository}@${digest}`))]
      const [accepted, printed] = cell.subject.name === 'index' ? [false, [ofIndex]] : [true, all]
      assert.equal(code, accepted ? 0 : 10, stderr)
      assert.deepEqual(readAllClaims(stdout), printed)
    })
})
