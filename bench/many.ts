/**
 * `verify` of many images in one command: `node bench/many.ts [executable|source|cosign]`.
 * Memory must not grow with their number, and connections must be used again. The heap of a young process grows to its
 * working size whatever it does, so 2,000 images are held against 1,000: what grew with each image would double there.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { root } from '../scripts/process.ts'
import { type Command, countersign, tool } from '../test/peers/harness/command.ts'
import { startMeter } from './measure.ts'
import { alone, pushVariants, type Scene, setScene } from './scene.ts'

const sizes = [10, 100, 1000, 2000] as const
const aims = { growth: 1.05, connections: 32 }

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
const counter = await countConnections(scene.plain.host)
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
} finally {
  meter.end()
  counter.end()
  await scene.end()
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

async function putBlob(base: string, content: string): Promise<{ digest: string; size: number }> {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
  const location = (await fetch(`${base}/blobs/uploads/`, { method: 'POST' })).headers.get('location')
  await put(`${location}&digest=${digest}`, content, 'application/octet-stream')
  return { digest, size: Buffer.byteLength(content) }
}

async function put(url: string, body: string, type: string): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })
  if (response.status !== 201) throw new Error(`PUT ${url}: want status 201, got ${response.status}: ${await response.text()}`)
}

/** A door before the registry that counts who comes in. */
async function countConnections(host: string): Promise<{ host: string; connections: () => number; end: () => void }> {
  const [address, port] = host.split(':')
  let count = 0
  const server = createServer(incoming => {
    count++
    const outgoing = connect(Number(port), address)
    for (const socket of [incoming, outgoing]) socket.on('error', () => [incoming, outgoing].forEach(other => void other.destroy()))
    incoming.pipe(outgoing).pipe(incoming)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => count, end: () => server.close() }
}
