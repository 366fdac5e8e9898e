import assert from 'node:assert/strict'
import { test } from 'node:test'
import { materialAnnotations } from '../src/formats/signature-material.ts'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import type { LeafOptions } from '../src/testing/sigstore/certificate-authority.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { setScene, who, workflow, workflowLeaf } from './keyless/scene.ts'

// What people type to verify what a CI system signed without a key: scenarios.md 14 to 16.
const rig = createRig()
const { cs } = rig
const scene = setScene(rig, await createTestSigstore())
const root = '--trusted-root trusted_root.json'
const strict = `${who} ${root}`
const byWorkflow = `--repository ${workflow.repository} --workflow ${workflow.path} --ref ${workflow.ref} --trigger push --certificate-oidc-issuer ${workflow.issuer} ${root}`

type Build = Readonly<Record<'repository' | 'path' | 'ref' | 'trigger', string>>

/** The certificate of another build: what Fulcio would have certified of it. */
function ofBuild(change: Partial<Build>): LeafOptions {
  const { repository, path, ref, trigger }: Build = { ...workflow, ...change }
  const identity = `${repository}/${path}@${ref}`
  return {
    names: [{ kind: 'uri', value: identity }],
    fulcio: {
      ...workflowLeaf.fulcio,
      'github-workflow-trigger': trigger,
      'github-workflow-repository': repository.replace('https://github.com/', ''),
      'github-workflow-ref': ref,
      'build-signer-uri': identity,
      'source-repository-uri': repository,
      'source-repository-ref': ref,
      'build-config-uri': identity,
      'build-trigger': trigger,
    },
  }
}

test('14: the workflow itself verifies, by its identity and by what was built', async () => {
  const name = await scene.image()
  for (const flags of [strict, byWorkflow]) await good(cs(`verify ${flags} ${name}`))
})

for (const { what, leaf, named, built } of [
  {
    what: 'another repository',
    leaf: ofBuild({ repository: 'https://github.com/org/application' }),
    named: 'org/application/',
    built: 'repository',
  },
  { what: 'a fork', leaf: ofBuild({ repository: 'https://github.com/fork/app' }), named: 'fork/app/', built: 'repository' },
  { what: 'another file', leaf: ofBuild({ path: '.github/workflows/build.yml.yml' }), named: 'build.yml.yml@', built: 'workflow' },
  { what: 'another branch', leaf: ofBuild({ ref: 'refs/heads/main2' }), named: '@refs/heads/main2"', built: 'ref' },
  {
    what: 'a pull request',
    leaf: ofBuild({ ref: 'refs/pull/7/merge', trigger: 'pull_request' }),
    named: '@refs/pull/7/merge"',
    built: 'ref',
  },
])
  test(`14: a workflow of ${what} is refused, and the error shows wanted and found`, async () => {
    const name = await scene.image({ leaf })
    const identity = await cs(`verify ${strict} -o json ${name}`)
    assertRefused(identity, {
      exit: 1,
      code: 'IDENTITY_MISMATCH',
      message: /want identity ".*\/org\/app\/\.github\/workflows\/build\.yml@refs\/heads\/main", got "/,
    })
    assert.ok(identity.failure?.message.includes(named), identity.stderr)
    const workflow = await cs(`verify ${byWorkflow} -o json ${name}`)
    assertRefused(workflow, { exit: 1, code: 'IDENTITY_MISMATCH', message: new RegExp(`want ${built} ".*", got "`) })
  })

test('14: a pull request into the same branch is refused by its trigger', async () => {
  const name = await scene.image({ leaf: ofBuild({ trigger: 'pull_request_target' }) })
  await good(cs(`verify ${strict} ${name}`)) // its identity is the same
  const refusal = { exit: 1, code: 'IDENTITY_MISMATCH', message: /want trigger "push", got "pull_request_target"$/ } as const
  assertRefused(await cs(`verify ${byWorkflow} -o json ${name}`), refusal)
})

test('14: a service account, by its address and the issuer of its cloud', async () => {
  const leaf = {
    names: [{ kind: 'email', value: 'deploy@project.iam.gserviceaccount.com' }],
    fulcio: { issuer: 'https://accounts.google.com' },
  } as const
  const name = await scene.legacyImage({ leaf })
  const line = (issuer: string) =>
    `verify --certificate-identity deploy@project.iam.gserviceaccount.com --certificate-oidc-issuer ${issuer} ${root} -o json ${name}`
  await good(cs(line('https://accounts.google.com')))
  const refusal = {
    exit: 12,
    code: 'IDENTITY_MISMATCH',
    message: /want issuer "https:\/\/issuer\.test", got "https:\/\/accounts\.google\.com"$/,
  } as const
  assertRefused(await cs(line('https://issuer.test')), refusal)
})

test('14: identity suggest prints the flags that verify, and they do', async () => {
  const name = await scene.image()
  const { stdout } = await good(cs(`identity suggest ${root} ${name}`))
  const [strictly, byBuild] = stdout.trimEnd().split('\n')
  for (const flags of [strictly!, byBuild!]) await good(cs(`verify ${flags.replaceAll("'", '')} ${root} ${name}`))
  const { suggestions } = JSON.parse((await good(cs(`identity suggest ${root} -o json ${name}`))).stdout)
  assert.deepEqual(
    suggestions.map(({ identity, issuer }: { identity: string; issuer: string }) => [identity, issuer]),
    [[workflow.identity, workflow.issuer]],
  )
})

test('identity suggest spells out what would not be seen, so that each line is whole and flags of others are none of it', async () => {
  const value = "x\n--certificate-identity-regexp '.*'\u202e\\!y"
  const leaf = { names: [{ kind: 'other-name', type: '1.3.6.1.4.1.57264.1.7', value }] } as const
  const { stdout } = await good(cs(`identity suggest ${root} ${await scene.image({ leaf })}`))
  assert.match(
    stdout,
    /^--certificate-identity \$'x\\U0000000a--certificate-identity-regexp \\'\.\*\\'\\U0000202e\\\\!y' --certificate-oidc-issuer 'https:\S+'\n--repository /,
  )
})

for (const { witness, signing } of [
  { witness: 'log', signing: {} },
  { witness: 'timestamp', signing: { logs: ['v2'] } },
] as const)
  test(`15: the certificate lived ten minutes; verification nineteen years later works from the ${witness}`, async () => {
    const now = () => new Date('2044-12-31T00:00:00Z')
    await good(cs(`verify ${strict} ${await scene.image(signing)}`, { now }))
    await good(cs(`verify-blob ${strict} ${await scene.blob(signing)}`, { now }))
  })

/** A signature that brings no log entry along, so that the log must be asked. */
function unlogged(): Promise<string> {
  return scene.legacyImage({}, annotations => {
    const { [materialAnnotations.logBundle]: _, ...rest } = Object.fromEntries(annotations)
    return rest
  })
}

test('16: with no route to the log there is a clear error, never a pass', async () => {
  const refusal = {
    exit: 1,
    code: 'TLOG_UNAVAILABLE',
    message: /^POST https:\/\/rekor\.sigstore\.dev\/api\/v1\/log\/entries\/retrieve: /,
  } as const
  assertRefused(await cs(`verify ${strict} -o json ${await unlogged()}`), refusal)
})

test('16: a log that never answers ends with the command’s timeout', async () => {
  rig.hosts.set('hangs.test', ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
  const line = `verify ${strict} --timeout 180s --rekor-url https://hangs.test -o json ${await unlogged()}`
  assertRefused(await cs(line, { timeUp: Promise.resolve() }), { exit: 1, code: 'TIMED_OUT', message: /did not end within 3m0s/ })
})

test('16: with no route to a repository of trust there is a clear error, and --offline does without', async () => {
  const name = await scene.image()
  const outcome = await cs(`verify ${who} -o json ${name}`)
  assert.equal(outcome.code, 1)
  assert.match(outcome.failure?.message ?? '', /tuf-repo-cdn\.sigstore\.dev/)
  const offline = await cs(`verify ${who} --offline -o json ${name}`) // the public Sigstore has not signed it
  assertRefused(offline, { exit: 1, code: 'TLOG_UNKNOWN', message: /no trusted log has id/ })
  assert.deepEqual(
    offline.requests.filter(request => !request.includes('//registry.test/')),
    [],
  )
})
