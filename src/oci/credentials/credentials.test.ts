import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import type { CredentialEffects } from './credential-effects.ts'
import { type Credentials, dockerCredentials, flagCredentials } from './credentials.ts'
import { storeLogin } from './login.ts'

type Helper = (verb: string, input: string) => { exitCode: number; output: string }

/** Files and helpers in memory. */
function createEffects(
  options: {
    files?: Record<string, string>
    helpers?: Record<string, Helper>
    environment?: Record<string, string>
    platform?: string
  } = {},
) {
  const files = new Map(Object.entries(options.files ?? {}))
  const calls: string[] = []
  const effects: CredentialEffects = {
    environment: options.environment ?? { HOME: '/home/u' },
    platform: options.platform ?? 'linux',
    readFile: async path => {
      calls.push(`read ${path}`)
      const text = files.get(path)
      return text === undefined ? undefined : encodeUtf8(text)
    },
    replaceFile: async (path, bytes) => void files.set(path, decodeUtf8(bytes, path)),
    run: async (program, args, input) => {
      calls.push(`${program} ${args.join(' ')} ${decodeUtf8(input, '')}`)
      const helper = options.helpers?.[program]
      if (!helper) throw new CountersignError('CREDENTIALS_UNAVAILABLE', `${program}: no such program on the PATH`)
      const { exitCode, output } = helper(args.join(' '), decodeUtf8(input, ''))
      return { exitCode, output: encodeUtf8(output) }
    },
  }
  return { effects, calls, files }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const basic = (username: string, password: string): Credentials => ({ kind: 'basic', username, password })
const nobody: Credentials = { kind: 'anonymous' }
const config = '/home/u/.docker/config.json'
const keeping =
  (username: string, secret: string): Helper =>
  (_verb, server) => ({ exitCode: 0, output: JSON.stringify({ ServerURL: server, Username: username, Secret: secret }) })
const knowingNothing: Helper = () => ({ exitCode: 1, output: 'credentials not found in native keychain\n' })

for (const { name, document, host, want } of [
  { name: 'user and password', document: { auths: { 'ghcr.io': { auth: base64('u:p') } } }, host: 'ghcr.io', want: basic('u', 'p') },
  {
    name: 'a password with colons, quotes and lines',
    document: { auths: { 'ghcr.io': { auth: base64('_json_key:{"a":\n"b:c"}') } } },
    host: 'ghcr.io',
    want: basic('_json_key', '{"a":\n"b:c"}'),
  },
  {
    name: 'NULs at the end of the password',
    document: { auths: { 'ghcr.io': { auth: base64('u:p\0\0') } } },
    host: 'ghcr.io',
    want: basic('u', 'p'),
  },
  {
    name: 'members of their own',
    document: { auths: { 'ghcr.io': { username: 'u', password: 'p' } } },
    host: 'ghcr.io',
    want: basic('u', 'p'),
  },
  {
    name: 'an identity token before a password',
    document: { auths: { 'a.azurecr.io': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 't' } } },
    host: 'a.azurecr.io',
    want: { kind: 'identity-token', token: 't' },
  },
  {
    name: 'a registry token',
    document: { auths: { 'ghcr.io': { registrytoken: 't' } } },
    host: 'ghcr.io',
    want: { kind: 'registry-token', token: 't' },
  },
  {
    name: 'Docker Hub under its historical name',
    document: { auths: { 'https://index.docker.io/v1/': { auth: base64('u:p') } } },
    host: 'index.docker.io',
    want: basic('u', 'p'),
  },
  {
    name: 'Docker Hub under the name of images',
    document: { auths: { 'docker.io': { auth: base64('u:p') } } },
    host: 'index.docker.io',
    want: basic('u', 'p'),
  },
  {
    name: 'a URL as name',
    document: { auths: { 'https://r.example:5000/v2/': { auth: base64('u:p') } } },
    host: 'r.example:5000',
    want: basic('u', 'p'),
  },
  {
    name: 'the host itself before a URL of it',
    document: { auths: { 'https://r.example': { auth: base64('url:p') }, 'r.example': { auth: base64('host:p') } } },
    host: 'r.example',
    want: basic('host', 'p'),
  },
  { name: 'another port', document: { auths: { 'r.example:5000': { auth: base64('u:p') } } }, host: 'r.example', want: nobody },
  { name: 'the domain above', document: { auths: { 'example.com': { auth: base64('u:p') } } }, host: 'registry.example.com', want: nobody },
  { name: 'a name that ends like it', document: { auths: { 'notghcr.io': { auth: base64('u:p') } } }, host: 'ghcr.io', want: nobody },
  { name: 'the name of a member every object has', document: { auths: {} }, host: 'constructor', want: nobody },
  { name: 'an empty entry', document: { auths: { 'ghcr.io': {} } }, host: 'ghcr.io', want: nobody },
  { name: 'no entries', document: { auths: null }, host: 'ghcr.io', want: nobody },
  {
    name: 'a broken entry of another host',
    document: { auths: { 'a.example': 7, 'ghcr.io': { auth: base64('u:p') } } },
    host: 'ghcr.io',
    want: basic('u', 'p'),
  },
] as { name: string; document: object; host: string; want: Credentials }[])
  test(`dockerCredentials: ${name}`, async () => {
    const { effects } = createEffects({ files: { [config]: JSON.stringify(document) } })
    assert.deepEqual(await dockerCredentials(effects)(host), want)
  })

const file = (user: string): string => JSON.stringify({ auths: { 'ghcr.io': { auth: base64(`${user}:p`) } } })
const everywhere = {
  '/d/config.json': file('docker-config'),
  [config]: file('home'),
  '/r/auth': file('registry-auth-file'),
  '/run/u/containers/auth.json': file('runtime'),
}
for (const { environment, want } of [
  {
    environment: { DOCKER_CONFIG: '/d', HOME: '/home/u', REGISTRY_AUTH_FILE: '/r/auth', XDG_RUNTIME_DIR: '/run/u' },
    want: 'docker-config',
  },
  { environment: { HOME: '/home/u', REGISTRY_AUTH_FILE: '/r/auth', XDG_RUNTIME_DIR: '/run/u' }, want: 'home' },
  { environment: { USERPROFILE: '/home/u' }, want: 'home' },
  {
    environment: { DOCKER_CONFIG: '/nowhere', HOME: '/home/u', REGISTRY_AUTH_FILE: '/r/auth', XDG_RUNTIME_DIR: '/run/u' },
    want: 'registry-auth-file',
  },
  { environment: { HOME: '/nowhere', XDG_RUNTIME_DIR: '/run/u' }, want: 'runtime' },
  { environment: { HOME: '/nowhere' }, want: undefined },
  { environment: {}, want: undefined },
] as { environment: Record<string, string>; want: string | undefined }[])
  test(`dockerCredentials: with ${Object.keys(environment).join(', ') || 'no variables'}, the file is ${want}`, async () => {
    const { effects } = createEffects({ files: everywhere, environment })
    assert.deepEqual(await dockerCredentials(effects)('ghcr.io'), want === undefined ? nobody : basic(want, 'p'))
  })

for (const { name, document, helpers, host, want, calls } of [
  {
    name: 'the general one',
    document: { credsStore: 'desktop' },
    helpers: { 'docker-credential-desktop': keeping('u', 's') },
    want: basic('u', 's'),
    calls: ['docker-credential-desktop get ghcr.io'],
  },
  {
    name: 'the host’s own before the general one',
    document: { credsStore: 'desktop', credHelpers: { 'ghcr.io': 'gh' } },
    helpers: { 'docker-credential-gh': keeping('u', 's') },
    want: basic('u', 's'),
    calls: ['docker-credential-gh get ghcr.io'],
  },
  { name: 'not another host’s own', document: { credHelpers: { 'gcr.io': 'gcloud' } }, helpers: {}, want: nobody, calls: [] },
  {
    name: 'for Docker Hub by its historical name',
    document: { credsStore: 'x' },
    helpers: { 'docker-credential-x': keeping('u', 's') },
    host: 'index.docker.io',
    want: basic('u', 's'),
    calls: ['docker-credential-x get https://index.docker.io/v1/'],
  },
  {
    name: 'an identity token',
    document: { credsStore: 'x' },
    helpers: { 'docker-credential-x': keeping('<token>', 's') },
    want: { kind: 'identity-token', token: 's' },
    calls: ['docker-credential-x get ghcr.io'],
  },
  {
    name: 'nothing kept, then the file',
    document: { credsStore: 'x', auths: { 'ghcr.io': { auth: base64('u:p') } } },
    helpers: { 'docker-credential-x': knowingNothing },
    want: basic('u', 'p'),
    calls: ['docker-credential-x get ghcr.io'],
  },
  {
    name: 'nothing kept anywhere',
    document: { credsStore: 'x', auths: { 'ghcr.io': {} } },
    helpers: { 'docker-credential-x': knowingNothing },
    want: nobody,
    calls: ['docker-credential-x get ghcr.io'],
  },
] as { name: string; document: object; helpers: Record<string, Helper>; host?: string; want: Credentials; calls: string[] }[])
  test(`dockerCredentials: helper, ${name}`, async () => {
    const { effects, calls: made } = createEffects({ files: { [config]: JSON.stringify(document) }, helpers })
    assert.deepEqual(await dockerCredentials(effects)(host ?? 'ghcr.io'), want)
    assert.deepEqual(made.slice(1), calls)
  })

test('dockerCredentials: helpers are .exe files on Windows', async () => {
  const { effects } = createEffects({
    files: { [config]: '{"credsStore":"wincred"}' },
    helpers: { 'docker-credential-wincred.exe': keeping('u', 's') },
    platform: 'win32',
  })
  assert.deepEqual(await dockerCredentials(effects)('ghcr.io'), basic('u', 's'))
})

test('dockerCredentials: file and helper are asked once per host, and again after a failure', async () => {
  let failing = true
  const helper: Helper = (verb, input) => (failing ? { exitCode: 2, output: 'locked' } : keeping('u', 's')(verb, input))
  const { effects, calls } = createEffects({ files: { [config]: '{"credsStore":"x"}' }, helpers: { 'docker-credential-x': helper } })
  const source = dockerCredentials(effects)
  await assert.rejects(source('ghcr.io'), {
    code: 'CREDENTIALS_UNAVAILABLE',
    message: 'docker-credential-x: get for "ghcr.io": failed with status 2: "locked"',
  })
  failing = false
  await Promise.all([source('ghcr.io'), source('ghcr.io')])
  await source('ghcr.io')
  assert.deepEqual(calls, [`read ${config}`, 'docker-credential-x get ghcr.io', 'docker-credential-x get ghcr.io'])
})

for (const { name, text, helper, code, message } of [
  {
    name: 'no JSON',
    text: 'hunter2 {',
    code: 'CREDENTIALS_MALFORMED',
    message: '"/home/u/.docker/config.json": want a JSON object with every member named once',
  },
  { name: 'a list', text: '["hunter2"]', code: 'CREDENTIALS_MALFORMED', message: /want a JSON object/ },
  {
    name: 'a host twice',
    text: `{"auths":{"ghcr.io":{"auth":"${base64('u:hunter2')}"},"ghcr.io":{}}}`,
    code: 'CREDENTIALS_MALFORMED',
    message: /every member named once/,
  },
  { name: 'auths that are text', text: '{"auths":"hunter2"}', code: 'CREDENTIALS_MALFORMED', message: /: auths: want an object/ },
  {
    name: 'an auth that is no base64',
    text: '{"auths":{"ghcr.io":{"auth":"hunter2!"}}}',
    code: 'CREDENTIALS_MALFORMED',
    message: /: auths\["ghcr.io"\].auth: want base64/,
  },
  {
    name: 'an auth without a colon',
    text: `{"auths":{"ghcr.io":{"auth":"${base64('hunter2')}"}}}`,
    code: 'CREDENTIALS_MALFORMED',
    message: /with a colon between/,
  },
  {
    name: 'an auth that is a number',
    text: '{"auths":{"ghcr.io":{"auth":7}}}',
    code: 'CREDENTIALS_MALFORMED',
    message: /auth: want a string/,
  },
  {
    name: 'a helper with a path',
    text: '{"credsStore":"../../tmp/hunter3"}',
    code: 'CREDENTIALS_MALFORMED',
    message: /credential helper: want a name of letters/,
  },
  {
    name: 'a helper with arguments',
    text: '{"credHelpers":{"ghcr.io":"x; rm -rf /"}}',
    code: 'CREDENTIALS_MALFORMED',
    message: /credential helper: want a name/,
  },
  { name: 'a helper that is a number', text: '{"credsStore":7}', code: 'CREDENTIALS_MALFORMED', message: /credsStore: want a string/ },
  {
    name: 'a helper that is missing',
    text: '{"credsStore":"gone"}',
    code: 'CREDENTIALS_UNAVAILABLE',
    message: 'docker-credential-gone: no such program on the PATH',
  },
  {
    name: 'a helper that answers no JSON',
    text: '{"credsStore":"x"}',
    helper: () => ({ exitCode: 0, output: 'hunter2' }),
    code: 'CREDENTIALS_MALFORMED',
    message: /docker-credential-x: want JSON with Username and Secret, got 7 bytes without/,
  },
  {
    name: 'a helper that answers half',
    text: '{"credsStore":"x"}',
    helper: () => ({ exitCode: 0, output: '{"Secret":"hunter2"}' }),
    code: 'CREDENTIALS_MALFORMED',
    message: /Username and Secret/,
  },
] as { name: string; text: string; helper?: Helper; code: string; message: string | RegExp }[])
  test(`dockerCredentials: ${name} is refused and not shown`, async () => {
    const { effects } = createEffects({ files: { [config]: text }, ...(helper && { helpers: { 'docker-credential-x': helper } }) })
    await assert.rejects(dockerCredentials(effects)('ghcr.io'), (error: CountersignError) => {
      assert.equal(error.code, code)
      if (typeof message === 'string') assert.equal(error.message, message)
      else assert.match(error.message, message)
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
        assert.ok(!cause.message.includes('hunter2'), cause.message)
      return true
    })
  })

test('flagCredentials: user and password, then token, then what is stored; only for the hosts meant', async () => {
  const stored = async (): Promise<Credentials> => basic('stored', 'p')
  const choose = (flags: Parameters<typeof flagCredentials>[0], host = 'a.example') =>
    flagCredentials(flags, asked => asked === 'a.example', stored)(host)
  assert.deepEqual(await choose({ username: 'u', password: 'p', token: 't' }), basic('u', 'p'))
  assert.deepEqual(await choose({ token: 't' }), { kind: 'registry-token', token: 't' })
  assert.deepEqual(await choose({ username: 'u', password: '' }), basic('stored', 'p'))
  assert.deepEqual(await choose({}), basic('stored', 'p'))
  assert.deepEqual(await choose({ username: 'u', password: 'p', token: 't' }, 'b.example'), basic('stored', 'p'))
})

test('storeLogin: writes what dockerCredentials reads, and keeps all else', async () => {
  const before = {
    credHelpers: { 'gcr.io': 'gcloud' },
    auths: { 'a.example': { auth: base64('a:a'), email: 'x' } },
    HttpHeaders: { 'User-Agent': 'docker' },
    detachKeys: 'ctrl-e,e',
  }
  const { effects, files } = createEffects({ files: { [config]: JSON.stringify(before) } })
  assert.equal(await storeLogin(effects, { server: 'ghcr.io', username: 'u', password: 'p:"\n' }), config)
  assert.deepEqual(JSON.parse(files.get(config)!), { ...before, auths: { ...before.auths, 'ghcr.io': { auth: base64('u:p:"\n') } } })
  assert.deepEqual(await dockerCredentials(effects)('ghcr.io'), basic('u', 'p:"\n'))
  assert.deepEqual(await dockerCredentials(effects)('a.example'), basic('a', 'a'))
})

for (const { server, key } of [
  { server: 'localhost:5000', key: 'localhost:5000' },
  { server: 'GHCR.io', key: 'ghcr.io' },
  { server: 'docker.io', key: 'https://index.docker.io/v1/' },
  { server: 'index.docker.io', key: 'https://index.docker.io/v1/' },
  { server: 'https://index.docker.io/v1/', key: 'https://index.docker.io/v1/' },
  { server: 'https://r.example:5000/', key: 'r.example:5000' },
  { server: '[::1]:5000', key: '[::1]:5000' },
])
  test(`storeLogin: ${server} is kept as ${key}, in a new file`, async () => {
    const { effects, files } = createEffects({ environment: { DOCKER_CONFIG: '/d' } })
    assert.equal(await storeLogin(effects, { server, username: 'u', password: 'p' }), '/d/config.json')
    assert.equal(files.get('/d/config.json'), `{\n\t"auths": {\n\t\t"${key}": {\n\t\t\t"auth": "dTpw"\n\t\t}\n\t}\n}\n`)
  })

test('storeLogin: a helper gets the password, the file does not', async () => {
  const { effects, files, calls } = createEffects({
    files: { [config]: '{"credsStore":"x"}' },
    helpers: { 'docker-credential-x': () => ({ exitCode: 0, output: '' }) },
  })
  await storeLogin(effects, { server: 'docker.io', username: 'u', password: 'hunter2' })
  assert.deepEqual(JSON.parse(files.get(config)!), { credsStore: 'x', auths: { 'https://index.docker.io/v1/': {} } })
  assert.equal(calls.at(-1), 'docker-credential-x store {"ServerURL":"https://index.docker.io/v1/","Username":"u","Secret":"hunter2"}')
})

for (const { name, login, files, environment, helper, code, message } of [
  { name: 'no server', login: { server: '' }, code: 'USAGE', message: /want a registry host such as ghcr.io or localhost:5000, got ""/ },
  { name: 'a server with a path', login: { server: 'ghcr.io/team' }, code: 'USAGE', message: /want a registry host/ },
  { name: 'a server with user information', login: { server: 'u@ghcr.io' }, code: 'USAGE', message: /want a registry host/ },
  { name: 'no user name', login: { username: '' }, code: 'USAGE', message: /user name that is not empty/ },
  { name: 'a user name with a colon', login: { username: 'a:b' }, code: 'USAGE', message: /no colon/ },
  { name: 'no home', environment: {}, code: 'USAGE', message: /want HOME or DOCKER_CONFIG/ },
  { name: 'a file that is no JSON', files: { [config]: '{"auths":' }, code: 'CREDENTIALS_MALFORMED', message: /want a JSON object/ },
  { name: 'auths that are a list', files: { [config]: '{"auths":[]}' }, code: 'CREDENTIALS_MALFORMED', message: /auths: want an object/ },
  {
    name: 'a helper that fails',
    files: { [config]: '{"credsStore":"x"}' },
    helper: () => ({ exitCode: 1, output: 'locked' }),
    code: 'CREDENTIALS_UNAVAILABLE',
    message: /store for "ghcr.io": failed with status 1: "locked"/,
  },
  {
    name: 'a helper that repeats the password',
    files: { [config]: '{"credsStore":"x"}' },
    helper: () => ({ exitCode: 1, output: 'bad hunter2' }),
    code: 'CREDENTIALS_UNAVAILABLE',
    message: /failed with status 1$/,
  },
] as {
  name: string
  login?: object
  files?: Record<string, string>
  environment?: Record<string, string>
  helper?: Helper
  code: string
  message: RegExp
}[])
  test(`storeLogin: ${name} is refused, and the file stays`, async () => {
    const { effects, files: after } = createEffects({
      files: files ?? {},
      ...(environment && { environment }),
      ...(helper && { helpers: { 'docker-credential-x': helper } }),
    })
    const before = [...after]
    await assert.rejects(
      storeLogin(effects, { server: 'ghcr.io', username: 'u', password: 'hunter2', ...login }),
      (error: CountersignError) => {
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /hunter2/)
        return error.code === code
      },
    )
    assert.deepEqual([...after], before)
  })
