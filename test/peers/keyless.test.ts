import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { type Ended, run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { once } from './harness/once.ts'
import { createPlace } from './harness/place.ts'
import { registryKinds, type Server } from './harness/server.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { imageWays, type KeylessWay, nameOfWay, signingFlags, verifyingFlags } from './harness/sigstore-ways.ts'

// Real cosign signs images without a key of its own against a Sigstore of ours; we verify them, and say to the byte what cosign says.

const place = createPlace()
const servers = new Map<string, Server>()
let sigstore: SigstoreServer
let digest: string

before(async () => {
  sigstore = await startSigstore(place)
  const layout = await buildImage(place, 'image')
  for (const { name, start } of registryKinds) {
    servers.set(name, await start(place))
    digest = await pushImage(place, layout, `${servers.get(name)!.host}/source:one`)
  }
})
after(async () => {
  for (const server of servers.values()) await server.stop()
  await sigstore.close()
  place.remove()
})

const workflow = 'org/app/.github/workflows/build.yml@refs/heads/main'
const claims = {
  sub: 'repo:org/app:ref:refs/heads/main',
  event_name: 'push',
  job_workflow_ref: workflow,
  job_workflow_sha: 'a'.repeat(40),
  ref: 'refs/heads/main',
  repository: 'org/app',
  repository_id: '1',
  repository_owner: 'org',
  repository_owner_id: '2',
  repository_visibility: 'public',
  run_attempt: '1',
  run_id: '7',
  runner_environment: 'github-hosted',
  sha: 'b'.repeat(40),
  workflow: 'Build <&> ship',
  workflow_ref: workflow,
  workflow_sha: 'c'.repeat(40),
}
const identity = `https://github.com/${workflow}`

const [first, second] = registryKinds.map(({ name }) => name)
const cells = [
  ...imageWays.map(way => ({ registry: first!, way })),
  ...imageWays.filter(({ log, stamped }) => log === 'v2' || !stamped).map(way => ({ registry: second!, way })), // where signatures are kept is all that differs
]
const nameOf = ({ registry, way }: (typeof cells)[number]) => `${registry}: ${nameOfWay(way)}`

/** Signs a copy of the image, with an annotation, and gives its name. */
const signed = once<string>(async name => {
  const { registry, way } = cells.find(cell => nameOf(cell) === name)!
  const { host } = servers.get(registry)!
  const repository = `${host}/${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`
  await runOk(place, tool('crane'), ['copy', '--insecure', `${host}/source@${digest}`, `${repository}:v1`])
  const image = `${repository}@${digest}`
  const flags = signingFlags(sigstore, way, sigstore.token(claims))
  await runOk(place, way.signer.command(), ['sign', ...flags, '-a', 'commit=<4f&2a>', image], { env: sigstore.variables })
  return image
})

type Asked = { readonly identity?: string; readonly issuer?: string; readonly rest?: readonly string[] }

/** `verify` with the flags that cosign wants, which ours takes too. cosign 3 judges what cosign 2 cannot read. */
async function verify(actor: Actor, image: string, way: KeylessWay, asked: Asked = {}): Promise<Ended> {
  const who = ['--certificate-identity', asked.identity ?? identity, '--certificate-oidc-issuer', asked.issuer ?? sigstore.url]
  const env = way.format === 'legacy' ? sigstore.variables : {}
  return await run(place, actor.command(), ['verify', ...verifyingFlags(sigstore, way), ...who, ...(asked.rest ?? []), image], { env })
}

/** What was checked, and what is said of the certificate: the lines that are not warnings. */
const facts = (stderr: string) =>
  stderr
    .split('\n')
    .filter(line => !/^WARNING|^Flag --|^Deprecated|^\s*$/.test(line))
    .join('\n')

const checks = [
  'The following checks were performed on each of these signatures:',
  '  - The specified annotations were verified.',
  '  - The cosign claims were validated',
  '  - Existence of the claims in the transparency log was verified offline',
  '  - The code-signing certificate was verified using trusted certificate authority certificates',
]

const certificateFacts = () => [
  `Certificate subject: ${identity}`,
  `Certificate issuer URL: ${sigstore.url}`,
  'GitHub Workflow Trigger: push',
  `GitHub Workflow SHA: ${'b'.repeat(40)}`,
  'GitHub Workflow Name: Build <&> ship',
  'GitHub Workflow Repository: org/app',
  'GitHub Workflow Ref: refs/heads/main',
]

describe('images signed without a key', { concurrency: 2 }, () => {
  for (const cell of cells) {
    const { way } = cell
    test(`${nameOf(cell)}: says what cosign says`, async () => {
      const image = await signed(nameOf(cell))
      const rest = ['-a', 'commit=<4f&2a>']
      const ended = await verify(ours, image, way, { rest })
      assert.equal(ended.code, 0, ended.stderr)
      assert.deepEqual(facts(ended.stderr).split('\n'), [`Verification for ${image} --`, ...checks])
      for (const cosign of way.format === 'bundle' ? [cosign3] : [cosign3, cosign2]) {
        const theirs = await verify(cosign, image, way, { rest })
        assert.equal(theirs.code, 0, theirs.stderr)
        assert.equal(ended.stdout, theirs.stdout, cosign.name)
        assert.equal(facts(ended.stderr), facts(theirs.stderr), cosign.name)
      }
    })

    if (cell.registry !== first) continue

    test(`${nameOf(cell)}: as text`, async () => {
      const image = await signed(nameOf(cell))
      const rest = ['-a', 'commit=<4f&2a>', '--output', 'text']
      const ended = await verify(ours, image, way, { rest })
      assert.equal(ended.code, 0, ended.stderr)
      const lines = [`Verification for ${image} --`, ...checks]
      assert.deepEqual(facts(ended.stderr).split('\n'), [...lines, ...certificateFacts()])
      const theirs = await verify(way.signer, image, way, { rest })
      assert.equal(ended.stdout, theirs.stdout)
      // of a bundle's certificate cosign says nothing
      assert.deepEqual(facts(theirs.stderr).split('\n'), way.format === 'bundle' ? lines : [...lines, ...certificateFacts()])
    })

    const noneMatches = way.format === 'bundle' ? 1 : 12
    for (const { name, asked, cosign } of [
      {
        name: 'another identity',
        asked: { identity: identity.replace('main', 'dev') },
        cosign: /expected SAN value|none of the expected identities matched/,
      },
      {
        name: 'another issuer',
        asked: { issuer: 'https://token.actions.githubusercontent.com' },
        cosign: /expected issuer value|none of the expected identities matched/,
      },
      {
        name: 'another commit in the certificate',
        asked: { rest: ['--certificate-github-workflow-sha', 'c'.repeat(40)] },
        cosign: /expected GithubWorkflowSHA to be|expected GitHub Workflow SHA not found/i,
      },
    ])
      test(`${nameOf(cell)}: refused for ${name}`, async () => {
        const image = await signed(nameOf(cell))
        const ended = await verify(ours, image, way, { ...asked, rest: [...(asked.rest ?? []), '--output', 'json'] })
        assert.equal(ended.code, noneMatches, ended.stderr)
        assert.equal(JSON.parse(ended.stdout).error.code, 'IDENTITY_MISMATCH')
        const theirs = await verify(way.signer, image, way, asked)
        assert.equal(theirs.code, noneMatches, theirs.stderr)
        assert.match(theirs.stderr, cosign)
      })
  }
})

test('a signature of the older layout is verified by a trusted root as well', async () => {
  for (const way of imageWays.filter(({ format }) => format === 'legacy')) {
    const image = await signed(nameOf({ registry: first!, way }))
    const flags = [
      '--trusted-root',
      sigstore.trustedRootFile,
      '--certificate-identity',
      identity,
      '--certificate-oidc-issuer',
      sigstore.url,
    ]
    const ended = await run(place, ours.command(), ['verify', ...flags, image])
    assert.equal(ended.code, 0, `${nameOfWay(way)}: ${ended.stderr}`)
  }
})
