import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands, laterCommands } from '../src/cli/commands.ts'
import { run } from '../src/cli/run.ts'
import type { Sink } from '../src/cli/system.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { reviewOf, workloadOf, workloads } from '../src/testing/admission/reviews.ts'
import { createRig } from '../src/testing/command-rig.ts'
import type { MemoryFile } from '../src/testing/memory-folder.ts'
import { createMemorySystem } from '../src/testing/memory-system.ts'

// The command on a real socket of loopback; it is ended as Ctrl-C ends it.

const pem = (name: string) => readFileSync(join(import.meta.dirname, 'vectors/tls', name), 'utf8')
const statics = (name: string, glob: string, action: string) =>
  `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: ${name}}\nspec: {images: [{glob: '${glob}'}], authorities: [{static: {action: ${action}}}]}\n`
const policies = { 'policies/a.yaml': `${statics('good', 'r.test/good*', 'pass')}---\n${statics('bad', 'r.test/bad*', 'fail')}` }
const own = ['--tls-folder', 'tls', '--dns-name', 'localhost']

type Told = { readonly status: number; readonly body: string }
type Ask = (path: string, body?: string, ca?: string) => Promise<Told>

/** Serves with these flags while `use` lasts; what the command wrote and its exit status. */
async function serving(flags: readonly string[], use: (ask: Ask) => Promise<void>, more: Readonly<Record<string, string>> = {}) {
  const disk = new Map<string, MemoryFile>(
    Object.entries({ ...policies, ...more, 'server.pem': pem('server.pem'), 'server.key': pem('server.key'), 'ca.pem': pem('ca.pem') }).map(
      ([path, text]) => [path, { data: encodeUtf8(text), mode: 0o600 }] as const,
    ),
  )
  const system = createMemorySystem({ disk, passing: ms => ms === 1000, now: () => new Date() })
  const address = Promise.withResolvers<string>()
  const watched = (sink: Sink): Sink => ({
    ...sink,
    write: data => {
      sink.write(data)
      address.resolve(String(data).trim())
    },
  })
  const argv = ['admission', '--policies', 'policies', '--listen', '127.0.0.1:0', '--shutdown-delay', '1s', ...flags]
  const ended = run(argv, { ...system, stdout: watched(system.stdout) }, { commands, later: laterCommands })
  const { port } = new URL(await Promise.race([address.promise, ended.then(code => assert.fail(`${code}: ${system.written.stderr()}`))]))
  await use((path, body, ca) => post(port, path, body, ca ?? new TextDecoder().decode(disk.get('tls/ca.crt')?.data))).finally(
    system.interrupt,
  )
  const code = await ended
  const lines = system.written
    .stderr()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  return { code, stdout: system.written.stdout(), lines, disk }
}

function post(port: string, path: string, body: string | undefined, ca: string): Promise<Told> {
  const options = { host: '127.0.0.1', servername: 'localhost', port, path, ca, agent: false, method: body === undefined ? 'GET' : 'POST' }
  return new Promise((resolve, reject) => {
    const asking = request({ ...options, headers: { 'content-type': 'application/json' } }, answer => {
      let said = ''
      answer.setEncoding('utf8').on('data', piece => {
        said += piece
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: said }))
    })
    asking.on('error', reject)
    asking.end(body)
  })
}

const review = (image: string, namespace = 'team') =>
  JSON.stringify(reviewOf(workloads[0]!, workloadOf(workloads[0]!, [image]), { namespace }))
const verdict = async (ask: Ask, image: string, namespace?: string) => {
  const { response } = JSON.parse((await ask('/validations?timeout=10s', review(image, namespace))).body)
  return [response.allowed, response.status?.code, response.status?.message.split('\n')[0]] as const
}

test('admission judges by the policies of a folder, by certificates of its own', async () => {
  const { code, stdout, lines, disk } = await serving(own, async ask => {
    assert.deepEqual([(await ask('/readyz')).status, (await ask('/healthz')).status], [200, 200])
    assert.deepEqual(await verdict(ask, 'r.test/good'), [true, undefined, undefined])
    assert.deepEqual(await verdict(ask, 'r.test/bad'), [false, 403, 'validation failed: failed policy: bad: spec.containers[0].image'])
    assert.deepEqual(await verdict(ask, 'r.test/other'), [false, 403, 'validation failed: no matching policies: spec.containers[0].image'])
    assert.deepEqual(await verdict(ask, 'r.test/bad', 'cosign-system'), [true, undefined, undefined])
    assert.match((await ask('/metrics')).body, /^countersign_admission_reviews_total\{.*verdict="refused"\} 2$/m)
  })
  assert.equal(code, 0)
  assert.match(stdout, /^https:\/\/127\.0\.0\.1:\d+\n$/)
  const reviews = lines.filter(({ msg }) => msg === 'review')
  assert.deepEqual(
    reviews.map(({ verdict, reason }) => [verdict, reason]),
    [
      ['admitted', 'STATIC_PASS'],
      ['refused', 'STATIC_FAIL'],
      ['refused', 'NO_POLICY'],
      ['admitted', ''],
    ],
  )
  assert.equal(disk.get('tls/serving.json')?.mode, 0o600)
})

test('--namespace and --exempt-namespace say whose objects are admitted unseen', async () => {
  await serving([...own, '--namespace', 'guard', '--exempt-namespace', 'legacy'], async ask => {
    for (const [namespace, allowed] of [
      ['guard', true],
      ['legacy', true],
      ['cosign-system', false],
      ['team', false],
    ] as const)
      assert.equal((await verdict(ask, 'r.test/bad', namespace))[0], allowed, namespace)
  })
})

test('--tls-cert and --tls-key are served as they are, and --client-ca answers its clients alone', async () => {
  const served = ['--tls-cert', 'server.pem', '--tls-key', 'server.key']
  await serving(served, async ask => assert.equal((await ask('/healthz', undefined, pem('ca.pem'))).status, 200))
  await serving([...served, '--client-ca', 'ca.pem'], async ask => {
    await assert.rejects(ask('/healthz', undefined, pem('ca.pem')))
  })
})

test('--trusted-root is whom policies trust that name no TrustRoot: one that is not there refuses, and is said', async () => {
  const keyless =
    "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: keyless}\nspec: {images: [{glob: '**'}], authorities: [{keyless: {identities: [{issuer: 'https://i.test', subject: s}]}}]}\n"
  const { lines } = await serving([...own, '--trusted-root', 'nowhere.json'], async () => {}, { 'policies/b.yaml': keyless })
  const [said] = lines.filter(({ msg }) => msg === 'a policy cannot be made out')
  assert.match(String(said?.['reason']), /policy keyless: .*nowhere\.json/)
})

for (const { name, flags, code, message, exit = 1 } of [
  { name: 'no policies', flags: [...own], code: 'USAGE', message: /name it by --policies/ },
  {
    name: 'a folder without policies',
    flags: ['--policies', 'empty', ...own],
    code: 'POLICY_EMPTY',
    message: /want files in folder "empty"/,
  },
  {
    name: 'no certificate',
    flags: ['--policies', 'policies'],
    code: 'USAGE',
    message: /want either --tls-cert and --tls-key, or --tls-folder/,
  },
  {
    name: 'half a certificate',
    flags: ['--policies', 'policies', '--tls-cert', 'a'],
    code: 'USAGE',
    message: /--tls-cert and --tls-key go together/,
  },
  {
    name: 'both kinds',
    flags: ['--policies', 'policies', '--tls-cert', 'a', '--tls-key', 'b', ...own],
    code: 'USAGE',
    message: /want either/,
  },
  {
    name: 'no names',
    flags: ['--policies', 'policies', '--tls-folder', 'tls'],
    code: 'USAGE',
    message: /--tls-folder and --dns-name go together/,
  },
  {
    name: 'names for a certificate that is there',
    flags: ['--policies', 'policies', '--tls-cert', 'a', '--tls-key', 'b', '--dns-name', 'c'],
    code: 'USAGE',
    message: /--tls-folder and --dns-name go together/,
  },
  {
    name: 'a name that is none',
    flags: ['--policies', 'policies', '--tls-folder', 'tls', '--dns-name', '*.x'],
    code: 'USAGE',
    message: /--dns-name: want a name/,
  },
  {
    name: 'a Secret for certificates without names',
    flags: ['--policies', 'policies', '--tls-secret', 'tls', '--webhook-name', 'guard'],
    code: 'USAGE',
    message: /--tls-secret and --dns-name go together/,
  },
  {
    name: 'a Secret for certificates of which nobody is told',
    flags: ['--policies', 'policies', '--tls-secret', 'tls', '--dns-name', 'a'],
    code: 'USAGE',
    message: /--tls-secret and --webhook-name go together/,
  },
  {
    name: 'webhook configurations that are told of no certificate of ours',
    flags: ['--policies', 'policies', '--tls-cert', 'a', '--tls-key', 'b', '--webhook-name', 'guard'],
    code: 'USAGE',
    message: /--tls-secret and --webhook-name go together/,
  },
  {
    name: 'a folder and a Secret',
    flags: ['--policies', 'policies', '--tls-secret', 'tls', '--webhook-name', 'guard', ...own],
    code: 'USAGE',
    message: /want either .* or --tls-secret/,
  },
  {
    name: 'a Secret of another place',
    flags: ['--policies', 'policies', '--tls-secret', '../x', '--webhook-name', 'guard', '--dns-name', 'a'],
    code: 'USAGE',
    message: /--tls-secret: want the name of an object/,
  },
  {
    name: 'webhook configurations of another place',
    flags: ['--policies', 'policies', '--tls-secret', 'tls', '--webhook-name', 'a/b', '--dns-name', 'a'],
    code: 'USAGE',
    message: /--webhook-name: want the name of an object/,
  },
  {
    name: 'a cluster that is not known',
    flags: ['--policies', 'policies', '--tls-secret', 'tls', '--webhook-name', 'guard', '--dns-name', 'a'],
    code: 'USAGE',
    message: /Kubernetes: want a cluster in/,
  },
  {
    name: 'an address that is none',
    flags: ['--policies', 'policies', '--listen', '8443', ...own],
    code: 'USAGE',
    message: /--listen: want HOST:PORT/,
  },
  { name: 'mutation of none', flags: ['--policies', 'policies', '--mutate', 'some', ...own], code: 'USAGE', message: /--mutate/ },
  {
    name: 'an authority of registries that is not there',
    flags: ['--policies', 'policies', '--registry-cacert', 'nowhere.pem', ...own],
    code: 'FILE_UNREADABLE',
    message: /nowhere\.pem/,
    exit: 6,
  },
  {
    name: 'a certificate that is not there',
    flags: ['--policies', 'policies', '--tls-cert', 'a', '--tls-key', 'b'],
    code: 'FILE_UNREADABLE',
    message: /"a"/,
    exit: 6,
  },
] as const)
  test(`admission does not start: ${name}`, async () => {
    const rig = createRig()
    rig.disk.set('policies/a.yaml', policies['policies/a.yaml'])
    const { code: got, stderr } = await rig.cs(['admission', ...flags])
    assert.equal(got, exit, stderr)
    assert.match(stderr, message)
    assert.ok(code === 'USAGE' || stderr.length > 0)
  })
