import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLogEntryFile } from '../src/formats/log/log-bundle.ts'
import { materialAnnotations } from '../src/formats/signature-material.ts'
import { createRig, good } from '../src/testing/command-rig.ts'
import { createTestSigstore, type SigningOptions } from '../src/testing/sigstore/test-sigstore.ts'
import { anImage, setScene, who, workflow, workflowLeaf } from './keyless/scene.ts'

// What is said of images that were verified by who signed them: every check that was made, and none that was not.
const rig = createRig()
const { cs, disk } = rig
const sigstore = await createTestSigstore()
const scene = setScene(rig, sigstore)
const strangers = setScene(rig, await createTestSigstore(), 'their-')
const root = '--trusted-root trusted_root.json'
const strict = `${who} ${root}`
const layouts = [
  { sign: (options?: SigningOptions) => scene.image(options) },
  { sign: (options?: SigningOptions) => scene.legacyImage(options) },
] as const

test('scenario 32: an over-broad pattern draws a warning with an example of whom else it admits, and a tight one none', async () => {
  const name = await scene.image()
  const warning = async (identity: string, issuer: string, names = name) =>
    (await good(cs(`verify --certificate-identity-regexp ${identity} --certificate-oidc-issuer-regexp ${issuer} ${root} ${names}`))).stderr
  const tight = [
    '^https://github\\.com/org/app/\\.github/workflows/build\\.yml@refs/heads/main$',
    '^https://token\\.actions\\.githubusercontent\\.com$',
  ] as const
  assert.doesNotMatch(await warning(...tight), /WARNING/)
  assert.match(
    await warning('.*', tight[1]),
    /^WARNING: --certificate-identity-regexp "\.\*" also admits "https:\/\/attacker\.example\/\?https:\/\/github\.com\/org\/app\/.*: a pattern matches anywhere/m,
  )
  assert.match(
    await warning('^https://github\\.com/org', tight[1]),
    /^WARNING: --certificate-identity-regexp ".*" also admits "https:\/\/github\.com\/org-attacker\/app\//m,
  )
  assert.match(
    await warning(tight[0], 'token.actions'),
    /^WARNING: --certificate-oidc-issuer-regexp "token\.actions" also admits "https:\/\//m,
  )
  const many = await warning('.*', tight[1], `${name} ${await scene.legacyImage()}`)
  assert.equal(many.match(/^WARNING: --certificate-identity-regexp/gm)?.length, 1, many)
})

test('what is printed of an older signature by a certificate: who signed, the extensions that cosign shows, the log entry and the timestamp', async () => {
  let parts: { logBundle?: string; timestamp?: string } = {}
  const name = await scene.legacyImage({ stamped: true }, annotations => {
    parts = { logBundle: annotations.get(materialAnnotations.logBundle)!, timestamp: annotations.get(materialAnnotations.timestamp)! }
    return Object.fromEntries(annotations)
  })
  const { stdout } = await good(cs(`verify ${strict} ${name}`))
  assert.match(stdout, /^\n\[\{"critical":\{.*\}\]\n$/)
  const [{ critical, optional }] = JSON.parse(stdout)
  assert.equal(critical.image['docker-manifest-digest'], anImage.digest)
  const arc = '1.3.6.1.4.1.57264.1'
  assert.deepEqual(optional, {
    Subject: workflow.identity,
    Issuer: workflow.issuer,
    [`${arc}.1`]: workflow.issuer,
    [`${arc}.2`]: 'push',
    [`${arc}.3`]: workflowLeaf.fulcio['github-workflow-sha'],
    [`${arc}.4`]: 'Build',
    [`${arc}.5`]: 'org/app',
    [`${arc}.6`]: workflow.ref,
    githubWorkflowTrigger: 'push',
    githubWorkflowSha: workflowLeaf.fulcio['github-workflow-sha'],
    githubWorkflowName: 'Build',
    githubWorkflowRepository: 'org/app',
    githubWorkflowRef: workflow.ref,
    Bundle: JSON.parse(parts.logBundle!),
    RFC3161Timestamp: JSON.parse(parts.timestamp!),
  })
  assert.ok(parseLogEntryFile(new TextEncoder().encode(JSON.stringify(optional.Bundle)), 'printed'))
})

test('what is printed of a bundle: the statement alone, as cosign does', async () => {
  const name = await scene.image({ stamped: true })
  const [{ critical, optional }] = JSON.parse((await good(cs(`verify ${strict} ${name}`))).stdout)
  assert.deepEqual([critical.type, critical.identity['docker-reference'], optional], ['https://sigstore.dev/cosign/sign/v1', name, {}])
})

test('--output text: the payload on standard output, the facts of the certificate on standard error', async () => {
  for (const { sign } of layouts) {
    const { stdout, stderr } = await good(cs(`verify ${strict} -o text ${await sign()}`))
    assert.match(stdout, /^\{"critical":.*\}\n$/)
    assert.ok(
      stderr.endsWith(
        [
          `Certificate subject: ${workflow.identity}`,
          `Certificate issuer URL: ${workflow.issuer}`,
          'GitHub Workflow Trigger: push',
          `GitHub Workflow SHA: ${workflowLeaf.fulcio['github-workflow-sha']}`,
          'GitHub Workflow Name: Build',
          'GitHub Workflow Repository: org/app',
          `GitHub Workflow Ref: ${workflow.ref}`,
          '',
        ].join('\n'),
      ),
      stderr,
    )
  }
})

test('--output text: a name with line ends in it forges no line about the certificate', async () => {
  const fulcio = {
    ...workflowLeaf.fulcio,
    'github-workflow-name': `Build\nGitHub Workflow Ref: refs/heads/forged\n  - The moon was verified`,
  }
  for (const { sign } of layouts) {
    const { stderr } = await good(cs(`verify ${strict} -o text ${await sign({ leaf: { ...workflowLeaf, fulcio } })}`))
    assert.match(
      stderr,
      /^GitHub Workflow Name: Build\\u\{000a\}GitHub Workflow Ref: refs\/heads\/forged\\u\{000a\} {2}- The moon was verified$/m,
    )
    assert.doesNotMatch(stderr, /^GitHub Workflow Ref: refs\/heads\/forged|^ {2}- The moon/m)
  }
})

test('what was skipped was not verified, and is not printed either', async () => {
  const name = await scene.legacyImage({ stamped: true })
  const { stdout, stderr } = await good(cs(`verify ${strict} --insecure-ignore-tlog --insecure-ignore-sct --check-claims=false ${name}`))
  assert.equal(JSON.parse(stdout)[0].optional.Bundle, undefined)
  assert.doesNotMatch(stderr, /transparency log was|claims were validated/)
  const explained = await good(cs(`verify ${strict} --insecure-ignore-tlog --insecure-ignore-sct --check-claims=false --explain ${name}`))
  for (const step of ['transparency-log', 'sct', 'artifact'])
    assert.match(explained.stderr, new RegExp(`^ {4}- ${step}: not (checked|compared), as asked`, 'm'))
})

test('scenario 64: older signatures, bundles and what nobody signed in one command: each is judged by its own format', async () => {
  const names = [
    await scene.legacyImage(),
    await scene.image(),
    await scene.legacyImage({ stamped: true }),
    await scene.image({ logs: ['v2'] }),
  ]
  const { stdout } = await good(cs(`verify ${strict} ${names.join(' ')}`))
  assert.equal(stdout.match(/^\[\{"critical"/gm)?.length, 4)
  const [bare, foreign] = [await scene.bareImage(), await strangers.image()]
  disk.set('images.txt', [...names, bare, foreign].join('\n'))
  const outcome = await cs(`verify ${strict} --file images.txt`)
  assert.equal(outcome.code, 1)
  const { images, verified, failed } = JSON.parse(outcome.stdout)
  assert.deepEqual([verified, failed], [4, 2])
  assert.deepEqual(
    images
      .filter((image: { verified: boolean }) => !image.verified)
      .map(({ image, error }: { image: string; error: { code: string } }) => [image, error.code]),
    [
      [bare, 'SIGNATURES_NOT_FOUND'],
      [foreign, 'TLOG_UNKNOWN'],
    ],
  )
})
