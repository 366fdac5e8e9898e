import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { claim, readClaims } from './harness/claims.ts'
import { run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { importKey, type KeyKind, type KeyPair, keyKinds } from './harness/keys.ts'
import { once } from './harness/once.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startDockerRegistry } from './harness/server.ts'

// {countersign, cosign 3, cosign 2} signs an image with each kind of key in each format, and each verifies it.

const place = createPlace()
let registry: Server
let digest: string
before(async () => {
  registry = await startDockerRegistry(place)
  digest = await pushImage(place, await buildImage(place, 'image'), `${registry.host}/image:v1`)
})
after(async () => {
  await registry.stop()
  place.remove()
})

const keys = once<KeyPair>(kind => importKey(place, cosign3, kind as KeyKind, kind.replace(' ', '-')))

type Signing = { readonly signer: Actor; readonly format: Format; readonly kind: KeyKind }
const signings = actors.flatMap(signer => signer.attaches.flatMap(format => keyKinds.map((kind): Signing => ({ signer, format, kind }))))
const nameOf = ({ signer, format, kind }: Signing) => `${signer.name} ${format} ${kind}`

/** Signs the image in a repository of its own, which it gives. */
const sign = once<string>(async name => {
  const { signer, format, kind } = signings.find(signing => nameOf(signing) === name)!
  const repository = `${registry.host}/${name.toLowerCase().replaceAll(' ', '-')}`
  await runOk(place, tool('crane'), ['copy', '--insecure', `${registry.host}/image@${digest}`, `${repository}:v1`])
  const { key } = await keys(kind)
  await runOk(place, signer.command(), ['sign', ...signer.signs(format), '--key', key, `${repository}@${digest}`])
  return repository
})

/** What a verifier makes of a signature: nothing to say means that it verifies, by these further flags. */
type Cell = {
  readonly title: string
  readonly flags?: readonly string[]
  readonly refused?: { readonly code: number; readonly why: RegExp }
}

/** cosign verifies SHA-256 unless told, while cosign 3 and countersign sign with the hash of the key's own strength. */
const otherHashes: { readonly [kind in KeyKind]?: string } = { 'P-384': 'sha384', 'P-521': 'sha512' }

const noMatch = {
  bundle: { code: 1, why: /accepted signatures do not match threshold, Found: 0, Expected 1/ },
  legacy: { code: 12, why: /no matching signatures: (invalid signature when validating ASN\.1|failed to verify signature)/ },
} as const

function cellsOf({ signer, format, kind }: Signing, verifier: Actor): readonly Cell[] {
  const hash = signer === cosign2 ? undefined : otherHashes[kind]
  if (verifier === ours) return [{ title: 'verifies' }]
  if (verifier === cosign2 && format === 'bundle')
    return [{ title: 'known: finds no bundle', refused: { code: 10, why: /no signatures found/ } }]
  if (kind === 'Ed25519' && signer === cosign3) return [{ title: 'known: does not verify', refused: noMatch[format] }] // it signs the prehashed form and verifies the pure one
  if (hash === undefined) return [{ title: 'verifies' }]
  const flags = ['--signature-digest-algorithm', hash]
  return [
    { title: `verifies as ${hash}`, flags },
    { title: 'known: does not verify by default', refused: noMatch[format] },
  ]
}

describe('image signatures', { concurrency: 2 }, () => {
  for (const signing of signings)
    for (const verifier of actors)
      for (const { title, flags = [], refused } of cellsOf(signing, verifier))
        test(`${nameOf(signing)}: ${verifier.name} ${title}`, async () => {
          const repository = await sign(nameOf(signing))
          const { pub } = await keys(signing.kind)
          const args = [...verifier.verifies(signing.format, place), ...flags, '--key', pub, `${repository}@${digest}`]
          const { code, stdout, stderr } = await run(place, verifier.command(), ['verify', ...args])
          assert.equal(code, refused?.code ?? 0, stderr)
          if (refused) assert.match(stderr, refused.why)
          if (refused) assert.equal(stdout, '')
          else assert.deepEqual(readClaims(stdout), [claim(signing.format, `${repository}@${digest}`)])
        })
})
