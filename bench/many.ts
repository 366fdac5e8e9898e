/**
 * `verify` of many images in one command: `node bench/many.ts [executable|source|cosign]`.
 * Memory must not grow with their number, and connections must be used again. The heap of a young process grows to its
 * working size whatever it does, so 2,000 images are held against 1,000: what grew with each image would double there.
 * Then 200 images of each layout, by tag and by digest, beside cosign 3: requests and time.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { root } from '../scripts/process.ts'
import { type Command, countersign, runOk, tool } from '../test/peers/harness/command.ts'
import { median, startMeter } from './measure.ts'
import { put, putBlob } from './push.ts'
import { alone, pushVariants, type Scene, setScene } from './scene.ts'

const sizes = [10, 100, 1000, 2000] as const
const aims = { growth: 1.05, connections: 32, requestsEach: 4, timeOfCosign: 0.6 }
const beside = 200 // images verified by cosign too
const rounds = 3 // of which the median counts

const commands: Record<string, () => Command> = {
  executable: () => [`${root}/dist/countersign`],
  source: countersign,
  cosign: () => tool('cosign-3'),
}
const chosen = process.argv[2] ?? 'executable'
const command = commands[chosen]?.()
if (!command) throw new Error(`want one of ${Object.keys(commands).join(', ')}, got ${chosen}`)

const scene = await setScene()
const meter = startMeter(scene.place)
const counter = await openDoor(scene.plain.host)
try {
  const images = await pushVariants(scene.plain.host, 'bench', Math.max(...sizes))
  await signAll(scene, images)
  const peaks = new Map<number, number>()
  console.log('| images | wall ms | CPU ms | peak MiB | connections |\n|---|---|---|---|---|')
  for (const size of sizes) {
    const references = images.slice(0, size).map(image => image.replace(scene.plain.host, counter.host))
    const before = counter.connections()
    const { ms, cpuMs, peakMiB } = await meter.measure(command, ['verify', ...alone.verify, ...references])
    peaks.set(size, peakMiB)
    const connections = counter.connections() - before
    console.log(`| ${size} | ${ms.toFixed(0)} | ${cpuMs.toFixed(0)} | ${peakMiB.toFixed(0)} | ${connections} |`)
    if (connections > aims.connections) fail(`${size} images: want at most ${aims.connections} connections, got ${connections}`)
  }
  const growth = peaks.get(2000)! / peaks.get(1000)!
  if (growth > aims.growth) fail(`2,000 images take ${growth.toFixed(2)} of the memory of 1,000: want at most ${aims.growth}`)
  if (chosen !== 'cosign') await compare(images.slice(0, beside))
} finally {
  meter.end()
  counter.end()
  await scene.end()
}

/** The same images by our command and by cosign 3, in the layout of cosign 2 as they are, then with bundles. */
async function compare(digests: readonly string[]): Promise<void> {
  console.log(`\n| ${beside} images | by | requests each | cosign | wall ms | cosign | ratio |\n|---|---|---|---|---|---|---|`)
  const tags = await tagAll(digests)
  for (const layout of ['legacy', 'bundle']) {
    if (layout === 'bundle') await signBundles(digests)
    for (const [way, references] of Object.entries({ digest: digests, tag: tags })) {
      const [ours, cosigns] = [await requestsOf(command!, references), await requestsOf(tool('cosign-3'), references)]
      const [ms, cosignMs] = [await wallOf(command!, references), await wallOf(tool('cosign-3'), references)]
      const ratio = ms / cosignMs
      const row = [layout, way, ours.toFixed(2), cosigns.toFixed(2), ms.toFixed(0), cosignMs.toFixed(0), ratio.toFixed(2)]
      console.log(`| ${row.join(' | ')} |`)
      if (Math.floor(ours) > aims.requestsEach) fail(`${layout} by ${way}: want at most ${aims.requestsEach} requests each, got ${ours}`)
      if (ratio > aims.timeOfCosign)
        fail(`${layout} by ${way}: want at most ${aims.timeOfCosign} of cosign's time, got ${ratio.toFixed(2)}`)
    }
  }
}

async function requestsOf(program: Command, references: readonly string[]): Promise<number> {
  const before = counter.requests()
  await meter.measure(program, ['verify', ...alone.verify, ...references.map(name => name.replace(scene.plain.host, counter.host))])
  return (counter.requests() - before) / references.length
}

async function wallOf(program: Command, references: readonly string[]): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) times.push((await meter.measure(program, ['verify', ...alone.verify, ...references])).ms)
  return median(times)
}

/** Puts each image under a tag of its own, and returns the names by tag. */
async function tagAll(digests: readonly string[]): Promise<readonly string[]> {
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const names: string[] = []
  for (const [index, name] of digests.entries()) {
    const [repository = '', digest = ''] = name.split('@')
    const base = `http://${repository.replace('/', '/v2/')}/manifests`
    const body = await (await fetch(`${base}/${digest}`, { headers: { accept: type } })).text()
    await put(`${base}/tag-${index}`, body, type)
    names.push(`${repository}:tag-${index}`)
  }
  return names
}

/** Signs images with bundles, by a key that takes the place of the one before. */
async function signBundles(digests: readonly string[]): Promise<void> {
  writeFileSync(scene.place.path('cosign.pub'), (await runOk(scene.place, command!, ['public-key', '--key', 'cosign.key'])).stdout)
  await runOk(scene.place, command!, ['sign', '--key', 'cosign.key', '--tlog-upload=false', ...digests], { timeoutMs: 180_000 })
}

function fail(why: string): void {
  console.error(why)
  process.exitCode = 1
}

/** Signs images with a fresh key in cosign 2's layout, straight into the registry, and leaves its public half as cosign.pub. */
async function signAll({ place, plain }: Scene, images: readonly string[]): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(place.path('cosign.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  const base = `http://${plain.host}/v2/bench`
  const config = await putBlob(base, '{}')
  for (const image of images) {
    const [name = '', digest = ''] = image.split('@')
    const critical = {
      identity: { 'docker-reference': name },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    }
    const payload = JSON.stringify({ critical, optional: null })
    const signature = sign('sha256', Buffer.from(payload), privateKey).toString('base64')
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [
        {
          mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
          ...(await putBlob(base, payload)),
          annotations: { 'dev.cosignproject.cosign/signature': signature },
        },
      ],
    })
    await put(`${base}/manifests/${digest.replace(':', '-')}.sig`, manifest, 'application/vnd.oci.image.manifest.v1+json')
  }
}

/** A door before the registry that counts who comes in, and what they ask. */
async function openDoor(
  host: string,
): Promise<{ readonly host: string; readonly connections: () => number; readonly requests: () => number; readonly end: () => void }> {
  const [address, port] = host.split(':')
  let [connections, requests] = [0, 0]
  const server = createServer(incoming => {
    connections++
    const outgoing = connect(Number(port), address)
    for (const socket of [incoming, outgoing]) socket.on('error', () => [incoming, outgoing].forEach(other => void other.destroy()))
    let rest = ''
    incoming.on('data', bytes => {
      const text = rest + bytes.toString('latin1')
      requests += text.split(' HTTP/1.1\r\n').length - 1
      rest = text.slice(text.lastIndexOf('\n') + 1) // a request line in two pieces
    })
    incoming.pipe(outgoing).pipe(incoming)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    requests: () => requests,
    end: () => server.close(),
  }
}
