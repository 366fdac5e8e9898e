import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gateFlags } from '../src/cli/flags/gates.ts'
import { type ErrorCode, errorKinds } from '../src/codec/error.ts'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { answerOf, attestedOf } from '../src/testing/sigstore/attested.ts'
import { signingTime } from '../src/testing/sigstore/certificate-authority.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { strangerKey } from '../src/testing/test-keys.ts'
import { policyGate } from '../src/verify/gates/cel/policy-gate.ts'
import { attestedImage, setAttestations, statementAbout } from './attestations/scene.ts'
import { setScene, who, workflowLeaf } from './keyless/scene.ts'

// docs/gates.md and docs/decisions/0020-gates-hold-for-all.md, by the command.

const rig = createRig()
const { cs } = rig
const sigstore = await createTestSigstore()
setScene(rig, sigstore)
const scene = setAttestations(rig)
const vuln = 'https://cosign.sigstore.dev/attestation/vuln/v1'

/** What Trivy found, as `attest --type vuln` attests it. */
const scan = (...severities: readonly string[]) => ({
  invocation: { parameters: null, uri: '', event_id: '', 'builder.id': '' },
  scanner: {
    uri: 'pkg:github/aquasecurity/trivy@0.60.0',
    version: '0.60.0',
    db: { uri: '', version: '' },
    result: {
      SchemaVersion: 2,
      ArtifactName: 'app',
      ArtifactType: 'container_image',
      Results: [
        { Target: 'app (debian 12)', Class: 'os-pkgs' },
        {
          Target: 'node_modules',
          Class: 'lang-pkgs',
          Vulnerabilities: severities.map((Severity, at) => ({
            VulnerabilityID: `CVE-2026-${at}`,
            PkgName: 'left-pad',
            InstalledVersion: '1.0',
            Severity,
          })),
        },
      ],
    },
  },
  metadata: { scanStartedOn: '2025-06-01T11:00:00Z', scanFinishedOn: '2025-06-01T11:00:10Z' },
})
const repositoryOf = (name: string) => name.replace(/^[^/]+\//, '').replace(/@.*/, '')
const about = (predicate: object) => ({ statement: statementAbout(attestedImage.digest, { predicateType: vuln, predicate }) })
const byKey = 'verify-attestation --type vuln --key team.pub --insecure-ignore-tlog'
const clean = about(scan('LOW'))
const bad = about(scan('LOW', 'CRITICAL'))

for (const layout of ['bundle', 'legacy'] as const) {
  test(`an old clean scan does not hide a new bad one, whichever lies first: ${layout}`, async () => {
    for (const both of [
      [clean, bad],
      [bad, clean],
    ]) {
      const outcome = await cs(`${byKey} --max-severity medium -o json ${await scene.image(layout, both)}`)
      const message =
        /^refused by a gate \(severity\): .*: 1 of 2 findings by "pkg:github\/aquasecurity\/trivy@0\.60\.0" are worse than medium: "CVE-2026-1" \(critical, "left-pad/
      assertRefused(outcome, { exit: 1, code: 'SEVERITY_EXCEEDED', message })
      assert.match(outcome.stderr, /^ {2}accepted /m)
      assert.match(outcome.stderr, /^ {2}refused .* \(refuses the artifact\)$/m)
      assert.match(outcome.stderr, /^ {4}✗ severity: want nothing worse than medium; 1 of 2 findings/m)
    }
  })

  test(`scans that all pass are accepted, and each says so: ${layout}`, async () => {
    const { stdout, stderr } = await good(cs(`${byKey} --max-severity medium --explain ${await scene.image(layout, [clean, clean])}`))
    assert.equal(stdout.trim().split('\n').length, 2)
    assert.equal(stderr.match(/✓ severity: 1 findings by /g)?.length, 2)
  })

  test(`what somebody else says, or says of something else, neither passes nor refuses: ${layout}`, async () => {
    const stranger = { ...bad, by: strangerKey.signer() }
    const ofAnother = {
      statement: statementAbout(`sha256:${'0'.repeat(64)}` as typeof attestedImage.digest, {
        predicateType: vuln,
        predicate: scan('CRITICAL'),
      }),
    }
    await good(cs(`${byKey} --max-severity medium ${await scene.image(layout, [stranger, clean, ofAnother])}`))
    const alone = await cs(`${byKey} --max-severity medium -o json ${await scene.image(layout, [stranger])}`)
    assertRefused(alone, {
      exit: 1,
      code: layout === 'bundle' ? 'KEY_MISMATCH' : 'SIGNATURE_INVALID',
      message: /^no matching attestations: /,
    })
  })
}

test('a clean scan in one layout does not hide a bad one in the other, nor does anybody else by a scan of his own', async () => {
  for (const [bundle, legacy] of [
    [clean, bad],
    [bad, clean],
    [{ ...clean, by: strangerKey.signer() }, bad],
  ] as const) {
    const name = await scene.image('bundle', [bundle])
    await scene.attach(repositoryOf(name), 'legacy', [legacy])
    assertRefused(await cs(`${byKey} --max-severity medium -o json ${name}`), {
      exit: 1,
      code: 'SEVERITY_EXCEEDED',
      message: /^refused by a gate \(severity\)/,
    })
  }
  const name = await scene.image('bundle', [clean])
  await scene.attach(repositoryOf(name), 'legacy', [clean])
  assert.equal((await good(cs(`${byKey} --max-severity medium ${name}`))).stdout.trim().split('\n').length, 2)
})

test('an image on the disk is held to gates as one in a registry is', async () => {
  for (const [attestation, passes] of [
    [clean, true],
    [bad, false],
  ] as const) {
    const folder = `saved-${passes}`
    await good(cs(`save --dir ${folder} ${await scene.image('bundle', [attestation])}`))
    const line = `${byKey} --max-severity medium --local-image ${folder}`
    if (passes) await good(cs(line))
    else assertRefused(await cs(`${line} -o json`), { exit: 1, code: 'SEVERITY_EXCEEDED', message: /^refused by a gate \(severity\)/ })
  }
})

test('an old bad scan refuses until its age leaves it out', async () => {
  const at = (days: number) => ({ at: new Date(signingTime.getTime() + days * 86_400_000), leaf: workflowLeaf })
  const name = await scene.witnessed('bundle', sigstore, bad.statement, at(0))
  const later = await sigstore.signImage(attestedImage.digest, { ...at(100), statement: clean.statement })
  await createHand(rig.registry).attachBundle(repositoryOf(name), attestedImage, later)
  const line = `verify-attestation --type vuln ${who} --trusted-root trusted_root.json --offline --max-severity medium -o json ${name}`
  assertRefused(await cs(line), { exit: 1, code: 'SEVERITY_EXCEEDED', message: /^refused by a gate \(severity\)/ })
  await good(cs(`${line} --max-age 150d`))
  assertRefused(await cs(`${line} --max-age 1d`), {
    exit: 1,
    code: 'ATTESTATION_TOO_OLD',
    message: /^no matching attestations: .*signed at 2025-/,
  })
  await good(cs(`${line} --max-age 1d --as-of 2025-09-10T00:00:00Z`))
})

const page = readFileSync(join(import.meta.dirname, '../docs/gates.md'), 'utf8')

test('docs/gates.md has a section for every gate, and no code that is none', () => {
  for (const name of Object.keys(gateFlags).filter(name => name !== 'allow-unknown-license'))
    assert.match(page, new RegExp(`^## \`--${name} `, 'm'), name)
  assert.ok(page.includes('`--allow-unknown-license`'))
  const codes = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code]) => code as ErrorCode)
  assert.ok(codes.length > 10)
  for (const code of codes) assert.ok(Object.hasOwn(errorKinds, code), code)
})

test('the policy in docs/gates.md does what is said of it', async () => {
  const [, source = ''] = /^```cel\n([^`]*)^```$/m.exec(page) ?? []
  const policy = policyGate('policy.cel', source)
  assert.equal(await answerOf(policy, attestedOf(vuln, scan('LOW', 'HIGH'))), 'true')
  for (const [what, attested] of [
    ['critical', attestedOf(vuln, scan('LOW', 'CRITICAL'))],
    ['another scanner', attestedOf(vuln, { ...scan('LOW'), scanner: { ...scan('LOW').scanner, uri: 'pkg:github/mallory/trivy' } })],
    ['not proven when', attestedOf(vuln, scan('LOW'), { signedAt: undefined })],
    ['too old', attestedOf(vuln, scan('LOW'), { signedAt: new Date(signingTime.getTime() - 8 * 86_400_000) })],
  ] as const)
    await assert.rejects(answerOf(policy, attested), { code: 'POLICY_REFUSED' }, what)
})
