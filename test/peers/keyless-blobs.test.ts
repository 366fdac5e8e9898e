import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign3, ours } from './harness/actor.ts'
import { type Ended, run, runOk } from './harness/command.ts'
import { once } from './harness/once.ts'
import { createPlace } from './harness/place.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { blobWays, type KeylessWay, nameOfWay, signingFlags, verifyingFlags } from './harness/sigstore-ways.ts'

// Real cosign signs files without a key of its own; we verify them as cosign does.

const place = createPlace()
let sigstore: SigstoreServer
before(async () => {
  sigstore = await startSigstore(place)
  writeFileSync(place.path('blob'), 'a release\n')
  writeFileSync(place.path('tampered'), 'a release!\n')
})
after(async () => {
  await sigstore.close()
  place.remove()
})

const claims = { sub: 'opaque', email: 'dev@example.com', email_verified: true }
const identity = 'dev@example.com'

/** Signs the file and gives the flags that name what came of it. */
const signed = once<readonly string[]>(async name => {
  const way = blobWays.find(way => nameOfWay(way) === name)!
  const file = name.replaceAll(/[^a-z0-9]+/gi, '-')
  const stamp = way.stamped && way.format === 'legacy' ? ['--rfc3161-timestamp', `${file}.tsr.json`] : []
  const flags = signingFlags(sigstore, way, sigstore.token(claims))
  const args = ['sign-blob', ...flags, ...stamp, '--bundle', `${file}.json`, 'blob']
  await runOk(place, way.signer.command(), args, { env: sigstore.variables })
  return ['--bundle', `${file}.json`, ...stamp]
})

type Asked = { readonly identity?: string; readonly rest?: readonly string[]; readonly file?: string }

async function verifyBlob(actor: Actor, way: KeylessWay, asked: Asked = {}): Promise<Ended> {
  const { identity: wanted = identity, rest = [], file = 'blob' } = asked
  const named = await signed(nameOfWay(way))
  const format = way.format === 'bundle' && actor !== ours && actor !== cosign3 ? ['--new-bundle-format'] : []
  const flags = [...verifyingFlags(sigstore, way), ...format, '--certificate-identity', wanted, '--certificate-oidc-issuer', sigstore.url]
  const env = way.format === 'legacy' ? sigstore.variables : {}
  return await run(place, actor.command(), ['verify-blob', ...flags, ...named, ...rest, file], { env })
}

describe('files signed without a key', { concurrency: 2 }, () => {
  for (const way of blobWays) {
    test(`${nameOfWay(way)}: verified`, async () => {
      for (const actor of [ours, way.signer]) {
        const ended = await verifyBlob(actor, way)
        assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
        assert.match(ended.stderr, /^Verified OK$/m)
        assert.equal(ended.stdout, '')
      }
    })

    for (const { name, asked, codes, cosign } of [
      {
        name: 'another identity',
        asked: { identity: 'eve@example.com' },
        codes: ['IDENTITY_MISMATCH'],
        cosign: /SAN value|none of the expected/,
      },
      {
        name: 'another file',
        asked: { file: 'tampered' },
        codes: ['ARTIFACT_MISMATCH', 'SIGNATURE_INVALID'], // a bundle states the digest, what is older does not
        cosign: /invalid signature|does not match|could not verify message|matching bundle to payload/,
      },
    ])
      test(`${nameOfWay(way)}: refused for ${name}`, async () => {
        const ended = await verifyBlob(ours, way, { ...asked, rest: ['--output', 'json'] })
        assert.equal(ended.code, 1, ended.stderr)
        assert.equal(JSON.parse(ended.stdout).error.code, way.format === 'bundle' ? codes[0] : codes.at(-1))
        const theirs = await verifyBlob(way.signer, way, asked)
        assert.equal(theirs.code, 1, theirs.stderr)
        assert.match(theirs.stderr, cosign)
      })
  }
})

test('the signature, the certificate and the timestamp as files of their own', async () => {
  for (const way of blobWays.filter(({ format, stamped }) => format === 'legacy' && stamped)) {
    const flags = signingFlags(sigstore, way, sigstore.token(claims))
    const out = ['--output-signature', 'blob.sig', '--output-certificate', 'blob.pem', '--rfc3161-timestamp', 'blob.tsr.json']
    await runOk(place, way.signer.command(), ['sign-blob', ...flags, ...out, 'blob'], { env: sigstore.variables })
    const given = [
      '--signature',
      'blob.sig',
      '--certificate',
      'blob.pem',
      '--rfc3161-timestamp',
      'blob.tsr.json',
      '--rekor-url',
      sigstore.url,
    ]
    const who = ['--certificate-identity', identity, '--certificate-oidc-issuer', sigstore.url]
    const stamps = ['--timestamp-certificate-chain', sigstore.files.timestamps]
    for (const actor of [ours, way.signer]) {
      const legacy = actor === cosign3 ? ['--new-bundle-format=false'] : []
      const env = sigstore.variables
      const ended = await run(place, actor.command(), ['verify-blob', ...legacy, ...given, ...who, ...stamps, 'blob'], { env })
      assert.equal(ended.code, 0, `${actor.name}, signed by ${way.signer.name}: ${ended.stderr}`)
    }
  }
})

test('a bundle of the older kind that is made a Sigstore bundle verifies as one, also by cosign', async () => {
  const way = blobWays.find(({ signer, format, stamped }) => signer === cosign3 && format === 'legacy' && !stamped)!
  const [, file] = await signed(nameOfWay(way))
  assert.match(readFileSync(place.path(file!), 'utf8'), /^\{"base64Signature"/)
  await runOk(place, ours.command(), [
    'bundle',
    'upgrade',
    file!,
    '--artifact',
    'blob',
    '--rekor-url',
    sigstore.url,
    '--out',
    'upgraded.json',
  ])
  const who = ['--certificate-identity', identity, '--certificate-oidc-issuer', sigstore.url, '--trusted-root', sigstore.trustedRootFile]
  for (const actor of [ours, cosign3]) {
    const ended = await run(place, actor.command(), ['verify-blob', ...who, '--bundle', 'upgraded.json', 'blob'])
    assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
  }
})
