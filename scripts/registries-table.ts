/**
 * Writes the table of docs/registries.md from what `registry doctor --write` finds out: `node scripts/registries-table.ts`, or
 * with `--check` fails when the page says anything else.
 * It starts every registry that is listed, so each column is of a run. Wants the tools of scripts/peers.sh.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { anonymous } from '../src/oci/credentials/credentials.ts'
import { createRegistryClient } from '../src/oci/registry-client.ts'
import { createRegistryFetch } from '../src/oci/registry-fetch.ts'
import { createTransport } from '../src/oci/transport.ts'
import { type Built, buildImage } from '../src/testing/image-builder.ts'
import { countersign, runOk, tool } from '../test/peers/harness/command.ts'
import { createPlace, type Place } from '../test/peers/harness/place.ts'
import { type Server, startOwnRegistry, startServer } from '../test/peers/harness/server.ts'
import { root, runOrDie } from './process.ts'

const page = join(root, 'docs/registries.md')
const [begin, end] = ['<!-- made by scripts/registries-table.ts -->', '<!-- end -->']

type Finding = { readonly name: string; readonly state: string; readonly seen: string }
type Column = { readonly title: string; readonly start: (place: Place) => Promise<Server> }

const columns: readonly Column[] = [
  { title: 'docker-registry, deletes off (its default)', start: place => startDocker(place, false) },
  { title: 'docker-registry, deletes on', start: place => startDocker(place, true) },
  { title: 'countersign registry', start: place => startOwnRegistry(place) },
  { title: 'countersign registry --deletes', start: place => startOwnRegistry(place, ['--deletes']) },
  { title: 'countersign registry --no-referrers', start: place => startOwnRegistry(place, ['--no-referrers']) },
]

/** What follows from the machine and not from the registry is left out. */
const shown = new Set([
  'push',
  'delete',
  'referrers API',
  'referrer',
  'conditional puts',
  'overwriting tags',
  'deleting tags',
  'chunked uploads',
  'mounting',
  'clean-up',
  'cost of verify',
])

const results: { readonly title: string; readonly findings: ReadonlyMap<string, Finding> }[] = []
for (const { title, start } of columns) {
  const place = createPlace()
  try {
    const server = await start(place)
    try {
      results.push({ title, findings: await examine(place, server.host) })
    } finally {
      await server.stop()
    }
  } finally {
    place.remove()
  }
}

const dockerVersion = (await runOrDie(tool('docker-registry')[0], ['--version'])).trim().split(' ').at(-1)
const names = [...results[0]!.findings.keys()].filter(name => shown.has(name))
const table = [
  begin,
  `docker-registry ${dockerVersion}; countersign of this tree.`,
  '',
  `| | ${results.map(({ title }) => title).join(' | ')} |`,
  `|---|${results.map(() => '---|').join('')}`,
  ...names.map(name => `| ${name} | ${results.map(({ findings }) => cell(findings.get(name))).join(' | ')} |`),
  end,
].join('\n')
const text = readFileSync(page, 'utf8')
const [from, to] = [text.indexOf(begin), text.indexOf(end)]
if (from < 0 || to < from) throw new Error(`${page}: want the lines ${begin} and ${end}`)
const wanted = text.slice(0, from) + table + text.slice(to + end.length)
if (!process.argv.includes('--check')) writeFileSync(page, wanted)
else if (text !== wanted) throw new Error(`${page} is stale; the doctor sees\n${table}`)
console.log(table)

/** An image with a signature of each format and another image to mount from; then the doctor's word. */
async function examine(place: Place, host: string): Promise<ReadonlyMap<string, Finding>> {
  await push(host, 'app', buildImage())
  await push(host, 'other', buildImage({ platform: { os: 'linux', architecture: 'arm64' } }))
  await runOk(place, countersign(), ['generate-key-pair'])
  await runOk(place, countersign(), ['sign', '--key', 'cosign.key', '--tlog-upload=false', `${host}/app:v1`])
  const words = ['registry', 'doctor', '--write', '--mount-from', `${host}/other:v1`, '--output', 'json', `${host}/app:v1`]
  const { stdout } = await runOk(place, countersign(), words)
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] }
  const clean = (seen: string) =>
    seen
      .replaceAll(`${host}/`, '')
      .replace(/(in app stays): .*/, '$1 what was pushed')
      .replaceAll(/countersign-doctor-[0-9a-f]+/g, 'countersign-doctor-…')
  return new Map(findings.map(finding => [finding.name, { ...finding, seen: clean(finding.seen) }]))
}

async function push(host: string, repository: string, { blobs, manifest, mediaType }: Built): Promise<void> {
  const sleep = (ms: number, signal: AbortSignal) => pause(ms, undefined, { signal })
  const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  const world = { fetch: createTransport(), now: () => new Date(), randomBytes, sleep }
  const client = createRegistryClient(createRegistryFetch(world, { credentials: anonymous }))
  const place = { registry: host, repository }
  const signal = AbortSignal.timeout(30_000)
  for (const blob of blobs.values()) await client.pushBlob(place, blob, signal)
  await client.pushManifest(place, 'v1', manifest, mediaType, signal)
}

function cell(finding: Finding | undefined): string {
  return finding ? `**${finding.state}**: ${finding.seen.replaceAll('|', '\\|')}` : ''
}

/** docker-registry as it comes, but for its address and whether it deletes. */
function startDocker(place: Place, deletes: boolean): Promise<Server> {
  const storage = { filesystem: { rootdirectory: place.path('storage') }, delete: { enabled: deletes } }
  const config = place.path('registry.yml')
  writeFileSync(config, JSON.stringify({ version: 0.1, log: { level: 'info' }, storage, http: { addr: '127.0.0.1:0' } }))
  return startServer(place, tool('docker-registry'), ['serve', config], /listening on (127\.0\.0\.1:\d+)/)
}
