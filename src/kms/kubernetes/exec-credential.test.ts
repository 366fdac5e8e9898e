import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { filesOf, providerEffects } from '../../testing/kms/provider-effects.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { readClusterSettings } from './cluster-settings.ts'

const v1 = 'client.authentication.k8s.io/v1'
const credential = (status: unknown, apiVersion = v1) => JSON.stringify({ apiVersion, kind: 'ExecCredential', status })

/** What a program that a kubeconfig names is run with, and what becomes of what it says. */
async function ask(exec: object, says = credential({ token: 't0ken' }), exitCode: number | null = 0, extensions: readonly object[] = []) {
  const config = {
    'current-context': 'prod',
    contexts: [{ name: 'prod', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://cluster.test', extensions } }],
    users: [{ name: 'u', user: { exec } }],
  }
  const runs: Parameters<ProviderEffects['runProgram']>[] = []
  const effects = providerEffects(async () => new Response(), {
    ...filesOf({ '/home/ann/.kube/config': JSON.stringify(config) }),
    environment: new Map([['HOME', '/home/ann']]),
    runProgram: async (...call) => {
      runs.push(call)
      return { exitCode, output: encodeUtf8(says) }
    },
  })
  const { token } = await readClusterSettings(effects)
  const [[program, args, input, limits]] = runs as [Parameters<ProviderEffects['runProgram']>]
  const { KUBERNETES_EXEC_INFO: info, ...environment } = limits.environment!
  return { token, runs: runs.length, program, args, input, environment, info: JSON.parse(info!) as object }
}

test('the program of a kubeconfig gives the token; it gets arguments, variables, no standard input, and is told that nobody is there', async () => {
  const env = [{ name: 'PROFILE', value: 'prod' }]
  const asked = await ask({
    apiVersion: v1,
    interactiveMode: 'Never',
    command: 'aws',
    args: ['eks', 'get-token'],
    env,
    installHint: 'get it',
  })
  assert.deepEqual(asked, {
    token: 't0ken',
    runs: 1,
    program: 'aws',
    args: ['eks', 'get-token'],
    input: new Uint8Array(),
    environment: { PROFILE: 'prod' },
    info: { apiVersion: v1, kind: 'ExecCredential', spec: { interactive: false } },
  })
})

test('a program that asks for it is told of the cluster, with what the kubeconfig has for it', async () => {
  const extensions = [
    { name: 'minikube', extension: { a: 1 } },
    { name: 'client.authentication.k8s.io/exec', extension: { audience: 'x' } },
  ]
  const { info } = await ask(
    { apiVersion: v1, interactiveMode: 'IfAvailable', command: 'gke', provideClusterInfo: true },
    undefined,
    0,
    extensions,
  )
  assert.deepEqual(info, {
    apiVersion: v1,
    kind: 'ExecCredential',
    spec: { interactive: false, cluster: { server: 'https://cluster.test', config: { audience: 'x' } } },
  })
})

for (const [command, program] of [
  ['./bin/login', '/home/ann/.kube/bin/login'],
  ['/usr/bin/login', '/usr/bin/login'],
  ['login', 'login'],
])
  test(`the program ${command} is ${program}`, async () => {
    assert.equal((await ask({ apiVersion: v1, command })).program, program)
  })

test('the older version of the interface', async () => {
  const apiVersion = 'client.authentication.k8s.io/v1beta1'
  assert.equal(
    (await ask({ apiVersion, command: 'a' }, credential({ token: 't', expirationTimestamp: '2026-01-01T00:00:00Z' }, apiVersion))).token,
    't',
  )
})

for (const { name, exec = { apiVersion: v1, command: 'a' }, says, exitCode, code, message } of [
  { name: 'no version', exec: { command: 'a' }, code: 'CONFIGURATION_MALFORMED', message: /exec\.apiVersion: want a string/ },
  {
    name: 'a version that is gone',
    exec: { apiVersion: 'client.authentication.k8s.io/v1alpha1', command: 'a' },
    code: 'CONFIGURATION_MALFORMED',
    message: /apiVersion: want .*v1 or .*v1beta1, got/,
  },
  { name: 'no program', exec: { apiVersion: v1, command: '' }, code: 'CONFIGURATION_MALFORMED', message: /command: want a program/ },
  {
    name: 'a member that we do not know',
    exec: { apiVersion: v1, command: 'a', shell: true },
    code: 'CONFIGURATION_MALFORMED',
    message: /unknown member "shell"/,
  },
  {
    name: 'one that must ask somebody',
    exec: { apiVersion: v1, command: 'a', interactiveMode: 'Always' },
    code: 'CAPABILITY_MISSING',
    message: /programs that must ask on the terminal are not run/,
  },
  {
    name: 'a mode that is none',
    exec: { apiVersion: v1, command: 'a', interactiveMode: 'never' },
    code: 'CONFIGURATION_MALFORMED',
    message: /interactiveMode: want Never, IfAvailable or Always, got "never"/,
  },
  {
    name: 'provideClusterInfo that is text',
    exec: { apiVersion: v1, command: 'a', provideClusterInfo: 'true' },
    code: 'CONFIGURATION_MALFORMED',
    message: /provideClusterInfo: want true or false/,
  },
  { name: 'one that fails', exitCode: 1, says: 's3cret', code: 'CREDENTIALS_UNAVAILABLE', message: /want exit status 0, got 1$/ },
  { name: 'one that is killed', exitCode: null, says: '', code: 'CREDENTIALS_UNAVAILABLE', message: /got a signal$/ },
  { name: 'no JSON', says: 's3cret', code: 'CREDENTIALS_MALFORMED', message: /program "a": want a JSON object, got something else$/ },
  {
    name: 'another version than the one asked for',
    says: credential({ token: 's3cret' }, 'client.authentication.k8s.io/v1beta1'),
    code: 'CREDENTIALS_MALFORMED',
    message: /want an ExecCredential of .*v1, got something else$/,
  },
  { name: 'no status', says: credential(undefined), code: 'CREDENTIALS_MALFORMED', message: /status: want an object/ },
  { name: 'nothing in it', says: credential({}), code: 'CREDENTIALS_MALFORMED', message: /want a token or a client certificate, got none/ },
  {
    name: 'a certificate without its key',
    says: credential({ clientCertificateData: 's3cret' }),
    code: 'CREDENTIALS_MALFORMED',
    message: /^(?!.*s3cret).*got one alone/,
  },
  {
    name: 'a token that is a number',
    says: credential({ token: 31337 }),
    code: 'CREDENTIALS_MALFORMED',
    message: /^(?!.*31337).*status\.token: want text/,
  },
  { name: 'a token of two lines', says: credential({ token: 's3\ncret' }), code: 'CREDENTIALS_MALFORMED', message: /no header can hold/ },
  {
    name: 'a member of it that we do not know',
    says: credential({ token: 's3cret', expires: 'never' }),
    code: 'CREDENTIALS_MALFORMED',
    message: /^(?!.*s3cret).*unknown member "expires"/,
  },
] as readonly { name: string; exec?: object; says?: string; exitCode?: number | null; code: string; message: RegExp }[])
  test(`a program for credentials is refused: ${name}`, async () => {
    await assert.rejects(ask(exec, says, exitCode), { name: 'CountersignError', code, message })
  })
