import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Command, countersign, type Ended, run, tool } from '../peers/harness/command.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'
import { type Server, startOwnRegistry } from '../peers/harness/server.ts'
import { type ApiServer, clusterTokens, startApiServer } from './harness/api-server.ts'

// Key pairs in Secrets of a real API server: cosign 3.1.1 and countersign each use what the other has made there, and rights of the cluster hold.

const namespace = 'signing'
const withoutLog = ['--tlog-upload=false', '--use-signing-config=false', '--yes']
const withoutLogs = ['--insecure-ignore-tlog']

let [place, cluster, registry]: [Place, ApiServer, Server] = [] as never
before(async () => {
  place = createPlace()
  registry = await startOwnRegistry(place)
  cluster = await startApiServer(place)
  await cluster.mustKubectl(['create', 'namespace', namespace])
  await cluster.mustKubectl(['-n', namespace, 'create', 'role', 'verifiers', '--verb=get', '--resource=secrets'])
  await cluster.mustKubectl(['-n', namespace, 'create', 'rolebinding', 'verifiers', '--role=verifiers', '--user=bob'])
})
after(async () => {
  await cluster.stop()
  await registry.stop()
  place.remove()
})

type Asked = { readonly kubeconfig?: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string }

const ask = (command: Command, args: readonly string[], { kubeconfig = cluster.kubeconfig, env = {}, input = '' }: Asked = {}) =>
  run(place, command, args, { env: { KUBECONFIG: kubeconfig, ...env }, input })

async function good(command: Command, args: readonly string[], asked?: Asked): Promise<Ended> {
  const ended = await ask(command, args, asked)
  assert.equal(ended.code, 0, `${[...command, ...args].join(' ')}\n${ended.stdout}${ended.stderr}`)
  return ended
}

async function refused(args: readonly string[], message: RegExp, asked?: Asked): Promise<Ended> {
  const ended = await ask(countersign(), args, asked)
  assert.notEqual(ended.code, 0, ended.stdout)
  assert.match(ended.stderr, message)
  for (const secret of [...Object.values(clusterTokens), 'BEGIN ENCRYPTED']) assert.ok(!ended.stderr.includes(secret), ended.stderr)
  return ended
}

/** Files `NAME.pub` of ours; cosign leaves the prefix out where the pair is in a cluster. */
const generateArgs = (name: string, within = namespace) => ['generate-key-pair', '--output-key-prefix', name, `k8s://${within}/${name}`]
const generate = (client: Command, name: string, asked?: Asked) => good(client, generateArgs(name), asked)
const secretOf = async (name: string) => JSON.parse(await cluster.mustKubectl(['-n', namespace, 'get', 'secret', name, '-o', 'json']))
const textIn = (data: Readonly<Record<string, string>>, member: string) => Buffer.from(data[member] ?? '', 'base64').toString('utf8')

function file(name: string): string {
  writeFileSync(place.path(name), name)
  return name
}

async function image(name: string): Promise<string> {
  const { stdout } = await good(countersign(), ['upload', 'blob', '-f', file(`${name}.txt`), `${registry.host}/${name}:v1`])
  return stdout.trim()
}

/** A command whose standard streams are a terminal, which echoes both outputs as one. */
function onTerminal(words: readonly string[]): Command {
  return ['script', '--quiet', '--return', '--command', words.map(word => `'${word}'`).join(' '), '/dev/null']
}

const clients = [
  { name: 'cosign', command: () => tool('cosign-3') },
  { name: 'countersign', command: countersign },
] as const

describe('cosign 3.1.1 and countersign with key pairs in one cluster', () => {
  for (const [at, maker] of clients.entries()) {
    const other = clients[1 - at]!
    test(`${maker.name} makes a key pair, ${other.name} signs with it, and each verifies by it`, async () => {
      const name = `made-by-${maker.name}`
      const key = `k8s://${namespace}/${name}`
      const { stderr } = await generate(maker.command(), name)
      const written = maker.name === 'cosign' ? 'cosign.pub' : `${name}.pub`
      assert.match(stderr, new RegExp(`Successfully created secret ${name} in namespace ${namespace}\nPublic key written to ${written}\n$`))
      const { data, immutable, type } = await secretOf(name)
      assert.deepEqual(Object.keys(data), ['cosign.key', 'cosign.password', 'cosign.pub'])
      assert.equal(textIn(data, 'cosign.password'), place.env['COSIGN_PASSWORD'])
      assert.equal(textIn(data, 'cosign.pub'), readFileSync(place.path(written), 'utf8'))
      assert.deepEqual([immutable, type], [true, 'Opaque'])

      for (const signer of [maker, other]) {
        const named = `${name}-${signer.name}`
        for (const layout of [[], ['--new-bundle-format=false']]) {
          const signed = await image(`${named}-${layout.length}`)
          await good(signer.command(), ['sign', ...withoutLog, ...layout, '--key', key, signed])
          for (const { command } of clients) await good(command(), ['verify', ...withoutLogs, ...layout, '--key', key, signed])
        }
        const attested = await image(`${named}-attested`)
        writeFileSync(place.path('predicate.json'), '{"checked":true}')
        await good(signer.command(), ['attest', ...withoutLog, '--key', key, '--type', 'custom', '--predicate', 'predicate.json', attested])
        const blob = file(`${named}.blob`)
        await good(signer.command(), ['sign-blob', ...withoutLog, '--key', key, '--bundle', `${named}.bundle`, blob])
        for (const { command } of clients) {
          await good(command(), ['verify-attestation', ...withoutLogs, '--key', key, '--type', 'custom', attested])
          await good(command(), ['verify-blob', ...withoutLogs, '--key', key, '--bundle', `${named}.bundle`, blob])
          assert.equal((await good(command(), ['public-key', '--key', key])).stdout, textIn(data, 'cosign.pub'))
        }
      }
    })

    test(`what ${maker.name} made is not replaced`, async () => {
      const name = `kept-of-${maker.name}`
      await generate(maker.command(), name)
      const { data } = await secretOf(name)
      await refused(generateArgs(name), /has cosign\.key: it may be the only copy of that key/)
      assert.deepEqual((await secretOf(name)).data, data)
    })
  }

  test('the passphrase comes from the Secret, whatever the environment says', async () => {
    await generate(countersign(), 'own-passphrase', { env: { COSIGN_PASSWORD: 'only in the cluster' } })
    for (const { command } of clients)
      await good(
        command(),
        ['sign-blob', ...withoutLog, '--key', `k8s://${namespace}/own-passphrase`, '--bundle', 'own.bundle', file('own.blob')],
        {
          env: { COSIGN_PASSWORD: 'another' },
        },
      )
  })
})

test('a Secret of others keeps what it holds, its labels and its type', async () => {
  await cluster.mustKubectl([
    '-n',
    namespace,
    'create',
    'secret',
    'generic',
    'shared',
    '--from-literal=other=kept',
    '--type=example.test/kept',
  ])
  await cluster.mustKubectl(['-n', namespace, 'label', 'secret', 'shared', 'team=a'])
  await refused(generateArgs('shared'), /a question needs an answer, .* Secret "shared" in namespace "signing" already exists/)
  const { stdout } = await good(onTerminal([...countersign(), ...generateArgs('shared')]), [], { input: 'y\n' })
  assert.match(stdout, /Successfully updated secret shared in namespace signing/)
  const { data, metadata, type, immutable } = await secretOf('shared')
  assert.deepEqual(Object.keys(data), ['cosign.key', 'cosign.password', 'cosign.pub', 'other'])
  assert.equal(textIn(data, 'other'), 'kept')
  assert.deepEqual([metadata.labels, type, immutable], [{ team: 'a' }, 'example.test/kept', undefined])
  await good(tool('cosign-3'), [
    'sign-blob',
    ...withoutLog,
    '--key',
    `k8s://${namespace}/shared`,
    '--bundle',
    'shared.bundle',
    file('shared.blob'),
  ])
  const frozen = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'frozen', namespace }, immutable: true })
  await cluster.mustKubectl(['create', '-f', '-'], frozen)
  await refused(generateArgs('frozen'), /Secret "frozen" in namespace "signing" is immutable/)
})

test('what is not there', async () => {
  const blob = file('missing.blob')
  await refused(
    ['sign-blob', ...withoutLog, '--key', `k8s://${namespace}/missing`, '--bundle', 'b', blob],
    /namespace "signing": no such Secret/,
  )
  await refused(generateArgs('release', 'nowhere'), /no such namespace, got status 404, "namespaces \\?"nowhere\\?" not found"/)
})

test('rights of the cluster hold: one who may read verifies and makes nothing, one who may not is told what is missing', async () => {
  await generate(countersign(), 'guarded')
  const key = `k8s://${namespace}/guarded`
  const bundle = ['--bundle', 'guarded.bundle', file('guarded.blob')]
  await good(countersign(), ['sign-blob', ...withoutLog, '--key', key, ...bundle])
  const [ann, bob] = [cluster.kubeconfigOf('ann'), cluster.kubeconfigOf('bob')]
  await good(countersign(), ['verify-blob', ...withoutLogs, '--key', key, ...bundle], { kubeconfig: bob })
  await refused(generateArgs('by-bob'), /context "test" may not create it.*cannot create resource \\"secrets\\"/, {
    kubeconfig: bob,
  })
  await refused(
    ['verify-blob', ...withoutLogs, '--key', key, ...bundle],
    /context "test" may not get it.*User \\"ann\\" cannot get resource \\"secrets\\"/,
    {
      kubeconfig: ann,
    },
  )
  const nobody = cluster.kubeconfigOf('ann', { user: { token: 'nobody-s3cret' } })
  await refused(['public-key', '--key', key], /does not know the credentials of context "test", got status 401/, { kubeconfig: nobody })
})

test('the authority of the kubeconfig alone vouches for the API server', async () => {
  await generate(countersign(), 'trusted')
  const key = `k8s://${namespace}/trusted`
  // The system's authorities, here by SSL_CERT_FILE, count where a kubeconfig names none, and only there.
  const system = { SSL_CERT_FILE: cluster.authority.path }
  const unnamed = cluster.kubeconfigOf('bob', { cluster: { 'certificate-authority': undefined } })
  await good(countersign(), ['public-key', '--key', key], { kubeconfig: unnamed, env: system })
  await refused(['public-key', '--key', key], /certificate/, { kubeconfig: unnamed })
  const stranger = readFileSync(join(import.meta.dirname, '../vectors/tls/ca.pem'))
  const other = cluster.kubeconfigOf('bob', { cluster: { 'certificate-authority-data': stranger.toString('base64') } })
  await refused(['public-key', '--key', key], /certificate/, { kubeconfig: other, env: system })
  const named = { 'certificate-authority-data': Buffer.from(cluster.authority.pem).toString('base64'), 'tls-server-name': 'localhost' }
  await good(countersign(), ['public-key', '--key', key], { kubeconfig: cluster.kubeconfigOf('bob', { cluster: named }) })
  const misnamed = cluster.kubeconfigOf('bob', { cluster: { ...named, 'tls-server-name': 'elsewhere.test' } })
  await refused(['public-key', '--key', key], /for another name/, { kubeconfig: misnamed })
})

test('credentials come from a program that the kubeconfig names', async () => {
  await generate(countersign(), 'by-program')
  const status = { token: clusterTokens.bob }
  const credential = JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status })
  writeFileSync(place.path('login'), `#!/bin/sh\n[ "$1" = --as-bob ] && printf '%s' "$ANSWER"\n`, { mode: 0o755 })
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: './login',
    args: ['--as-bob'],
    env: [{ name: 'ANSWER', value: credential }],
    interactiveMode: 'Never',
  }
  const kubeconfig = cluster.kubeconfigOf('bob', { user: { exec } })
  await good(countersign(), ['public-key', '--key', `k8s://${namespace}/by-program`], { kubeconfig })
  const failing = cluster.kubeconfigOf('bob', { user: { exec: { ...exec, args: [] } } })
  await refused(['public-key', '--key', `k8s://${namespace}/by-program`], /program ".\/login": want exit status 0, got 1/, {
    kubeconfig: failing,
  })
})
