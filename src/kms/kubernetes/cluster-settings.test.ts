import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { TransportOptions } from '../../oci/transport.ts'
import { filesOf, providerEffects } from '../../testing/kms/provider-effects.ts'
import { type ClusterSettings, readClusterSettings } from './cluster-settings.ts'

const pem = (name: string) => readFileSync(join(import.meta.dirname, '../../../test/vectors/tls', name), 'utf8')
const [ca, cert, key] = [pem('ca.pem'), pem('client.pem'), pem('client.key')]
const base64 = (text: string) => encodeBase64(encodeUtf8(text))
const server = 'https://cluster.test:6443'

type Config = { readonly cluster?: object; readonly user?: object; readonly members?: object }

function kubeconfig({ cluster = {}, user = { token: 't0ken' }, members = {} }: Config = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'prod',
    contexts: [{ name: 'prod', context: { cluster: 'c', user: 'u', namespace: 'unused' } }],
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    ...members,
  })
}

/** What a machine with these files comes to, and how connections are made there. */
async function read(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = { HOME: '/home/ann' },
): Promise<{ readonly settings: ClusterSettings; readonly connected: Omit<TransportOptions, 'environment'> | undefined }> {
  let connected: Omit<TransportOptions, 'environment'> | undefined
  const fetch = async () => new Response()
  const settings = await readClusterSettings(
    providerEffects(fetch, {
      ...filesOf(files),
      environment: new Map(Object.entries(environment)),
      connect: options => {
        connected = options
        return fetch
      },
    }),
  )
  return { settings, connected }
}

const inHome = (text: string) => ({ '/home/ann/.kube/config': text })

for (const { name, config, files = {}, token, connected } of [
  { name: 'a token, over the system’s authorities', config: {}, token: 't0ken', connected: undefined },
  { name: 'nobody in particular', config: { user: {} }, token: undefined, connected: undefined },
  {
    name: 'its own authority, which stands alone',
    config: { cluster: { 'certificate-authority-data': base64(ca) } },
    token: 't0ken',
    connected: { onlyCa: ca },
  },
  {
    name: 'an authority in a file beside the kubeconfig',
    config: { cluster: { 'certificate-authority': 'pki/ca.pem' } },
    files: { '/home/ann/.kube/pki/ca.pem': ca },
    token: 't0ken',
    connected: { onlyCa: ca },
  },
  {
    name: 'an authority in the kubeconfig before one in a file',
    config: { cluster: { 'certificate-authority-data': base64(ca), 'certificate-authority': 'other.pem' } },
    token: 't0ken',
    connected: { onlyCa: ca },
  },
  {
    name: 'another name of the server',
    config: { cluster: { 'tls-server-name': 'kubernetes.default' } },
    token: 't0ken',
    connected: { serverName: 'kubernetes.default' },
  },
  {
    name: 'a client certificate',
    config: { user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } },
    token: undefined,
    connected: { clientCertificate: { cert, key } },
  },
  {
    name: 'a client certificate in files',
    config: { user: { 'client-certificate': '/pki/a.pem', 'client-key': 'a.key' } },
    files: { '/pki/a.pem': cert, '/home/ann/.kube/a.key': key },
    token: undefined,
    connected: { clientCertificate: { cert, key } },
  },
  {
    name: 'a token in a file before the one beside it',
    config: { user: { token: 'older', tokenFile: 'token' } },
    files: { '/home/ann/.kube/token': 'from-file\n' },
    token: 'from-file',
    connected: undefined,
  },
  {
    name: 'what belongs to other programs is passed over',
    config: {
      cluster: {
        'disable-compression': true,
        'insecure-skip-tls-verify': false,
        extensions: [{ name: 'cluster_info', extension: { a: 1 } }],
      },
      user: { token: 't0ken', extensions: [] },
      members: { preferences: {}, extensions: [] },
    },
    token: 't0ken',
    connected: undefined,
  },
] as readonly { name: string; config: Config; files?: Record<string, string>; token: string | undefined; connected: object | undefined }[])
  test(`readClusterSettings: ${name}`, async () => {
    const found = await read({ ...inHome(kubeconfig(config)), ...files })
    assert.equal(found.settings.address.href, `${server}/`)
    assert.equal(found.settings.from, 'context "prod"')
    assert.equal(found.settings.token, token)
    assert.deepEqual(found.connected, connected)
  })

for (const { name, config, text, files = {}, code, message } of [
  {
    name: 'insecure-skip-tls-verify',
    config: { cluster: { 'insecure-skip-tls-verify': true } },
    code: 'CAPABILITY_MISSING',
    message: /^kubeconfig ".*": clusters\["c"\]: insecure-skip-tls-verify is not followed/,
  },
  { name: 'proxy-url', config: { cluster: { 'proxy-url': 'http://proxy' } }, code: 'CAPABILITY_MISSING', message: /HTTPS_PROXY$/ },
  {
    name: 'a member of a cluster that we do not know',
    config: { cluster: { servers: [] } },
    message: /clusters\["c"\]: unknown member "servers"/,
  },
  { name: 'http', config: { cluster: { server: 'http://cluster.test' } }, message: /want https, for the key would be sent in the clear/ },
  { name: 'no server', config: { cluster: { server: '' } }, message: /server: want an https:\/\/ URL .*, got "no URL"/ },
  { name: 'a password in the URL', config: { cluster: { server: 'https://a:s3cret@b' } }, message: /^(?!.*s3cret).*without user name/ },
  {
    name: 'an authority that is no base64',
    config: { cluster: { 'certificate-authority-data': ca } },
    message: /authority-data: want .*base64/,
  },
  {
    name: 'an authority that is a key',
    config: { cluster: { 'certificate-authority-data': base64(key) } },
    code: 'PEM_MALFORMED',
    message: /want only certificates/,
  },
  ...['as', 'as-uid', 'as-groups', 'as-user-extra', 'username', 'password', 'auth-provider'].map(member => ({
    name: member,
    config: { user: { token: 't0ken', [member]: 's3cret' } },
    code: 'CAPABILITY_MISSING',
    message: new RegExp(`^(?!.*s3cret).*users\\["u"\\]: ${member} is not followed: `),
  })),
  {
    name: 'a member of a user that we do not know',
    config: { user: { tokens: 's3cret' } },
    message: /^(?!.*s3cret).*unknown member "tokens"/,
  },
  { name: 'a token that is a number', config: { user: { token: 1234 } }, message: /^(?!.*1234).*users\["u"\]\.token: want text/ },
  {
    name: 'a token of two lines',
    config: { user: { token: 's3\ncret' } },
    code: 'CREDENTIALS_MALFORMED',
    message: /want a token, got text that no header can hold/,
  },
  {
    name: 'a certificate without its key',
    config: { user: { 'client-certificate-data': base64(cert) } },
    message: /want client-certificate and client-key, got one alone/,
  },
  {
    name: 'a token and a program',
    config: { user: { token: 't0ken', exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'a' } } },
    message: /want exec or token, got both/,
  },
  { name: 'a file of a token that is not there', config: { user: { tokenFile: 'gone' } }, code: 'FILE_UNREADABLE', message: /gone/ },
  {
    name: 'no current-context',
    config: { members: { 'current-context': '' } },
    code: 'USAGE',
    message: /want a current-context, got none/,
  },
  {
    name: 'a context that is not there',
    config: { members: { 'current-context': 'other' } },
    code: 'USAGE',
    message: /contexts: want "other", got no such entry/,
  },
  {
    name: 'a cluster that is not there',
    config: { members: { clusters: [] } },
    code: 'USAGE',
    message: /clusters: want "c", got no such entry/,
  },
  { name: 'a user that is not there', config: { members: { users: null } }, code: 'USAGE', message: /users: want "u", got no such entry/ },
  { name: 'a member that we do not know', config: { members: { context: [] } }, message: /unknown member "context"/ },
  { name: 'another version', config: { members: { apiVersion: 'v2' } }, message: /apiVersion: want v1, got "v2"/ },
  { name: 'another kind', config: { members: { kind: 'Pod' } }, message: /kind: want Config, got "Pod"/ },
  {
    name: 'an entry twice',
    config: { members: { users: [{ name: 'u' }, { name: 'u' }] } },
    message: /users\["u"\]: want each name once, got it again/,
  },
  { name: 'a key twice', text: 'kind: Config\nkind: Config\n', message: /^kubeconfig ".*": line 2: want each key once/ },
  { name: 'two documents', text: 'kind: Config\n---\nkind: Config\n', message: /want one document, got 2/ },
  { name: 'no YAML', text: 'a: [', message: /^kubeconfig "[^"]*": line/ },
  { name: 'text alone', text: 'hello', message: /want an object, got/ },
  {
    name: 'aliases that stand for billions of values',
    text: ['a: &a [1,1,1,1,1,1,1,1]', ...'bcdefgh'.split('').map((to, at) => `${to}: &${to} [${Array(8).fill(`*${'abcdefg'[at]}`)}]`)].join(
      '\n',
    ),
    code: 'LIMIT_EXCEEDED',
    message: /want at most 200000 values/,
  },
  {
    name: 'no file and no pod',
    files: {},
    text: undefined,
    code: 'USAGE',
    message: /want a cluster in ~\/\.kube\/config .* or to be in a pod, got none/,
  },
] as readonly { name: string; config?: Config; text?: string; files?: Record<string, string>; code?: string; message: RegExp }[])
  test(`readClusterSettings refuses ${name}`, async () => {
    const written = config ? kubeconfig(config) : text
    const reading = read({ ...(written === undefined ? {} : inHome(written)), ...files })
    await assert.rejects(reading, { name: 'CountersignError', code: code ?? 'CONFIGURATION_MALFORMED', message })
  })

test('plain http is for this machine alone: what kubectl proxy serves', async () => {
  const { settings, connected } = await read(inHome(kubeconfig({ cluster: { server: 'http://127.0.0.1:8001' }, user: {} })))
  assert.deepEqual([settings.address.href, settings.token, connected], ['http://127.0.0.1:8001/', undefined, undefined])
})

test('kubeconfig files are merged as kubectl merges them: the first that names a thing counts, and files may be missing', async () => {
  const first =
    'current-context: prod\ncontexts:\n- {name: prod, context: {cluster: c, user: u}}\nusers:\n- {name: u, user: {token: first}}\n'
  const files = {
    '/a': first,
    'sub/b': kubeconfig({ user: { token: 'second' }, cluster: { 'certificate-authority': 'ca.pem' } }),
    'sub/ca.pem': ca,
  }
  const { settings, connected } = await read(files, { HOME: '/home/ann', KUBECONFIG: ':/gone:/a:sub/b:/a' })
  assert.equal(settings.token, 'first')
  assert.equal(settings.address.href, `${server}/`)
  assert.deepEqual(connected, { onlyCa: ca }) // from beside the file that names it
})

test('KUBECONFIG stands for all files there are: one that leads to none is refused, and home is not looked at', async () => {
  await assert.rejects(read(inHome(kubeconfig()), { HOME: '/home/ann', KUBECONFIG: '/gone:/gone-too' }), {
    code: 'USAGE',
    message: /^KUBECONFIG: want a file that is there, got "\/gone:\/gone-too"$/,
  })
  const many = Array.from({ length: 101 }, (_, at) => `/${at}`).join(':')
  await assert.rejects(read({}, { KUBECONFIG: many }), { code: 'LIMIT_EXCEEDED', message: /want at most 100 files, got 101/ })
})

const account = '/var/run/secrets/kubernetes.io/serviceaccount'
const inPod = { [`${account}/token`]: 'pod-t0ken', [`${account}/ca.crt`]: ca }

for (const [host, href] of [
  ['10.0.0.1', 'https://10.0.0.1/'],
  ['fd00::1', 'https://[fd00::1]/'],
])
  test(`in a pod its service account is used, over TLS by the authority of the cluster alone: ${host}`, async () => {
    const { settings, connected } = await read(inPod, { KUBERNETES_SERVICE_HOST: host!, KUBERNETES_SERVICE_PORT: '443' })
    assert.equal(settings.address.href, href)
    assert.equal(settings.token, 'pod-t0ken')
    assert.equal(settings.from, 'the service account of this pod')
    assert.deepEqual(connected, { onlyCa: ca })
  })

test('in a pod a kubeconfig goes before the service account', async () => {
  const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443', HOME: '/home/ann' }
  assert.equal((await read({ ...inPod, ...inHome(kubeconfig()) }, pod)).settings.token, 't0ken')
})

for (const { name, environment, files, code, message } of [
  {
    name: 'a host that is none',
    environment: { KUBERNETES_SERVICE_HOST: 'a/b', KUBERNETES_SERVICE_PORT: '443' },
    files: inPod,
    code: 'USAGE',
    message: /want a host and a port, got "a\/b" and "443"/,
  },
  {
    name: 'a port that is none',
    environment: { KUBERNETES_SERVICE_HOST: 'a', KUBERNETES_SERVICE_PORT: '443@b' },
    files: inPod,
    code: 'USAGE',
    message: /want a host and a port/,
  },
  {
    name: 'no token',
    environment: { KUBERNETES_SERVICE_HOST: 'a', KUBERNETES_SERVICE_PORT: '443' },
    files: { [`${account}/ca.crt`]: ca },
    code: 'FILE_UNREADABLE',
    message: /token/,
  },
  {
    name: 'no authority in its file',
    environment: { KUBERNETES_SERVICE_HOST: 'a', KUBERNETES_SERVICE_PORT: '443' },
    files: { ...inPod, [`${account}/ca.crt`]: '' },
    code: 'PEM_MALFORMED',
    message: /want PEM certificates, got none/,
  },
] as const)
  test(`in a pod is refused: ${name}`, async () => {
    await assert.rejects(read(files, environment), { name: 'CountersignError', code, message })
  })
