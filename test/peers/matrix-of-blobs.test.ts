import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { importKey, type KeyKind, type KeyPair, keyKinds } from './harness/keys.ts'
import { once } from './harness/once.ts'
import { createPlace } from './harness/place.ts'

// {countersign, cosign 3, cosign 2} signs a file with each kind of key, as a bundle, a legacy bundle and a signature on its
// own, and each verifies it.

const place = createPlace()
after(place.remove)

const blob = place.path('blob')
const changed = place.path('changed')
writeFileSync(blob, 'a release\n')
writeFileSync(changed, 'a release!\n')

const forms = ['bundle', 'legacy bundle', 'signature'] as const
type Form = (typeof forms)[number]
type Signing = { readonly signer: Actor; readonly form: Form; readonly kind: KeyKind }
const signings = actors.flatMap(signer => forms.flatMap(form => keyKinds.map((kind): Signing => ({ signer, form, kind }))))
const nameOf = ({ signer, form, kind }: Signing) => `${signer.name} ${form} ${kind}`
const formatOf = (form: Form) => (form === 'bundle' ? 'bundle' : 'legacy')

const keys = once<KeyPair>(kind => importKey(place, cosign3, kind as KeyKind, kind.replace(' ', '-')))

/** Signs the file and gives the path of what was written. */
const sign = once<string>(async name => {
  const { signer, form, kind } = signings.find(signing => nameOf(signing) === name)!
  const path = place.path(name.replaceAll(' ', '-'))
  const { key } = await keys(kind)
  const output = form === 'signature' ? '--output-signature' : '--bundle'
  await runOk(place, signer.command(), ['sign-blob', ...signer.signs(formatOf(form)), '--key', key, output, path, blob])
  return path
})

/** What a verifier makes of it: nothing to say means that it verifies, by these further flags. */
type Cell = {
  readonly title: string
  readonly flags?: readonly string[]
  readonly file?: string
  readonly refused?: RegExp
}

/** cosign verifies SHA-256 unless told, while cosign 3 and countersign sign with the hash of the key's own strength. */
const otherHashes: { readonly [kind in KeyKind]?: string } = { 'P-384': 'sha384', 'P-521': 'sha512' }
const invalid = /invalid signature when validating ASN\.1 encoded signature/

function cellsOf({ signer, form, kind }: Signing, verifier: Actor): readonly Cell[] {
  const hash = signer === cosign2 ? undefined : otherHashes[kind]
  const ofChangedFile = {
    title: 'refuses another file',
    file: changed,
    refused: /: invalid signature|the signature is about sha|does not verify with/,
  }
  if (verifier === ours) return [{ title: 'verifies' }, ofChangedFile]
  if (kind === 'Ed25519' && signer === cosign3 && verifier === cosign3 && form === 'bundle')
    return [{ title: 'known: does not verify', refused: /message is missing artifact digest/ }]
  if (hash === undefined) return kind === 'P-256' ? [{ title: 'verifies' }, ofChangedFile] : [{ title: 'verifies' }]
  const byDefault = { title: 'known: does not verify by default', refused: invalid }
  if (verifier === cosign2) return [byDefault] // and it has no flag to tell the hash
  const flags = ['--signature-digest-algorithm', hash]
  return form === 'legacy bundle'
    ? [{ title: `known: does not verify as ${hash}`, flags, refused: invalid }, byDefault] // where the bundle holds a key the flag is ignored
    : [{ title: `verifies as ${hash}`, flags }, byDefault]
}

describe('signatures of files', { concurrency: 2 }, () => {
  for (const signing of signings)
    for (const verifier of actors)
      for (const { title, flags = [], file = blob, refused } of cellsOf(signing, verifier))
        test(`${nameOf(signing)}: ${verifier.name} ${title}`, async () => {
          const path = await sign(nameOf(signing))
          const { pub } = await keys(signing.kind)
          const input = [signing.form === 'signature' ? '--signature' : '--bundle', path]
          const args = [...verifier.verifies(formatOf(signing.form), place), ...flags, '--key', pub, ...input, file]
          const { code, stdout, stderr } = await run(place, verifier.command(), ['verify-blob', ...args])
          assert.equal(code, refused ? 1 : 0, stderr)
          assert.match(stderr, refused ?? /^Verified OK$/m)
          if (refused) assert.doesNotMatch(stderr, /Verified OK/)
          assert.equal(stdout, '')
        })
})
