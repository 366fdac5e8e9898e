import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { countersign, type Ended, run, runOk } from '../peers/harness/command.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'
import { type Server, startOwnRegistry } from '../peers/harness/server.ts'
import { type ApiServer, startApiServer } from './harness/api-server.ts'
import { clusterTool } from './harness/cluster-tool.ts'
import { manifests } from './harness/install.ts'
import { leadToReplica, startReplica } from './harness/replica.ts'
import { soon } from './harness/soon.ts'

// docs/admission/README.md: its commands, one after the other, against a real API server and a replica as the manifests have it.

const page = readFileSync(join(import.meta.dirname, '../../docs/admission/README.md'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')

let [place, cluster, registry, replica]: [Place, ApiServer, Server, Server] = [] as never

before(async () => {
  place = createPlace()
  registry = await startOwnRegistry(place)
  cluster = await startApiServer(place)
  await runOk(place, countersign(), ['generate-key-pair'])
  for (const name of ['team/signed', 'team/unsigned', 'others/tool']) await push(name)
  const signing = ['sign', '--key', 'cosign.key', '--tlog-upload=false', '--use-signing-config=false', '--yes']
  await runOk(place, countersign(), [...signing, `${registry.host}/team/signed:v1`])
  await cluster.mustKubectl(['create', 'namespace', 'team'])
  await cluster.mustKubectl(['-n', 'team', 'create', 'serviceaccount', 'default']) // elsewhere a controller makes it
  for (const name of ['team/signed', 'team/unsigned', 'others/tool'])
    await cluster.mustKubectl(['-n', 'team', 'run', name.replace('/', '-'), `--image=${registry.host}/${name}:v1`])
})
after(async () => {
  await replica.stop()
  await cluster.stop()
  await registry.stop()
  place.remove()
})

async function push(name: string): Promise<void> {
  const file = name.replace('/', '-')
  writeFileSync(place.path(file), name)
  await runOk(place, countersign(), ['upload', 'blob', '-f', file, `${registry.host}/${name}:v1`])
}

/** Runs the next block of the page, with our registry's address. */
async function follow(index: number, begins: string): Promise<Ended> {
  const block = blocks[index] ?? ''
  assert.ok(block.startsWith(begins), `block ${index}: ${block}`)
  const PATH = [dirname(clusterTool('kubectl')[0]), place.env['PATH'] ?? ''].join(delimiter)
  const script = block.replaceAll('registry.example.com', registry.host).replaceAll('deploy/', `${manifests}/`)
  const ended = await run(place, ['bash', '-euo', 'pipefail', '-c'], [script], { env: { PATH, KUBECONFIG: cluster.kubeconfig } })
  assert.equal(ended.code, 0, `${script}\n${ended.stdout}${ended.stderr}\n${replica?.log() ?? ''}`)
  return ended
}

const start = (image: string) => cluster.kubectl(['-n', 'team', 'run', 'new', '--dry-run=server', `--image=${registry.host}/${image}:v1`])

test('the page has these commands and no others', () => assert.equal(blocks.length, 6))

test('1. installed, nothing is asked about', async () => {
  await follow(0, 'kubectl apply -R -f deploy/')
  replica = await startReplica(place, cluster)
  await leadToReplica(cluster, replica)
  assert.equal((await start('team/unsigned')).code, 0)
})

test('2. audited, what would be refused is warned of, and admitted', async () => {
  await follow(1, 'kubectl -n cosign-system create secret')
  await follow(2, 'kubectl label namespace team')
  await soon('the namespace is asked about', async () => ((await start('team/unsigned')).stderr === '' ? undefined : true), replica.log)
  const { stdout, stderr } = await follow(3, 'kubectl -n team get pods')
  assert.equal(stdout, 'pod/check created (server dry run)\n'.repeat(3))
  const warned = [...stderr.matchAll(/^Warning: ([^:]+: (?:team-images: )?)spec\.containers\[0\]\.image \S+?(\/\S+?)[:@]/gm)].map(
    ([, why, image]) => [why, image],
  )
  assert.deepEqual(
    new Set(warned.map(String)),
    new Set(['no matching policies: ,/others/tool', 'failed policy: team-images: ,/team/unsigned']),
    stderr,
  )
})

test('3. enforced, it is refused as the page shows it', async () => {
  await follow(4, 'kubectl patch clusterimagepolicy')
  await soon('it is enforced', async () => ((await start('team/unsigned')).code === 0 ? undefined : true), replica.log)
  await soon('what has no policy is refused', async () => ((await start('others/tool')).code === 0 ? undefined : true), replica.log)
  assert.equal((await start('team/signed')).code, 0)
  const { stderr } = await cluster.kubectl(['-n', 'team', 'run', 'unsigned', `--image=${registry.host}/team/unsigned:v1`])
  const [, shown = ''] = /```console\n\$.*\n([\s\S]+?)```/.exec(page.replaceAll('registry.example.com', registry.host)) ?? []
  const pieces = shown.trim().split('…')
  let at = 0
  for (const piece of pieces) {
    const found = stderr.indexOf(piece, at)
    assert.ok(found >= 0, `want ${piece}, got ${stderr.slice(at)}`)
    at = found + piece.length
  }
  assert.ok(stderr.startsWith(pieces[0] ?? shown), stderr)
})

test('pull secrets are read where a namespace lets them', async () => {
  const canRead = async () =>
    (
      await cluster.kubectl([
        'auth',
        'can-i',
        'get',
        'secrets',
        '-n',
        'team',
        '--as=system:serviceaccount:cosign-system:countersign-admission',
      ])
    ).stdout
  assert.equal(await canRead(), 'no\n')
  await follow(5, 'kubectl -n team create rolebinding')
  assert.equal(await canRead(), 'yes\n')
})
