import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { countersign, type Ended, type RunOptions, run } from '../../peers/harness/command.ts'
import { createPlace, type Place } from '../../peers/harness/place.ts'
import { type Server, startOwnRegistry } from '../../peers/harness/server.ts'
import type { ProviderRig } from './provider-rig.ts'

// One table for every provider: what users do with a key that never leaves it, and what it refuses. Source: scenarios.md section B, issue
// texts of bad input.

/** What tests of a provider's own particulars need beside the table. */
export type Bench = {
  readonly place: Place
  readonly rig: ProviderRig
  /** Runs countersign with the provider's environment. */
  readonly cs: (args: readonly string[], options?: RunOptions) => Promise<Ended>
  /** The same, which must succeed. */
  readonly good: (args: readonly string[], options?: RunOptions) => Promise<Ended>
  /** The same, which must fail with this code, and a message that holds the reason and no secret. */
  readonly refused: (args: readonly string[], code: string, reason: RegExp, options?: RunOptions) => Promise<void>
  /** A new image in a registry that is not the provider's. */
  readonly image: (name: string) => Promise<string>
  readonly file: (name: string, text: string) => string
}

const withoutLog = ['--tlog-upload=false', '--use-signing-config=false', '--yes']
const withoutLogs = ['--insecure-ignore-tlog']
export const signingBlobs = ['sign-blob', ...withoutLog]
/** Signs too, and tells its failures as JSON, which `sign-blob` of cosign's flags does not. */
export const attestingBlobs = [
  'attest-blob',
  ...withoutLog,
  '--type',
  'custom',
  '--predicate',
  'predicate.json',
  '--bundle',
  'attested.bundle',
]
export const verifyingBlobs = ['verify-blob', ...withoutLogs]

/**
 * Defines the table's tests, then those of `more`.
 *
 * @param start - starts the provider
 */
export function testProvider(
  name: string,
  start: (place: Place) => Promise<ProviderRig>,
  more: (bench: () => Bench) => void = () => {},
): void {
  describe(name, () => {
    let bench: Bench
    const ends: (() => unknown)[] = [] // the latest first: what was started ends also where the rest did not start
    before(async () => {
      const place = createPlace()
      ends.unshift(place.remove)
      const rig = await start(place)
      ends.unshift(rig.stop)
      const registry = await startOwnRegistry(place)
      ends.unshift(registry.stop)
      bench = openBench(place, rig, registry)
      bench.file('predicate.json', '{"a":1}')
    })
    after(async () => {
      for (const end of ends) await end()
    })
    testUse(() => bench)
    testRefusals(() => bench)
    more(() => bench)
  })
}

function openBench(place: Place, rig: ProviderRig, registry: Server): Bench {
  const cs: Bench['cs'] = (args, options) => run(place, countersign(), args, { ...options, env: { ...rig.environment, ...options?.env } })
  const good: Bench['good'] = async (args, options) => {
    const ended = await cs(args, options)
    assert.equal(ended.code, 0, `${args.join(' ')}\n${ended.stderr}`)
    return ended
  }
  const file: Bench['file'] = (name, text) => {
    writeFileSync(place.path(name), text)
    return name
  }
  return {
    place,
    rig,
    cs,
    good,
    file,
    refused: async (args, code, reason, options) => {
      const ended = await cs([...args, '-o', 'json'], options)
      assert.notEqual(ended.code, 0, ended.stdout)
      const { error } = JSON.parse(ended.stdout.trim().split('\n').at(-1)!)
      assert.equal(error.code, code, error.message)
      assert.match(error.message, reason)
      const secrets = Object.entries(rig.environment).filter(([variable]) => /TOKEN|SECRET|PIN|PASSWORD|KEY$/.test(variable))
      for (const [variable, value] of secrets)
        assert.ok(value.length < 4 || !(ended.stdout + ended.stderr).includes(value), `${variable} is in what was said`)
    },
    image: async name => {
      const { stdout } = await good(['upload', 'blob', '-f', file(`${name}.txt`, name), `${registry.host}/${name}:v1`])
      return stdout.trim()
    },
  }
}

/** What works. */
function testUse(bench: () => Bench): void {
  test('generate-key-pair --kms makes the key and writes the public half alone; again, it is the same key', async () => {
    const { rig, good, place } = bench()
    const made = ['generate-key-pair', '--kms', rig.reference('made')]
    await good([...made, '--output-key-prefix', 'made'])
    const again = await good([...made, '--output-key-prefix', 'again'])
    assert.match(again.stderr, /is there already, and is used/)
    const pub = readFileSync(place.path('made.pub'), 'utf8')
    assert.match(pub, /^-----BEGIN PUBLIC KEY-----\n/)
    assert.equal(readFileSync(place.path('again.pub'), 'utf8'), pub)
    assert.equal((await good(['public-key', '--key', rig.reference('made')])).stdout, pub)
    await good([...signingBlobs, '--key', rig.reference('made'), '--bundle', 'made.bundle', bench().file('made.txt', 'made')])
    await good([...verifyingBlobs, '--key', 'made.pub', '--bundle', 'made.bundle', 'made.txt'])
  })

  test('every algorithm signs, and verifies by reference and by the public key in a file', async () => {
    const { rig, good, file, refused } = bench()
    for (const [at, algorithm] of rig.algorithms.entries()) {
      const key = rig.reference(`algorithm-${at}`)
      await rig.create(`algorithm-${at}`, algorithm)
      const [blob, bundle] = [file(`blob-${at}`, algorithm), `blob-${at}.bundle`]
      await good([...signingBlobs, '--key', key, '--bundle', bundle, blob])
      await good([...verifyingBlobs, '--key', key, '--bundle', bundle, blob])
      const other = file(`other-${at}`, 'something else')
      await refused([...verifyingBlobs, '--key', key, '--bundle', bundle, other], 'ARTIFACT_MISMATCH', /./)
      await good(['public-key', '--key', key, '--outfile', `algorithm-${at}.pub`])
      rig.requests?.()
      await good([...verifyingBlobs, '--key', `algorithm-${at}.pub`, '--bundle', bundle, blob])
      assert.equal(rig.requests?.() ?? 0, 0, 'with a known public key the provider is not asked')
    }
  })

  test('images and attestations, in both layouts', async () => {
    const { rig, good, image, refused } = bench()
    await rig.create('images', rig.algorithms[0])
    await rig.create('stranger', rig.algorithms[0])
    const key = rig.reference('images')
    for (const layout of [[], ['--new-bundle-format=false']]) {
      const name = await image(`image-${layout.length}`)
      await good(['sign', ...withoutLog, ...layout, '--key', key, name])
      await good(['verify', ...withoutLogs, '--key', key, name])
      await refused(
        ['verify', ...withoutLogs, '--key', rig.reference('stranger'), name],
        layout.length === 0 ? 'KEY_MISMATCH' : 'SIGNATURE_INVALID',
        /key/,
      )
      await good(['attest', ...withoutLog, ...layout, '--key', key, '--type', 'custom', '--predicate', 'predicate.json', name])
      await good(['verify-attestation', ...withoutLogs, '--key', key, '--type', 'custom', name])
    }
  })

  test('many images in one command: what is known of the key is asked once, and each signature is one request', async () => {
    const { rig, good, image } = bench()
    if (!rig.requests) return // a token: nothing is requested
    await rig.create('counted', rig.algorithms[0])
    const key = rig.reference('counted')
    const names = await Promise.all(['many-1', 'many-2', 'many-3', 'many-4'].map(image))
    rig.requests()
    await good(['sign', ...withoutLog, '--key', key, names[0]!])
    const one = rig.requests()
    await good(['sign', ...withoutLog, '--key', key, ...names.slice(1)])
    assert.equal(rig.requests() - one, names.length - 2, 'each further signature is one request')
    assert.ok(one <= 3, `to sign once took ${one} requests`)
    await good(['verify', ...withoutLogs, '--key', key, names[0]!])
    const verifying = rig.requests()
    await good(['verify', ...withoutLogs, '--key', key, ...names])
    assert.equal(rig.requests(), verifying, 'to verify four images takes as many requests as to verify one')
  })

  test('a newer version signs; the floating reference verifies both, a pinned one its own alone', async () => {
    const { rig, good, file, refused } = bench()
    if (!rig.rotate) return // this provider's keys have no versions
    await rig.create('rotated', rig.algorithms[0])
    const signs = async (blob: string) => {
      await good([...signingBlobs, '--key', rig.reference('rotated'), '--bundle', `${blob}.bundle`, file(blob, blob)])
    }
    const verifies = (key: string, blob: string) => [...verifyingBlobs, '--key', key, '--bundle', `${blob}.bundle`, blob]
    await signs('before')
    await rig.rotate('rotated')
    await signs('after')
    for (const blob of ['before', 'after']) await good(verifies(rig.reference('rotated'), blob))
    await good(verifies(rig.reference('rotated', 1), 'before'))
    await good(verifies(rig.reference('rotated', 2), 'after'))
    await refused(verifies(rig.reference('rotated', 2), 'before'), 'KEY_MISMATCH', /which is not the trusted key/)
    await refused(verifies(rig.reference('rotated', 1), 'after'), 'KEY_MISMATCH', /which is not the trusted key/)
    await good([...signingBlobs, '--key', rig.reference('rotated', 1), '--bundle', 'pinned.bundle', file('pinned', 'pinned')])
    await good(verifies(rig.reference('rotated', 1), 'pinned'))
  })
}

/** What is refused, each for its own reason. */
function testRefusals(bench: () => Bench): void {
  const sign = (key: string) => [...attestingBlobs, '--key', key, bench().file('refused', 'refused')]

  test('a key that is not there', async () => {
    await bench().refused(sign(bench().rig.reference('nowhere')), 'KEY_NOT_FOUND', /nowhere/)
    await bench().refused(['public-key', '--key', bench().rig.reference('nowhere')], 'KEY_NOT_FOUND', /nowhere/)
  })

  test('a version that was turned off', async () => {
    const { rig, refused, good, file } = bench()
    if (!rig.disable) return // nothing can be turned off there
    await rig.create('off', rig.algorithms[0])
    await good([...signingBlobs, '--key', rig.reference('off'), '--bundle', 'off.bundle', file('off.txt', 'off')])
    await rig.disable('off', 1)
    await refused(sign(rig.reference('off')), 'KEY_DISABLED', /off/)
    const verifying = [...verifyingBlobs, '--key', rig.reference('off'), '--bundle', 'off.bundle', 'off.txt']
    await refused(verifying, 'KEY_DISABLED', /off/)
  })

  test('a key for something else', async () => {
    const { rig, refused } = bench()
    if (!rig.createUnfit) return
    await refused(sign(rig.reference('unfit')), 'KEY_UNSUPPORTED', await rig.createUnfit('unfit'))
  })

  test('credentials that are not known, and ones that do not allow it', async () => {
    const { rig, refused } = bench()
    await rig.create('guarded', rig.algorithms[0])
    if (rig.unknown) await refused(sign(rig.reference('guarded')), 'KMS_UNAUTHORIZED', /./, { env: rig.unknown })
    if (rig.forbidden) await refused(sign(rig.reference('guarded')), 'KMS_DENIED', /./, { env: rig.forbidden })
  })

  test('a provider that throttles once is asked again', async () => {
    const { rig, good } = bench()
    if (!rig.behave) return
    await rig.create('throttled', rig.algorithms[0])
    rig.behave('throttled-once')
    await good(sign(rig.reference('throttled')))
  })

  // What is told when the 30 s for one call are over, unit tests of each provider show.
  for (const behaviour of ['throttled', 'silent'] as const)
    test(`a provider that is ${behaviour} for good: --timeout ends the command`, async () => {
      const { rig, refused } = bench()
      if (!rig.behave) return
      await rig.create(`for-good-${behaviour}`, rig.algorithms[0])
      rig.behave(behaviour)
      await refused([...sign(rig.reference(`for-good-${behaviour}`)), '--timeout', '2s'], 'TIMED_OUT', /2s/)
      rig.behave('well')
    })

  test('a provider that signs with another key is found out, and nobody gets the signature', async () => {
    const { rig, refused } = bench()
    if (!rig.behave) return
    await rig.create('foreign', rig.algorithms[0])
    rig.behave('foreign')
    await refused(sign(rig.reference('foreign')), 'KMS_SIGNATURE_INVALID', /does not verify with its public key/)
    rig.behave('well')
  })
}
