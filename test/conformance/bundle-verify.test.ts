import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createRig, type Outcome } from '../../src/testing/command-rig.ts'
import { strangerKey } from '../../src/testing/test-keys.ts'
import { run } from '../peers/harness/command.ts'
import { createPlace } from '../peers/harness/place.ts'
import { type BundleCase, readBundleCases } from './bundle-cases.ts'
import { ourCommandLine } from './bundle-protocol.ts'
import { refusals } from './bundle-refusals.ts'

// The public client conformance suite's bundle cases, through our command by the suite's own protocol: each by the artifact's file and by
// its digest. What must verify is also asked about another artifact, for another identity, from another issuer and by another key.

const forms = ['file', 'digest'] as const
const cases = readBundleCases()
const now = () => new Date('2026-11-30T00:00:00Z') // after the last of them was made

/** In what a run differs from what the case says. */
type Bend = { readonly artifact?: Uint8Array; readonly identity?: string; readonly issuer?: string; readonly key?: string }

/** Runs the protocol's command line in this process, on a disk of the case's files and without a network. */
async function ask(one: BundleCase, form: (typeof forms)[number], bend: Bend = {}): Promise<Outcome> {
  const { cs, disk } = createRig()
  const artifact = bend.artifact ?? readFileSync(one.artifact)
  disk.set('artifact', artifact).set('bundle.json', readFileSync(one.bundle)).set('trusted_root.json', readFileSync(one.trustedRoot))
  if ('key' in one.signer) disk.set('key.pub', bend.key ?? readFileSync(one.signer.key))
  const paths = { bundle: 'bundle.json', trustedRoot: 'trusted_root.json', key: 'key.pub' }
  const operand = form === 'file' ? 'artifact' : `sha256:${createHash('sha256').update(artifact).digest('hex')}`
  const outcome = await cs([...ourCommandLine(protocolLine(one, paths, operand, bend)), '--output', 'json'], { now })
  assert.deepEqual(outcome.requests, [], 'nobody is asked anything')
  return outcome
}

/** The suite's command line for a case. */
function protocolLine(
  { signer }: BundleCase,
  paths: { readonly bundle: string; readonly trustedRoot: string; readonly key: string },
  operand: string,
  bend: Bend = {},
): readonly string[] {
  const who =
    'key' in signer
      ? ['--key', paths.key]
      : ['--certificate-identity', bend.identity ?? signer.identity, '--certificate-oidc-issuer', bend.issuer ?? signer.issuer]
  return ['verify-bundle', '--bundle', paths.bundle, ...who, '--trusted-root', paths.trustedRoot, operand]
}

function assertVerified({ code, stdout, stderr }: Outcome): void {
  assert.equal(code, 0, `${stderr}${stdout}`)
  assert.match(stderr, /^Verified OK$/m)
}

function assertRefused({ code, stdout, stderr, failure }: Outcome, [wanted, message]: readonly [code: string, message: RegExp]): void {
  assert.equal(failure?.code, wanted, `${stderr}${stdout}`)
  assert.match(failure?.message ?? '', message)
  assert.equal(code, 1, stderr)
  assert.doesNotMatch(stderr, /Verified OK/)
}

test('each case that must be refused has its reason, and no other', () => {
  const bad = cases.flatMap(({ name, isGood }) => (isGood ? [] : [name]))
  assert.deepEqual([...refusals.keys()].toSorted(), bad)
})

describe('cases of the suite', () => {
  for (const one of cases)
    for (const form of forms)
      test(`${one.isGood ? 'verifies' : 'refuses'} ${one.name} by ${form}`, async () => {
        const outcome = await ask(one, form)
        if (one.isGood) assertVerified(outcome)
        else assertRefused(outcome, refusals.get(one.name) ?? assert.fail('a case without its reason'))
      })
})

describe('good cases, asked amiss', () => {
  for (const one of cases.filter(({ isGood }) => isGood))
    for (const form of forms) {
      const other = new TextEncoder().encode('another artifact\n')
      test(`${one.name} is refused for another artifact by ${form}`, async () =>
        assertRefused(await ask(one, form, { artifact: other }), [
          'ARTIFACT_MISMATCH',
          /^no matching signatures: .* the signature is about /,
        ]))
      const { signer } = one
      if ('key' in signer)
        test(`${one.name} is refused by another key by ${form}`, async () =>
          assertRefused(await ask(one, form, { key: strangerKey.publicPem }), ['KEY_MISMATCH', /./]))
      else
        for (const [what, bend] of Object.entries({
          'another identity': { identity: `${signer.identity}x` },
          'an identity cut short': { identity: signer.identity.slice(0, -1) },
          'another issuer': { issuer: 'https://accounts.example' },
          'an issuer cut short': { issuer: signer.issuer.slice(0, -1) },
        }))
          test(`${one.name} is refused for ${what} by ${form}`, async () =>
            assertRefused(await ask(one, form, bend), ['IDENTITY_MISMATCH', /: want (identity|issuer) ".*", got "/]))
    }
})

describe('the adapter that the suite itself can run', { concurrency: 2 }, () => {
  const place = createPlace()
  after(place.remove)
  const entrypoint = [process.execPath, join(import.meta.dirname, 'entrypoint.ts')] as const
  for (const name of [
    'happy-path-v0.1',
    'rekor2-happy-path',
    'managed-key-happy-path',
    'signature-mismatch_fail',
    'bundle-malformed-json_fail',
  ])
    test(`${name} ends with ${name.endsWith('_fail') ? 1 : 0}`, async () => {
      const one = cases.find(({ name: found }) => found === name) ?? assert.fail('no such case')
      const paths = { bundle: one.bundle, trustedRoot: one.trustedRoot, key: 'key' in one.signer ? one.signer.key : '' }
      const { code, stderr } = await run(place, entrypoint, protocolLine(one, paths, one.artifact))
      assert.equal(code, one.isGood ? 0 : 1, stderr)
      assert.match(stderr, one.isGood ? /^Verified OK$/m : /^Error: /m)
    })
  test('a command line of another form is refused', async () => {
    const { code, stderr } = await run(place, entrypoint, ['verify-bundle', '--bundle', 'x', '--staging', 'y', 'z'])
    assert.equal(code, 1)
    assert.match(stderr, /want each of --bundle, .* once, got --staging/)
  })
})
