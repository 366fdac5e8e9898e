import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError, type ErrorCode } from '../codec/error.ts'
import type { Fetch } from '../codec/world.ts'
import {
  acrHabits,
  artifactRegistryHabits,
  createTestRegistry,
  dockerHubHabits,
  ecrHabits,
  ghcrHabits,
  type RegistryHabits,
  type SeenRequest,
  type TestAccount,
} from '../testing/token-server.ts'
import type { CredentialSource, Credentials } from './credentials/credentials.ts'
import { refusalOf } from './registry-exchange.ts'
import { createRegistryFetch, type RegistryFetch, type RegistryRequest } from './registry-fetch.ts'

const signal = new AbortController().signal

/** A world whose pauses pass at once and are noted, with a clock that tests set. */
function createWorld(fetch: Fetch) {
  const pauses: number[] = []
  const clock = { now: new Date('2026-01-01T00:00:00Z') }
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms)
  return { fetch, pauses, clock, now: () => clock.now, sleep, randomBytes: (length: number) => new Uint8Array(length).fill(128) }
}

const only =
  (host: string, credentials: Credentials): CredentialSource =>
  async asked =>
    asked === host ? credentials : { kind: 'anonymous' }

function manifest(host: string, repository = 'team/app', tag = 'v1'): RegistryRequest {
  return { method: 'GET', url: new URL(`https://${host}/v2/${repository}/manifests/${tag}`), repository, actions: ['pull'], signal }
}
const push = (host: string, repository = 'team/app', tag = 'v1'): RegistryRequest => ({
  ...manifest(host, repository, tag),
  method: 'PUT',
  actions: ['pull', 'push'],
  body: new Uint8Array([123, 125]),
})

/** Every message of an error and of all its causes. */
function everyMessage(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const inner = error instanceof AggregateError ? error.errors.map(everyMessage) : []
  return [error.message, ...inner, everyMessage(error.cause)].join('\n')
}

async function rejects(exchange: Promise<unknown>, code: ErrorCode, message: RegExp, secrets: readonly string[] = []): Promise<void> {
  const error = await exchange.then(
    () => assert.fail(`want ${code}, got an answer`),
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof CountersignError, String(error))
  assert.match(error.message, message)
  assert.equal(error.code, code)
  for (const secret of secrets) assert.ok(!everyMessage(error).includes(secret), `a message shows ${secret}`)
}

type Shape = { name: string; habits: RegistryHabits; account: TestAccount; shown: Credentials }
const rights = { 'team/app': ['pull', 'push'], 'team/read-only': ['pull'] }
const jsonKey = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN PRIVATE KEY-----\\nMII:=\\n"\n}\n'
const pair = (username: string, password: string) =>
  ({ account: { username, password, rights }, shown: { kind: 'basic', username, password } }) as const
const shapes: Shape[] = [
  { name: 'Docker Hub, user and password', habits: dockerHubHabits, ...pair('someone', 'dckr_pat_hunter2') },
  {
    name: 'Docker Hub, identity token',
    habits: dockerHubHabits,
    account: { identityToken: 'refresh.hunter2', rights },
    shown: { kind: 'identity-token', token: 'refresh.hunter2' },
  },
  { name: 'GHCR, personal access token', habits: ghcrHabits, ...pair('octocat', 'ghp_hunter2') },
  { name: 'Artifact Registry, oauth2accesstoken', habits: artifactRegistryHabits, ...pair('oauth2accesstoken', 'ya29.hunter2') },
  { name: 'Artifact Registry, _json_key', habits: artifactRegistryHabits, ...pair('_json_key', jsonKey) },
  { name: 'ECR, user AWS', habits: ecrHabits, ...pair('AWS', 'eyJwYXlsb2Fk.hunter2==') },
  {
    name: 'ACR, identity token',
    habits: acrHabits,
    account: { identityToken: 'acr.hunter2', rights },
    shown: { kind: 'identity-token', token: 'acr.hunter2' },
  },
]

for (const { name, habits, account, shown } of shapes) {
  test(`createRegistryFetch: ${name}: reads and writes what the account may`, async () => {
    const { fetch, seen } = createTestRegistry(habits, [account])
    const registry = createRegistryFetch(createWorld(fetch), { credentials: only(habits.host, shown) })
    for (const request of [manifest(habits.host), manifest(habits.host, 'team/app', 'v2'), push(habits.host)])
      assert.equal(await (await registry(request)).text(), 'ok')
    // the first as nobody; then a token for reading, kept for the second read; then one for writing
    const paths = seen.map(({ method, url }) => `${method} ${new URL(url).pathname}`)
    const token = `${shown.kind === 'identity-token' ? 'POST' : 'GET'} ${new URL(habits.realm).pathname}`
    const read = 'GET /v2/team/app/manifests/v1'
    const withTokens = [read, token, read, 'GET /v2/team/app/manifests/v2', token, 'PUT /v2/team/app/manifests/v1']
    assert.deepEqual(
      paths,
      habits.challenge === 'Bearer' ? withTokens : [read, read, 'GET /v2/team/app/manifests/v2', 'PUT /v2/team/app/manifests/v1'],
    )
  })

  test(`createRegistryFetch: ${name}: writing where only reading is allowed is denied, naming what is missing`, async () => {
    const { fetch } = createTestRegistry(habits, [account])
    const registry = createRegistryFetch(createWorld(fetch), { credentials: only(habits.host, shown) })
    const secret = shown.kind === 'basic' ? shown.password : shown.kind === 'identity-token' ? shown.token : ''
    const message = new RegExp(
      `want permission to push ${habits.host}/team/read-only, asked as (user "|the holder).*, got status 40[13] (DENIED|UNAUTHORIZED) "requested access`,
    )
    await rejects(registry(push(habits.host, 'team/read-only')), 'REGISTRY_DENIED', message, [secret, secret.slice(0, 12)])
  })

  test(`createRegistryFetch: ${name}: wrong credentials`, async () => {
    const { fetch } = createTestRegistry(habits, [account])
    const wrong: Credentials =
      shown.kind === 'basic' ? { ...shown, password: 'wrong-hunter3' } : { kind: 'identity-token', token: 'wrong-hunter3' }
    const registry = createRegistryFetch(createWorld(fetch), { credentials: only(habits.host, wrong) })
    const code = habits.challenge === 'Basic' ? 'REGISTRY_DENIED' : 'REGISTRY_UNAUTHORIZED' // ECR knows the user and calls the token expired
    await rejects(
      registry(manifest(habits.host)),
      code,
      /(want a token for "repository:team\/app:pull"|want permission to pull).* got status 40[13]/,
      ['wrong-hunter3'],
    )
  })

  test(`createRegistryFetch: ${name}: no credentials`, async () => {
    const { fetch, seen } = createTestRegistry(habits, [account])
    const registry = createRegistryFetch(createWorld(fetch), { credentials: only('elsewhere.example', shown) })
    await rejects(registry(manifest(habits.host)), 'REGISTRY_UNAUTHORIZED', /asked without credentials/)
    assert.ok(seen.every(({ authorization }) => authorization === null || authorization.startsWith('Bearer token-')))
  })
}

test('createRegistryFetch: what is public is read with an anonymous token', async () => {
  const { fetch, seen } = createTestRegistry(dockerHubHabits, [], ['library/alpine'])
  const registry = createRegistryFetch(createWorld(fetch), { credentials: only('none', { kind: 'anonymous' }) })
  assert.equal((await registry(manifest('index.docker.io', 'library/alpine'))).status, 200)
  assert.deepEqual(seen[1], {
    method: 'GET',
    url: 'https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Falpine%3Apull',
    authorization: null,
    body: '',
  })
})

const octocat: TestAccount = { username: 'octocat', password: 'hunter2', rights: { 'team/app': ['pull', 'push'] } }
const octocatCredentials: Credentials = { kind: 'basic', username: 'octocat', password: 'hunter2' }
const octocatOnly = only('ghcr.io', octocatCredentials)
const tokenRequests = (seen: readonly SeenRequest[]): number => seen.filter(({ url }) => new URL(url).pathname === '/token').length

test('createRegistryFetch: an expired token is replaced before it is refused', async () => {
  const { fetch, seen } = createTestRegistry(ghcrHabits, [octocat])
  const world = createWorld(fetch)
  const registry = createRegistryFetch(world, { credentials: octocatOnly })
  await registry(manifest('ghcr.io'))
  world.clock.now = new Date('2026-01-01T00:00:53Z') // no validity said counts as 60 s, kept for nine tenths
  await registry(manifest('ghcr.io'))
  assert.equal(tokenRequests(seen), 1)
  world.clock.now = new Date('2026-01-01T00:00:55Z')
  await registry(manifest('ghcr.io'))
  assert.equal(tokenRequests(seen), 2)
  assert.equal(seen.length, 6)
})

test('createRegistryFetch: a token refused before its time is replaced once', async () => {
  const { fetch, seen, expireTokens } = createTestRegistry(ghcrHabits, [octocat])
  const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
  await registry(manifest('ghcr.io'))
  expireTokens()
  assert.equal((await registry(manifest('ghcr.io'))).status, 200)
  assert.equal(tokenRequests(seen), 2)
})

test('createRegistryFetch: requests at once share one token', async () => {
  const { fetch, seen } = createTestRegistry(ghcrHabits, [octocat])
  const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
  await Promise.all(Array.from({ length: 20 }, (_, index) => registry(manifest('ghcr.io', 'team/app', `v${index}`))))
  assert.equal(tokenRequests(seen), 1)
})

test('createRegistryFetch: a token for writing serves reading', async () => {
  const { fetch, seen } = createTestRegistry(ghcrHabits, [octocat])
  const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
  await registry(push('ghcr.io'))
  await registry(manifest('ghcr.io'))
  assert.equal(tokenRequests(seen), 1)
})

test('createRegistryFetch: a scope the registry wants beyond ours is asked for', async () => {
  const challenge =
    'Bearer realm="https://ghcr.io/token",service="s",scope="repository:team/app:pull repository:team/base:pull",error="insufficient_scope"'
  const scopes: string[][] = []
  const fetch: Fetch = async (input, init) => {
    const url = new URL(String(input))
    if (url.pathname === '/token') {
      scopes.push(url.searchParams.getAll('scope'))
      return Response.json({ token: `t${scopes.length}` })
    }
    return new Headers(init?.headers).get('authorization') === 'Bearer t2'
      ? new Response('ok')
      : new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
  }
  const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
  assert.equal((await registry(manifest('ghcr.io'))).status, 200)
  assert.deepEqual(scopes, [['repository:team/app:pull'], ['repository:team/app:pull', 'repository:team/base:pull']])
})

test('createRegistryFetch: mounting asks to read the other repository too', async () => {
  const { fetch, seen } = createTestRegistry(ghcrHabits, [octocat])
  const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
  const url = new URL('https://ghcr.io/v2/team/app/blobs/uploads/?mount=sha256:00&from=team/base')
  await registry({ method: 'POST', url, repository: 'team/app', actions: ['pull', 'push'], signal })
  assert.deepEqual(new URL(seen[1]!.url).searchParams.getAll('scope'), ['repository:team/app:pull,push', 'repository:team/base:pull'])
})

test('createRegistryFetch: a registry token goes to the registry as it is, after it asked', async () => {
  const seen: (string | null)[] = []
  const fetch: Fetch = async (_input, init) => {
    const authorization = new Headers(init?.headers).get('authorization')
    seen.push(authorization)
    const headers = { 'www-authenticate': 'Bearer realm="https://ghcr.io/token",service="s"' }
    return authorization ? new Response('ok') : new Response(null, { status: 401, headers })
  }
  const registry = createRegistryFetch(createWorld(fetch), { credentials: only('ghcr.io', { kind: 'registry-token', token: 'given' }) })
  assert.equal((await registry(manifest('ghcr.io'))).status, 200)
  assert.deepEqual(seen, [null, 'Bearer given'])
})

test('createRegistryFetch: a refused registry token is no loop and is not shown', async () => {
  const { fetch, seen } = createTestRegistry(ghcrHabits, [])
  const registry = createRegistryFetch(createWorld(fetch), {
    credentials: only('ghcr.io', { kind: 'registry-token', token: 'given-hunter2' }),
  })
  await rejects(registry(manifest('ghcr.io')), 'REGISTRY_UNAUTHORIZED', /asked as the holder of a registry token, got status 401/, [
    'given-hunter2',
  ])
  assert.equal(seen.length, 2)
})

for (const status of [403, 404])
  test(`createRegistryFetch: ${status} to a stranger is not believed when /v2/ asks for credentials`, async () => {
    const { fetch: inner } = createTestRegistry(ghcrHabits, [octocat])
    const fetch: Fetch = async (input, init) => {
      const isStranger = !new Headers(init?.headers).has('authorization') && String(input).includes('/manifests/')
      return isStranger ? new Response(null, { status }) : inner(input, init)
    }
    assert.equal((await createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })(manifest('ghcr.io'))).status, 200)
  })

test('createRegistryFetch: a registry that asks nobody is never shown credentials, nor are they looked up', async () => {
  const seen: string[] = []
  const fetch: Fetch = async (input, init) => {
    seen.push(`${String(input)} ${new Headers(init?.headers).get('authorization')}`)
    return new Response(null, { status: String(input).endsWith('/v2/') ? 200 : 404 })
  }
  const registry = createRegistryFetch(createWorld(fetch), { credentials: async () => assert.fail('looked up') })
  for (let time = 0; time < 2; time++) assert.equal((await registry(manifest('open.example'))).status, 404)
  const url = 'https://open.example/v2/team/app/manifests/v1 null'
  assert.deepEqual(seen, [url, 'https://open.example/v2/ null', url])
})

/** A registry whose 401 says this; whatever else is asked is noted and answered by `then`. */
function challenging(
  challenge: string,
  then: (url: URL, init: RequestInit | undefined) => Response = () => Response.json({ token: 'stolen?' }),
) {
  const others: string[] = []
  const fetch: Fetch = async (input, init) => {
    const url = new URL(String(input))
    if (url.pathname.startsWith('/v2/')) return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
    others.push(`${init?.method} ${url.origin} ${new Headers(init?.headers).get('authorization')}`)
    return then(url, init)
  }
  return { fetch, others }
}

for (const { name, host, realm, code, message, shown } of [
  {
    name: 'on an unrelated host',
    realm: 'https://evil.example/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /registry ghcr.io: asks to have its credentials sent to "evil.example", a host of another domain/,
  },
  {
    name: 'on an unrelated host, for an identity token',
    realm: 'https://evil.example/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /"evil.example"/,
    shown: { kind: 'identity-token', token: 'hunter2' },
  },
  { name: 'on a host that only ends like ours', realm: 'https://notghcr.io/token', code: 'CREDENTIALS_WITHHELD', message: /"notghcr.io"/ },
  {
    name: 'over plain http',
    realm: 'http://ghcr.io/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /realm: want https, got plain http on "ghcr.io"/,
  },
  {
    name: 'on this machine',
    realm: 'https://localhost/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /a public registry names "localhost", which is a loopback address/,
  },
  {
    name: 'on this machine, spelled otherwise',
    realm: 'https://0x7f.1/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /"127.0.0.1", which is a loopback address/,
  },
  {
    name: 'of the metadata service',
    realm: 'https://169.254.169.254/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /a link-local address/,
  },
  { name: 'in a private network', realm: 'https://10.0.0.8/token', code: 'CREDENTIALS_WITHHELD', message: /a private address/ },
  {
    name: 'of another tenant',
    host: 'mine.azurecr.io',
    realm: 'https://evil.azurecr.io/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /"evil.azurecr.io"/,
  },
  {
    name: 'below the same country suffix',
    host: 'mine.co.uk',
    realm: 'https://evil.co.uk/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /"evil.co.uk"/,
  },
  {
    name: 'with user information',
    realm: 'https://ghcr.io@evil.example/token',
    code: 'REGISTRY_RESPONSE_MALFORMED',
    message: /without user information/,
  },
  { name: 'that is no URL', realm: 'token', code: 'REGISTRY_RESPONSE_MALFORMED', message: /want an https URL, got "token"/ },
  { name: 'that is no http URL', realm: 'file:///etc/passwd', code: 'REGISTRY_RESPONSE_MALFORMED', message: /want an https URL/ },
] as { name: string; host?: string; realm: string; code: ErrorCode; message: RegExp; shown?: Credentials }[])
  test(`createRegistryFetch: a realm ${name} gets nothing`, async () => {
    const { fetch, others } = challenging(`Bearer realm="${realm}",service="s"`)
    const registry = createRegistryFetch(createWorld(fetch), { credentials: async () => shown ?? octocatCredentials })
    await rejects(registry(manifest(host ?? 'ghcr.io')), code, message, ['hunter2'])
    assert.deepEqual(others, [])
  })

test('createRegistryFetch: an unrelated realm may be asked for an anonymous token', async () => {
  const { fetch, others } = challenging('Bearer realm="https://ghcr.io/token",service="ghcr.io"')
  const registry = createRegistryFetch(createWorld(fetch), { credentials: only('none', { kind: 'anonymous' }) })
  await rejects(registry(manifest('lscr.io')), 'REGISTRY_UNAUTHORIZED', /lscr.io\/team\/app, asked without credentials/)
  assert.deepEqual([...new Set(others)], ['GET https://ghcr.io null'])
})

test('createRegistryFetch: credentials of one host are not looked up for another', async () => {
  const asked: string[] = []
  const { fetch } = challenging('Basic realm="r"')
  const credentials: CredentialSource = async host => {
    asked.push(host)
    return { kind: 'anonymous' }
  }
  await rejects(
    createRegistryFetch(createWorld(fetch), { credentials })(manifest('b.example:5000')),
    'REGISTRY_UNAUTHORIZED',
    /none for b.example:5000 were found/,
  )
  assert.deepEqual(asked, ['b.example:5000'])
})

for (const { name, answer, code, message } of [
  {
    name: 'redirects to another host',
    answer: () => Response.redirect('https://evil.example/steal', 307),
    code: 'CREDENTIALS_WITHHELD',
    message: /redirects to "evil.example", which is not asked/,
  },
  {
    name: 'redirects to plain http',
    answer: () => Response.redirect('http://ghcr.io/token', 307),
    code: 'CREDENTIALS_WITHHELD',
    message: /from https to plain http/,
  },
  {
    name: 'answers no JSON',
    answer: () => new Response('secret-answer {'),
    code: 'CREDENTIALS_MALFORMED',
    message: /want a JSON object, got 15 bytes without/,
  },
  {
    name: 'answers a token twice',
    answer: () => new Response('{"token":"secret-answer","token":"b"}'),
    code: 'CREDENTIALS_MALFORMED',
    message: /want a JSON object/,
  },
  {
    name: 'answers no token',
    answer: () => Response.json({ secret: 'secret-answer' }),
    code: 'CREDENTIALS_MALFORMED',
    message: /want a token of printable ASCII/,
  },
  {
    name: 'answers a token that would break out of its header',
    answer: () => Response.json({ token: 'secret-answer\r\nX: y' }),
    code: 'CREDENTIALS_MALFORMED',
    message: /printable ASCII/,
  },
  { name: 'answers without end', answer: () => new Response(endless()), code: 'LIMIT_EXCEEDED', message: /at most 65536 bytes/ },
  {
    name: 'repeats the password',
    answer: () => Response.json({ details: 'user octocat has password hunter2' }, { status: 401 }),
    code: 'REGISTRY_UNAUTHORIZED',
    message: /got status 401$/,
  },
  {
    name: 'is overloaded',
    answer: () => new Response(null, { status: 503 }),
    code: 'REGISTRY_UNAVAILABLE',
    message: /token server ghcr.io of registry ghcr.io: want a token .* got status 503/,
  },
] as { name: string; answer: (url: URL) => Response; code: ErrorCode; message: RegExp }[])
  test(`createRegistryFetch: a token server that ${name}`, async () => {
    const seen: string[] = []
    const { fetch } = challenging('Bearer realm="https://ghcr.io/token",service="s"', (url, init) => {
      seen.push(`${url.origin} ${new Headers(init?.headers).get('authorization')}`)
      return url.pathname === '/token' ? answer(url) : Response.json({ token: 'x' })
    })
    const basic = Buffer.from('octocat:hunter2').toString('base64')
    await rejects(createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })(manifest('ghcr.io')), code, message, [
      'hunter2',
      basic,
      'secret-answer',
    ])
    assert.ok(
      seen.every(line => line.startsWith('https://ghcr.io ') || line.endsWith(' null')),
      seen.join('\n'),
    )
  })

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: controller => controller.enqueue(new Uint8Array(4096).fill(32)) })
}

test('createRegistryFetch: an identity token is never sent after a redirect', async () => {
  const { fetch, others } = challenging('Bearer realm="https://auth.docker.io/token",service="s"', () =>
    Response.redirect('https://evil.example/', 307),
  )
  const registry = createRegistryFetch(createWorld(fetch), { credentials: async () => ({ kind: 'identity-token', token: 'hunter2' }) })
  await rejects(registry(manifest('index.docker.io')), 'CREDENTIALS_WITHHELD', /redirects a request that carries credentials/, ['hunter2'])
  assert.deepEqual(others, ['POST https://auth.docker.io null'])
})

/** An authorised registry whose blobs are answered by `steps`, by URL. */
function redirecting(steps: Readonly<Record<string, Response | (() => Response)>>) {
  const seen: string[] = []
  const fetch: Fetch = async (input, init) => {
    const headers = new Headers(init?.headers)
    seen.push(
      `${init?.method} ${String(input)} ${headers.get('authorization') ?? '-'} ${headers.get('x-other') ?? '-'} ${headers.get('accept') ?? '-'}`,
    )
    const step = steps[String(input)]
    if (step && (headers.has('authorization') || !String(input).startsWith('https://ghcr.io/v2/')))
      return typeof step === 'function' ? step() : step
    return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } })
  }
  return { seen, registry: createRegistryFetch(createWorld(fetch), { credentials: async () => octocatCredentials }) }
}
const blob = 'https://ghcr.io/v2/team/app/blobs/sha256:00'
const blobRequest: RegistryRequest = {
  method: 'GET',
  url: new URL(blob),
  headers: { accept: 'a/b', 'x-other': '1' },
  repository: 'team/app',
  actions: ['pull'],
  signal,
}
const to =
  (location: string, status = 307) =>
  (): Response =>
    new Response(null, { status, headers: { location } })
const authorization = `Basic ${Buffer.from('octocat:hunter2').toString('base64')}`

test('createRegistryFetch: a redirect to another host carries no credentials, not even back again', async () => {
  const { seen, registry } = redirecting({
    [blob]: to('https://cdn.example/blob?signature=s'),
    'https://cdn.example/blob?signature=s': to('https://ghcr.io/elsewhere'),
    'https://ghcr.io/elsewhere': () => new Response('bytes'),
  })
  assert.equal(await (await registry(blobRequest)).text(), 'bytes')
  assert.deepEqual(seen.slice(1), [
    `GET ${blob} ${authorization} 1 a/b`,
    'GET https://cdn.example/blob?signature=s - - a/b',
    'GET https://ghcr.io/elsewhere - - a/b',
  ])
})

for (const place of ['https://ghcr.io:8443/b', 'https://sub.ghcr.io/b', 'https://evil.example/b'])
  test(`createRegistryFetch: ${place} is another origin`, async () => {
    const { seen, registry } = redirecting({ [blob]: to(place), [place]: () => new Response('bytes') })
    await registry(blobRequest)
    assert.equal(seen.at(-1), `GET ${place} - - a/b`)
  })

test('createRegistryFetch: a redirect within the origin keeps them', async () => {
  const { seen, registry } = redirecting({ [blob]: to('../moved'), 'https://ghcr.io/v2/team/app/moved': () => new Response('bytes') })
  await registry(blobRequest)
  assert.equal(seen.at(-1), `GET https://ghcr.io/v2/team/app/moved ${authorization} 1 a/b`)
})

for (const { name, steps, code, message } of [
  {
    name: 'in a circle',
    steps: {
      [blob]: to('https://a.example/'),
      'https://a.example/': to('https://b.example/'),
      'https://b.example/': to('https://a.example/'),
    },
    code: 'REGISTRY_RESPONSE_MALFORMED',
    message: /registry ghcr.io: redirects in a circle, through "a.example"/,
  },
  { name: 'to itself', steps: { [blob]: to(blob) }, code: 'REGISTRY_RESPONSE_MALFORMED', message: /in a circle/ },
  {
    name: 'from https to http',
    steps: { [blob]: to('http://cdn.example/b') },
    code: 'CREDENTIALS_WITHHELD',
    message: /from https to plain http on "cdn.example"/,
  },
  {
    name: 'to this machine',
    steps: { [blob]: to('https://127.0.0.1:8080/admin') },
    code: 'CREDENTIALS_WITHHELD',
    message: /redirects to "127.0.0.1:8080", which is a loopback address/,
  },
  {
    name: 'to the metadata service',
    steps: { [blob]: to('https://169.254.169.254/latest') },
    code: 'CREDENTIALS_WITHHELD',
    message: /link-local/,
  },
  { name: 'to a file', steps: { [blob]: to('file:///etc/passwd') }, code: 'REGISTRY_RESPONSE_MALFORMED', message: /want an http\(s\) URL/ },
  {
    name: 'with a user name',
    steps: { [blob]: to('https://u:p@cdn.example/') },
    code: 'REGISTRY_RESPONSE_MALFORMED',
    message: /without user name/,
  },
  {
    name: 'to a host that asks for credentials',
    steps: {
      [blob]: to('https://evil.example/b'),
      'https://evil.example/b': () => new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="give"' } }),
    },
    code: 'CREDENTIALS_WITHHELD',
    message: /redirects to "evil.example", which asks for credentials/,
  },
] as { name: string; steps: Record<string, () => Response>; code: ErrorCode; message: RegExp }[])
  test(`createRegistryFetch: a redirect ${name}`, async () => {
    const { seen, registry } = redirecting(steps)
    await rejects(registry(blobRequest), code, message, ['hunter2'])
    assert.ok(
      seen.every(line => line.includes(' https://ghcr.io/') || line.includes(' - - ')),
      seen.join('\n'),
    )
  })

test('createRegistryFetch: more than ten redirects', async () => {
  const steps = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [n === 0 ? blob : `https://a.example/${n}`, to(`https://a.example/${n + 1}`)]),
  )
  const { seen, registry } = redirecting(steps)
  await rejects(registry(blobRequest), 'REGISTRY_RESPONSE_MALFORMED', /at most 10 redirects/)
  assert.equal(seen.length, 12) // as nobody, and eleven steps
})

test('createRegistryFetch: a write is not redirected', async () => {
  const { seen, registry } = redirecting({ [blob]: to('https://evil.example/') })
  await rejects(registry({ ...blobRequest, method: 'PUT', body: new Uint8Array([1]) }), 'REGISTRY_RESPONSE_MALFORMED', /redirects a PUT/)
  assert.equal(seen.length, 2)
})

/** A registry that gives these answers or errors in turn. */
function inTurn(...turns: (Response | string)[]): { registry: RegistryFetch; world: ReturnType<typeof createWorld>; count: () => number } {
  let count = 0
  const world = createWorld(async () => {
    const turn = turns[Math.min(count++, turns.length - 1)]!
    if (typeof turn === 'string') throw Object.assign(new Error('with https://user:secret@host/?query'), { code: turn })
    return turn.clone()
  })
  return { world, count: () => count, registry: createRegistryFetch(world, { credentials: async () => ({ kind: 'anonymous' }) }) }
}
const status = (code: number, retryAfter?: string): Response =>
  new Response(null, { status: code, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } })

for (const { name, turns, request, want, pauses } of [
  { name: 'GET after 503', turns: [status(503), status(200)], want: 200, pauses: [100] },
  { name: 'GET after 500, 502 and 504', turns: [status(500), status(502), status(504), status(200)], want: 200, pauses: [100, 300, 901] },
  { name: 'GET after 429 with seconds', turns: [status(429, '7'), status(200)], want: 200, pauses: [7000] },
  { name: 'GET after 429 with a date', turns: [status(429, 'Thu, 01 Jan 2026 00:00:09 GMT'), status(200)], want: 200, pauses: [9000] },
  {
    name: 'GET after 503 with a date gone by',
    turns: [status(503, 'Thu, 01 Jan 2015 00:00:09 GMT'), status(200)],
    want: 200,
    pauses: [100],
  },
  { name: 'GET after a lost connection', turns: ['ECONNRESET', status(200)], want: 200, pauses: [100] },
  { name: 'PUT after no connection', turns: ['ECONNREFUSED', status(201)], request: push('r.example'), want: 201, pauses: [100] },
  { name: 'PUT after 429', turns: [status(429, '1'), status(201)], request: push('r.example'), want: 201, pauses: [1000] },
  { name: 'PUT after 503 that says when', turns: [status(503, '1'), status(201)], request: push('r.example'), want: 201, pauses: [1000] },
  {
    name: 'idempotent PUT after 502',
    turns: [status(502), status(201)],
    request: { ...push('r.example'), idempotent: true },
    want: 201,
    pauses: [100],
  },
  { name: 'nothing after 404', turns: [status(404)], want: 404, pauses: [] },
  { name: 'nothing after 400', turns: [status(400)], want: 400, pauses: [] },
] as { name: string; turns: (Response | string)[]; request?: RegistryRequest; want: number; pauses: number[] }[])
  test(`createRegistryFetch: repeats ${name}`, async () => {
    const { registry, world } = inTurn(...turns)
    assert.equal((await registry(request ?? manifest('r.example'))).status, want)
    assert.deepEqual(world.pauses.map(Math.round), pauses)
  })

for (const { name, turns, request, message, count } of [
  { name: '503 that lasts', turns: [status(503)], message: /registry r.example: GET team\/app: status 503/, count: 4 },
  { name: '429 that asks for more than we wait', turns: [status(429, '3600')], message: /status 429/, count: 1 },
  {
    name: 'a connection lost again and again',
    turns: ['ECONNRESET'],
    message: /registry r.example: the connection was closed before an answer/,
    count: 4,
  },
  {
    name: 'an unknown name',
    turns: ['ENOTFOUND'],
    message: /registry r.example: no such host name/,
    count: 1,
  },
  {
    name: 'an untrusted certificate',
    turns: ['SELF_SIGNED_CERT_IN_CHAIN'],
    message: /certificate leads to an authority that is not trusted/,
    count: 1,
  },
  { name: 'a write whose answer was lost', turns: ['ECONNRESET'], request: push('r.example'), message: /closed before/, count: 1 },
  { name: 'a write answered by 502', turns: [status(502)], request: push('r.example'), message: /PUT team\/app: status 502/, count: 1 },
] as { name: string; turns: (Response | string)[]; request?: RegistryRequest; message: RegExp; count: number }[])
  test(`createRegistryFetch: gives up on ${name}`, async () => {
    const { registry, count: made } = inTurn(...turns)
    await rejects(registry(request ?? manifest('r.example')), 'REGISTRY_UNAVAILABLE', message)
    assert.equal(made(), count)
  })

for (const code of [400, 404, 422, 500])
  test(`createRegistryFetch: what a ${code} repeats of our token is not shown`, async () => {
    const { fetch: inner } = createTestRegistry(ghcrHabits, [octocat])
    let sent = ''
    const fetch: Fetch = async (input, init) => {
      const authorization = new Headers(init?.headers).get('authorization')
      if (!authorization?.startsWith('Bearer ')) return inner(input, init)
      sent = authorization.slice('Bearer '.length)
      return Response.json({ errors: [{ code: 'UNSUPPORTED', message: `request was: Authorization: ${authorization}` }] }, { status: code })
    }
    const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
    const error = await registry(manifest('ghcr.io')).then(
      response => refusalOf(response, 'manifest'),
      (cause: unknown) => cause,
    )
    assert.notEqual(sent, '')
    assert.ok(
      error instanceof CountersignError && error.message.includes(String(code)) && !everyMessage(error).includes(sent),
      String(error),
    )
  })

test('createRegistryFetch: the reason of the signal passes through, from any point', async () => {
  for (const path of ['/v2/team/app/manifests/v1', '/token']) {
    const controller = new AbortController()
    const reason = new Error('enough')
    const { fetch: inner } = createTestRegistry(ghcrHabits, [octocat])
    const fetch: Fetch = (input, init) => {
      if (new URL(String(input)).pathname !== path) return inner(input, init)
      return new Promise((_, reject) => {
        init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason))
        controller.abort(reason)
      })
    }
    const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
    await assert.rejects(registry({ ...manifest('ghcr.io'), signal: controller.signal }), cause => cause === reason)
  }
})

test('createRegistryFetch: one caller leaving does not fail another who waits for the same token', async () => {
  const controller = new AbortController()
  const { fetch: inner } = createTestRegistry(ghcrHabits, [octocat])
  const reached = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const fetch: Fetch = async (input, init) => {
    if (String(input).includes('/token')) {
      reached.resolve()
      await go.promise
      init?.signal?.throwIfAborted()
    }
    return inner(input, init)
  }
  const registry = createRegistryFetch(createWorld(fetch), { credentials: octocatOnly })
  const leaving = registry({ ...manifest('ghcr.io'), signal: controller.signal })
  const staying = registry(manifest('ghcr.io'))
  await reached.promise
  controller.abort(new Error('left'))
  await assert.rejects(leaving, { message: 'left' })
  go.resolve()
  assert.equal((await staying).status, 200)
})
