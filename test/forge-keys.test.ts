import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, createRig, type Outcome, type Rig, type RigOptions } from '../src/testing/command-rig.ts'
import { createGithub, createGitlab, forgeToken, readerToken } from '../src/testing/forges.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { strangerKey, teamKey, testPassphrase } from '../src/testing/test-keys.ts'

// Key pairs that GitLab and GitHub keep (formats-and-flows §1.3): written, read back, and never lost or given away.

const gitlabToken = { GITLAB_TOKEN: forgeToken }
const githubToken = { GITHUB_TOKEN: forgeToken }

async function good(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running
  assert.equal(outcome.code, 0, outcome.stderr)
  assertSilent(outcome)
  return outcome
}

/** Neither token nor passphrase nor private key is ever shown. */
function assertSilent({ stdout, stderr }: Outcome): void {
  for (const secret of [forgeToken, readerToken, testPassphrase, 'BEGIN ENCRYPTED'])
    assert.ok(!`${stdout}${stderr}`.includes(secret), stderr)
}

function gitlabRig(holders = ['projects/group/app'], options: RigOptions = {}) {
  const gitlab = createGitlab(holders)
  const rig = createRig({ ...options, hosts: { 'gitlab.com': gitlab.handle, ...options.hosts } })
  return { ...rig, gitlab, variables: (holder = holders[0]!) => gitlab.variables.get(holder)! }
}

function githubRig(places = ['repos/owner/app']) {
  const github = createGithub(places)
  return {
    ...createRig({ hosts: { 'api.github.com': github.handle } }),
    github,
    secrets: (place = places[0]!) => github.secrets.get(place)!,
  }
}

function textOf(rig: Pick<Rig, 'disk'>, path: string): string {
  const data = rig.disk.get(path)
  return typeof data === 'string' ? data : new TextDecoder().decode(data)
}

test('a key pair is kept in variables of a GitLab project, and signs and verifies from there', async () => {
  const rig = gitlabRig()
  const { stderr, requests } = await good(rig.cs('generate-key-pair gitlab://group/app', { environment: gitlabToken }))
  assert.equal(
    stderr.replace(/^COSIGN_PASSWORD: .*\n/m, ''),
    [
      'Password written to "COSIGN_PASSWORD" project variable',
      'Public key also written to cosign.pub',
      'Private key written to "COSIGN_PRIVATE_KEY" project variable',
      'Public key written to "COSIGN_PUBLIC_KEY" project variable',
      '',
    ].join('\n'),
  )
  const writes = requests.filter(request => request.startsWith('POST'))
  assert.deepEqual(writes, Array(3).fill('POST https://gitlab.com/api/v4/projects/group%2Fapp/variables'))
  assert.deepEqual([...rig.variables().keys()], ['COSIGN_PASSWORD', 'COSIGN_PRIVATE_KEY', 'COSIGN_PUBLIC_KEY'])
  assert.equal(rig.variables().get('COSIGN_PUBLIC_KEY')?.value, textOf(rig, 'cosign.pub'))
  assert.equal(rig.modes.get('cosign.pub'), 0o600)

  const environment = gitlabToken
  const name = await rig.push('app', buildImage())
  await good(rig.cs(`sign --key gitlab://group/app --tlog-upload=false ${name}`, { environment, withoutPassphrase: true }))
  await good(rig.cs(`verify --key gitlab://group/app --insecure-ignore-tlog ${name}`, { environment }))
  await good(rig.cs(`verify --key cosign.pub --insecure-ignore-tlog ${name}`))
  const { stdout } = await good(rig.cs('public-key --key gitlab://group/app', { environment, withoutPassphrase: true }))
  assert.equal(stdout, textOf(rig, 'cosign.pub'))
})

for (const { passphrase, masked } of [
  { passphrase: 'Long-enough_1', masked: true },
  { passphrase: 'short', masked: false },
  { passphrase: 'two words and a $', masked: false },
  { passphrase: '', masked: false },
])
  test(`the passphrase is masked in logs where GitLab can mask it: ${JSON.stringify(passphrase)}`, async () => {
    const rig = gitlabRig()
    const environment = { ...gitlabToken, COSIGN_PASSWORD: passphrase }
    const { stderr } = await good(rig.cs('generate-key-pair gitlab://group/app', { environment }))
    assert.deepEqual(rig.variables().get('COSIGN_PASSWORD'), {
      key: 'COSIGN_PASSWORD',
      value: passphrase,
      variable_type: 'env_var',
      environment_scope: '*',
      protected: false,
      masked,
      raw: true,
    })
    assert.equal(/^COSIGN_PASSWORD: GitLab cannot mask it/m.test(stderr), !masked)
    await good(rig.cs('public-key --key gitlab://group/app', { environment: gitlabToken, withoutPassphrase: true }))
  })

test('a path that is no project may be a group; a number is a project or nothing', async () => {
  const rig = gitlabRig(['groups/group', 'groups/42'])
  const environment = gitlabToken
  assert.match(
    (await good(rig.cs('generate-key-pair gitlab://group', { environment }))).stderr,
    /^Private key written to "COSIGN_PRIVATE_KEY" group variable$/m,
  )
  await good(rig.cs('public-key --key gitlab://group', { environment, withoutPassphrase: true }))
  rig.variables('groups/42').set('COSIGN_PUBLIC_KEY', { ...rig.variables('groups/group').get('COSIGN_PUBLIC_KEY')! })
  for (const line of ['generate-key-pair gitlab://42 -o json', 'public-key --key gitlab://42 -o json'])
    assertRefused(await rig.cs(line, { environment }), {
      exit: 1,
      code: 'KEY_NOT_FOUND',
      message: /^gitlab:\/\/42: no project of gitlab\.com that the token in GITLAB_TOKEN can see$/,
    })
  const neither = await rig.cs('generate-key-pair gitlab://nosuch -o json', { environment })
  assertRefused(neither, { exit: 1, code: 'KEY_NOT_FOUND', message: /neither a project nor a group of gitlab\.com/ })
})

test('a key that is not there, and a passphrase that is not and is asked for', async () => {
  const rig = gitlabRig()
  const variable = { variable_type: 'env_var', environment_scope: '*', protected: false, masked: false, raw: true }
  const missing = await rig.cs('public-key --key gitlab://group/app -o json', { environment: gitlabToken })
  assertRefused(missing, {
    exit: 1,
    code: 'KEY_NOT_FOUND',
    message: /^could not retrieve "COSIGN_PRIVATE_KEY" project variable: project group\/app on gitlab\.com has none$/,
  })
  rig.variables().set('COSIGN_PRIVATE_KEY', { key: 'COSIGN_PRIVATE_KEY', value: teamKey.encrypted, ...variable })
  const { stdout } = await good(rig.cs('public-key --key gitlab://group/app', { environment: gitlabToken }))
  assert.equal(stdout, teamKey.publicPem)
  rig.variables().set('COSIGN_PASSWORD', { key: 'COSIGN_PASSWORD', value: 'another', ...variable })
  const wrong = await rig.cs('public-key --key gitlab://group/app -o json', { environment: gitlabToken })
  assertRefused(wrong, { exit: 1, code: 'PASSPHRASE_WRONG', message: /gitlab:\/\/group\/app/ })
})

for (const { host, base, prefix = '' } of [
  { host: 'git.example', base: 'git.example' },
  { host: 'https://git.example', base: 'git.example' },
  { host: 'https://git.example/', base: 'git.example' },
  { host: 'https://git.example:8443/gitlab', base: 'git.example:8443', prefix: '/gitlab' },
  { host: 'https://git.example/api/v4', base: 'git.example' },
  { host: 'http://127.0.0.1:8080', base: '127.0.0.1:8080' },
])
  test(`GITLAB_HOST is another GitLab: ${host}`, async () => {
    const gitlab = createGitlab(['projects/7'], prefix)
    const rig = createRig({ hosts: { [base]: gitlab.handle } })
    await good(rig.cs('generate-key-pair gitlab://7', { environment: { ...gitlabToken, GITLAB_HOST: host } }))
    assert.equal(gitlab.variables.get('projects/7')?.size, 3)
  })

for (const { host, base, prefix = '' } of [
  { host: 'github.com', base: 'api.github.com' },
  { host: 'ghe.example', base: 'ghe.example', prefix: '/api/v3' },
  { host: 'https://ghe.example/api/v3/', base: 'ghe.example', prefix: '/api/v3' },
  { host: 'https://api.ghe.example', base: 'api.ghe.example' },
])
  test(`GITHUB_HOST is another GitHub: ${host}`, async () => {
    const github = createGithub(['repos/owner/app'], prefix)
    const rig = createRig({ hosts: { [base]: github.handle } })
    await good(rig.cs('generate-key-pair github://owner/app', { environment: { ...githubToken, GITHUB_HOST: host } }))
    assert.equal(github.secrets.get('repos/owner/app')?.size, 3)
  })

for (const [reference, variable] of [
  ['gitlab://group/app', 'GITLAB_HOST'],
  ['github://owner/app', 'GITHUB_HOST'],
] as const)
  for (const { name, value, message } of [
    { name: 'http to elsewhere', value: 'http://forge.example', message: /want https, for the token would be sent in the clear/ },
    { name: 'a password', value: 'https://u:p4ss@forge.example', message: /^(?!.*p4ss).*without user name/ },
    { name: 'a query', value: 'https://forge.example/?a=1', message: /want a host or an https:\/\/ URL/ },
    { name: 'another scheme', value: 'file:///etc/passwd', message: /want a host or an https:\/\/ URL/ },
  ])
    test(`${variable} is refused: ${name}`, async () => {
      const rig = createRig()
      const environment = { ...gitlabToken, ...githubToken, [variable]: value }
      const outcome = await rig.cs(`generate-key-pair ${reference} -o json`, { environment })
      assertRefused(outcome, { exit: 1, code: 'USAGE', message })
      assert.deepEqual(outcome.requests, [])
    })

for (const { places, reference, place, visibility } of [
  { places: ['repos/owner/app'], reference: 'github://owner/app', place: 'repos/owner/app', visibility: [] },
  { places: ['orgs/owner'], reference: 'github://owner', place: 'orgs/owner', visibility: ['private', 'private', 'private'] },
])
  test(`a key pair is kept in secrets of GitHub, sealed: ${reference}`, async () => {
    const rig = githubRig(places)
    const { stderr, requests } = await good(rig.cs(`generate-key-pair ${reference}`, { environment: githubToken }))
    assert.match(stderr, /^Private key written to "COSIGN_PRIVATE_KEY" github actions secret$/m)
    const secrets = rig.secrets(place)
    assert.equal(secrets.get('COSIGN_PASSWORD'), testPassphrase)
    assert.equal(secrets.get('COSIGN_PUBLIC_KEY'), textOf(rig, 'cosign.pub'))
    assert.deepEqual(rig.github.visibilities, visibility)
    assert.ok(requests.every(request => request.includes(`https://api.github.com/${place}/actions/secrets/`)))
    rig.disk.set('stored.key', secrets.get('COSIGN_PRIVATE_KEY')!)
    assert.equal((await good(rig.cs('public-key --key stored.key'))).stdout, textOf(rig, 'cosign.pub'))
  })

test('secrets of GitHub cannot be read, so they are no key to sign or verify with', async () => {
  const rig = githubRig()
  for (const line of ['public-key --key github://owner/app', 'verify --key github://owner/app --insecure-ignore-tlog registry.test/app'])
    assertRefused(await rig.cs(`${line} -o json`, { environment: githubToken }), {
      exit: 1,
      code: 'REFERENCE_MALFORMED',
      message: /unrecognized scheme: "github:\/\/"/,
    })
})

const forges = [
  { forge: 'GitLab', reference: 'gitlab://group/app', variable: 'GITLAB_TOKEN', host: 'gitlab.com' },
  { forge: 'GitHub', reference: 'github://owner/app', variable: 'GITHUB_TOKEN', host: 'api.github.com' },
] as const

function forgeRig(forge: (typeof forges)[number]['forge']) {
  const [gitlab, github] = [createGitlab(['projects/group/app']), createGithub(['repos/owner/app'])]
  const rig = createRig({ hosts: { 'gitlab.com': gitlab.handle, 'api.github.com': github.handle } })
  const names = () => [
    ...(forge === 'GitLab' ? gitlab.variables.get('projects/group/app')! : github.secrets.get('repos/owner/app')!).keys(),
  ]
  return { ...rig, names, honest: forge === 'GitLab' ? gitlab.handle : github.handle }
}

for (const { forge, reference, variable, host } of forges) {
  const environment = { [variable]: forgeToken }
  const line = `generate-key-pair ${reference} -o json`

  for (const { name, token, code, message } of [
    { name: 'no token', token: undefined, code: 'USAGE', message: new RegExp(`^could not find "${variable}" environment variable$`) },
    { name: 'an empty token', token: '', code: 'USAGE', message: /could not find/ },
    { name: 'a token with a line end', token: 'a\nb', code: 'USAGE', message: new RegExp(`^${variable}: want a token`) },
    {
      name: 'a wrong token',
      token: 'wrong',
      code: 'FORGE_UNAUTHORIZED',
      message: new RegExp(`the token in ${variable} is not known there, got status 401`),
    },
    {
      name: 'a token that may not write',
      token: readerToken,
      code: 'FORGE_DENIED',
      message: new RegExp(`${variable} does not allow it, got status 403`),
    },
  ] as const)
    test(`${forge}: ${name}`, async () => {
      const rig = forgeRig(forge)
      const outcome = await rig.cs(line, { environment: token === undefined ? {} : { [variable]: token } })
      assertRefused(outcome, { exit: 1, code, message })
      assertSilent(outcome)
      assert.deepEqual(rig.names(), [])
      assert.equal(rig.disk.has('cosign.pub'), false)
    })

  test(`${forge}: a private key that is there is never replaced`, async () => {
    const rig = forgeRig(forge)
    await good(rig.cs(`generate-key-pair ${reference}`, { environment }))
    const kept = textOf(rig, 'cosign.pub')
    const again = await rig.cs(`${line} --output-key-prefix other`, { environment })
    assertRefused(again, { exit: 1, code: 'KEY_EXISTS', message: /COSIGN_PRIVATE_KEY: it may be the only copy of that key$/ })
    assert.ok(again.requests.every(request => request.startsWith('GET ')))
    assert.equal(textOf(rig, 'cosign.pub'), kept)
  })

  test(`${forge}: --output-key-prefix names the file of the public key, which is replaced only on demand`, async () => {
    const rig = forgeRig(forge)
    rig.disk.set('release.pub', strangerKey.publicPem)
    const silent = await rig.cs(`${line} --output-key-prefix release`, { environment })
    assert.equal(silent.failure?.code, 'USAGE', silent.stderr)
    assert.deepEqual(rig.names(), [])
    const asked = await good(rig.cs(`generate-key-pair ${reference} --output-key-prefix release`, { environment, keys: ['y\r'] }))
    assert.match(asked.stderr, /File release\.pub already exists\. Overwrite\?/)
    assert.notEqual(textOf(rig, 'release.pub'), strangerKey.publicPem)
  })

  for (const when of ['before', 'after'] as const)
    for (const { failing, names, message } of [
      {
        failing: 1,
        names: ['COSIGN_PASSWORD'],
        message: /"COSIGN_PASSWORD".*is there is not known; nothing else was written, and no key$/,
      },
      {
        failing: 2,
        names: ['COSIGN_PASSWORD', 'COSIGN_PRIVATE_KEY'],
        message: /"COSIGN_PRIVATE_KEY".*is there is not known; COSIGN_PASSWORD was written; unless COSIGN_PRIVATE_KEY is there, no key was/,
      },
      {
        failing: 3,
        names: ['COSIGN_PASSWORD', 'COSIGN_PRIVATE_KEY', 'COSIGN_PUBLIC_KEY'],
        message: /"COSIGN_PUBLIC_KEY".*the key pair is complete without it: .* and the public key to the disk$/,
      },
    ])
      test(`${forge}: connection lost ${when} write ${failing} lands: what is there is told, and no key without its halves`, async () => {
        const rig = forgeRig(forge)
        let writes = 0
        rig.hosts.set(host, async request => {
          const fails = request.method !== 'GET' && ++writes === failing
          const response = fails && when === 'before' ? undefined : await rig.honest(request)
          if (fails || !response) throw Object.assign(new Error('cut off'), { code: 'ECONNRESET' })
          return response
        })
        const outcome = await rig.cs(line, { environment, passing: ms => ms < 60_000 })
        assertRefused(outcome, { exit: 1, code: 'SERVICE_UNAVAILABLE', message })
        assertSilent(outcome)
        assert.deepEqual(rig.names(), when === 'after' ? names : names.slice(0, -1))
        assert.equal(rig.disk.has('cosign.pub'), failing > 1, 'the public half of every private key that may be there')
        rig.hosts.set(host, rig.honest)
        const again = await rig.cs(`generate-key-pair ${reference}`, { environment, keys: ['y\r', 'y\r'] })
        const isKeyThere = rig.names().includes('COSIGN_PRIVATE_KEY') && (failing > 2 || when === 'after') && failing > 1
        assert.equal(again.code, isKeyThere ? 1 : 0, again.stderr)
        if (!isKeyThere) assert.equal(rig.names().length, 3)
      })

  test(`${forge}: a redirect is not followed, and the token goes nowhere else`, async () => {
    const rig = forgeRig(forge)
    const elsewhere: string[] = []
    rig.hosts.set('elsewhere.example', async request => {
      elsewhere.push(request.url)
      return Response.json({})
    })
    rig.hosts.set(host, async () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/x?secret' } }))
    const outcome = await rig.cs(line, { environment })
    assertRefused(outcome, {
      exit: 1,
      code: 'CREDENTIALS_WITHHELD',
      message: /it leads elsewhere, where the token is not sent, got status 302$/,
    })
    assert.deepEqual(elsewhere, [])
  })

  for (const { name, body, code, message } of [
    { name: 'no JSON', body: '<html>', code: 'FORGE_RESPONSE_MALFORMED', message: /not JSON/ },
    { name: 'no object', body: '[]', code: 'FORGE_RESPONSE_MALFORMED', message: /want an object/ },
    { name: 'more than a mebibyte', body: `{"a":"${'a'.repeat(1 << 20)}"}`, code: 'LIMIT_EXCEEDED', message: /want at most 1048576 bytes/ },
  ] as const)
    test(`${forge}: an answer of ${name}`, async () => {
      const rig = forgeRig(forge)
      rig.hosts.set(host, async () => new Response(body))
      assertRefused(await rig.cs(line, { environment }), { exit: 1, code, message })
    })
}

test('GitHub: a public key that is none makes no box', async () => {
  const rig = githubRig()
  for (const [key, code] of [
    ['AAAA', 'KEY_MALFORMED'],
    [btoa('\0'.repeat(32)), 'KEY_MALFORMED'],
    ['!', 'FORGE_RESPONSE_MALFORMED'],
  ] as const) {
    rig.hosts.set('api.github.com', async request =>
      request.url.endsWith('/public-key') ? Response.json({ key_id: '1', key }) : rig.github.handle(request),
    )
    const outcome = await rig.cs('generate-key-pair github://owner/app -o json', { environment: githubToken })
    assert.equal(outcome.failure?.code, code, outcome.stderr)
    assert.equal(rig.secrets().size, 0)
  }
})

test('offline, a key that GitLab keeps is not fetched', async () => {
  const rig = gitlabRig()
  rig.disk.set('blob', 'x')
  const outcome = await rig.cs('verify-blob --offline --key gitlab://group/app --insecure-ignore-tlog --signature AA== -o json blob', {
    environment: gitlabToken,
  })
  assert.equal(outcome.failure?.code, 'SERVICE_UNAVAILABLE', outcome.stderr)
  assert.deepEqual(outcome.requests, [])
})

test('a file may be called what cosign takes for a project of GitLab', async () => {
  const rig = createRig()
  rig.disk.set('gitlab.key', teamKey.encrypted)
  assert.equal((await good(rig.cs('public-key --key gitlab.key'))).stdout, teamKey.publicPem)
})

test('what is neither is refused by name', async () => {
  for (const reference of ['gitlab://a//b', 'github://', 'github://o/r/x', 'github://o/..', 'gitlab://a?token=s3cret']) {
    const outcome = await createRig().cs(`generate-key-pair ${reference} -o json`, { environment: { ...gitlabToken, ...githubToken } })
    assertRefused(outcome, { exit: 1, code: 'REFERENCE_MALFORMED', message: /reference: want git(lab|hub):\/\// })
  }
})

for (const reference of ['gitlab://robot:s3cret@group/project', 'github://robot:s3cret@owner'])
  test(`a password typed into ${reference.replace(/:.*@/, '://…@')} is not repeated`, async () => {
    const { code, stdout, stderr } = await createRig().cs(`generate-key-pair ${reference} -o json`)
    assert.equal(code, 1)
    assert.match(stderr, /reference: want git(?:lab|hub):/)
    assert.doesNotMatch(stdout + stderr, /s3cret/)
  })
