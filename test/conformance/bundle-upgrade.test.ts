import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CountersignError } from '../../src/codec/error.ts'
import { type Bundle, parseBundle } from '../../src/formats/bundle.ts'
import { type UpgradedBundle, upgradeBundle } from '../../src/formats/bundle-upgrade.ts'

// Every bundle of the public Sigstore client conformance suite through `upgradeBundle`: what an older one says is said by the newer.
const folder = join(import.meta.dirname, '../../../shared/conformance/bundle-verify')
if (!existsSync(folder)) throw new Error(`${folder} is missing: this suite upgrades the bundles in it`)

/** Bundles that are refused before anything is converted, or for want of what only a log has. */
const refused: ReadonlyMap<string, RegExp> = new Map([
  ['bundle-empty-certificate-chain_fail', /^BUNDLE_MALFORMED .*want at least one, got none/],
  ['bundle-invalid-base64-signature_fail', /^BUNDLE_MALFORMED .*want padded base64/],
  ['bundle-malformed-json_fail', /^BUNDLE_MALFORMED .*not JSON/],
  ['bundle-negative-log-index_fail', /^BUNDLE_MALFORMED .*logIndex: want a decimal number/],
  ['bundle-unknown-version_fail', /^BUNDLE_MALFORMED .*want a bundle of version 0\.1 to 0\.3, got .*99\.9/],
  ['bundle-with-root-cert_fail', /^CONVERSION_IMPOSSIBLE .*\(log index 19808100\) has an inclusion proof without a checkpoint$/],
  ['intoto-missing-inclusion-proof_fail', /^BUNDLE_MALFORMED .*want an inclusion proof in a bundle of version 0\.2, got none/],
  ['invalid-inclusion-proof_fail', /^BUNDLE_MALFORMED .*want a checkpoint in each inclusion proof of a bundle of version 0\.2$/],
  ['rekor2-no-inclusion-proof_fail', /^BUNDLE_MALFORMED .*want an inclusion proof in a bundle of version 0\.3, got none/],
  ['rekor2-timestamp-with-incorrect-time_fail', /^BUNDLE_MALFORMED .*signedTimestamp: want padded base64/],
])

const cases = readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
  const path = join(folder, entry.name, 'bundle.sigstore.json')
  return entry.isDirectory() && existsSync(path) ? [{ name: entry.name, bytes: new Uint8Array(readFileSync(path)) }] : []
})

test('the suite is there', () => assert.ok(cases.length > 60))

const leafOnly = ({ material }: Bundle) =>
  material.kind === 'certificate' ? { kind: 'certificate', chain: [material.chain[0]] } : material

for (const { name, bytes } of cases)
  test(`upgrade of ${name}`, async () => {
    let upgraded: UpgradedBundle
    try {
      upgraded = await upgradeBundle(bytes)
    } catch (error) {
      assert.ok(error instanceof CountersignError, String(error))
      assert.match(`${error.code} ${error.message}`, refused.get(name) ?? /unexpected/, name)
      return
    }
    assert.equal(refused.has(name), false, 'it is no longer refused')
    const [before, after] = [parseBundle(bytes), parseBundle(upgraded.bytes)]
    assert.equal(upgraded.from, before.version)
    if (before.version === '0.3') assert.deepEqual(upgraded.bytes, bytes)
    assert.deepEqual(after, { ...before, version: '0.3', material: leafOnly(before) })
    assert.deepEqual((await upgradeBundle(upgraded.bytes)).bytes, upgraded.bytes, 'once is enough')
  })
