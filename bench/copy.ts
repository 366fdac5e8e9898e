/**
 * `copy` beside `oras cp -r`, in turns: `npm run bench:copy [-- --rounds N]`. An image with 200 signatures and 20
 * attestations, once as referrers and once under the tags of cosign 2, between two registries on loopback; then the memory
 * that blobs of two sizes take. Prints Markdown; ends with 1 when an aim is missed.
 */
import { randomFillSync } from 'node:crypto'
import { parseArgs } from 'node:util'
import { root } from '../scripts/process.ts'
import { type Command, tool } from '../test/peers/harness/command.ts'
import { createPlace } from '../test/peers/harness/place.ts'
import { type Server, startDockerRegistry, startOwnRegistry } from '../test/peers/harness/server.ts'
import { type Measure, type Meter, median, startMeter } from './measure.ts'
import { putBlob, putManifest } from './push.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const rounds = Number(values.rounds)
const counts = { signatures: 200, attestations: 20 }
const aims = { time: 1, growthMiB: 32 } // of oras; from 64 to 512 MiB of blob
const sizesMiB = [64, 512] as const

const imageType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const imageConfig = 'application/vnd.oci.image.config.v1+json'

let runs = 0 // each copies to a repository of its own
const places = [createPlace(), createPlace()] as const
const meter = startMeter(places[0])
const servers: Server[] = []
try {
  console.log(`Median of ${rounds} runs each, alternating. Wall ms / CPU ms / peak MiB.\n`)
  console.log('| from, to | what | oras | countersign | part of the time |\n|---|---|---|---|---|')
  for (const [kind, start] of [
    ['docker-registry', startDockerRegistry],
    ['own registry', startOwnRegistry],
  ] as const) {
    const pair = [await start(places[0]), await start(places[1])] as const
    servers.push(...pair)
    const [from, to] = [pair[0].host, pair[1].host]
    const referrers = await stockReferrers(`http://${from}/v2/referrers`, kind === 'docker-registry')
    const tags = await stockTags(`http://${from}/v2/tags`)
    await compare(meter, kind, `${counts.signatures} + ${counts.attestations} bundles`, {
      from: `${from}/referrers`,
      to: `${to}/referrers`,
      tags: [referrers],
    })
    await compare(meter, kind, `${counts.signatures} + ${counts.attestations} layers of .sig and .att`, {
      from: `${from}/tags`,
      to: `${to}/tags`,
      tags,
    })
  }
  await memory(meter, servers)
} finally {
  meter.end()
  for (const server of servers) await server.stop()
  for (const place of places) place.remove()
}

type Way = { readonly from: string; readonly to: string; readonly tags: readonly string[] } // the first tag is the image's

function oras({ from, to, tags }: Way): Command {
  const copies = tags.map(tag => `'${tool('oras')[0]}' cp -r --from-plain-http --to-plain-http ${from}:${tag} ${to}:${tag}`)
  return ['/bin/sh', '-ec', copies.join('; ')]
}

function ours({ from, to, tags }: Way): Command {
  return [`${root}/dist/countersign`, 'copy', `${from}:${tags[0]}`, `${to}:${tags[0]}`]
}

async function compare(meter: Meter, kind: string, what: string, way: Way): Promise<void> {
  const measures = { oras: [] as Measure[], ours: [] as Measure[] }
  for (let round = -1; round < rounds; round++)
    for (const [name, command] of [
      ['oras', oras],
      ['ours', ours],
    ] as const) {
      const measure = await meter.measure(command({ ...way, to: `${way.to}-${runs++}` }), [])
      if (round >= 0) measures[name].push(measure) // the first round warms caches
    }
  const [peer, mine] = [middle(measures.oras), middle(measures.ours)]
  const part = mine.ms / peer.ms
  if (part > aims.time) fail(`${kind}, ${what}: ${part.toFixed(2)} of the time of oras, want at most ${aims.time}`)
  console.log(`| ${kind} | ${what} | ${cell(peer)} | ${cell(mine)} | ${part.toFixed(2)} |`)
}

/** The memory that a blob takes: it must not grow with its size. */
async function memory(meter: Meter, [from, to]: readonly Server[]): Promise<void> {
  console.log('\n| blob MiB | oras | countersign |\n|---|---|---|')
  const peaks: number[] = []
  for (const size of sizesMiB) {
    const base = `http://${from!.host}/v2/large`
    const blob = new Uint8Array(size << 20)
    for (let at = 0; at < blob.length; at += 1 << 20) randomFillSync(blob, at, 64)
    const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await putBlob(base, blob)) }
    const config = { mediaType: imageConfig, ...(await putBlob(base, '{}')) }
    await putManifest(base, { schemaVersion: 2, mediaType: imageType, config, layers: [layer] }, `v${size}`)
    const way = (name: string): Way => ({ from: `${from!.host}/large`, to: `${to!.host}/large-${name}-${size}`, tags: [`v${size}`] })
    const [peer, mine] = [await meter.measure(oras(way('oras')), []), await meter.measure(ours(way('ours')), [])]
    peaks.push(mine.peakMiB)
    console.log(`| ${size} | ${cell(peer)} | ${cell(mine)} |`)
  }
  const growth = peaks[1]! - peaks[0]!
  if (growth > aims.growthMiB) fail(`memory grows by ${growth.toFixed(0)} MiB from ${sizesMiB.join(' to ')} MiB of blob`)
}

/** An image with bundles as its referrers. */
async function stockReferrers(base: string, needsFallback: boolean): Promise<string> {
  const subject = await pushImage(base)
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', ...(await putBlob(base, '{}')), artifactType: bundleType }
  const listed: object[] = []
  for (let number = 0; number < counts.signatures + counts.attestations; number++) {
    const predicateType = number < counts.signatures ? 'https://sigstore.dev/cosign/sign/v1' : 'https://slsa.dev/provenance/v1'
    const layer = { mediaType: bundleType, ...(await putBlob(base, content(number))) }
    const annotations = { 'dev.sigstore.bundle.content': 'dsse-envelope', 'dev.sigstore.bundle.predicateType': predicateType }
    const manifest = { schemaVersion: 2, mediaType: imageType, config, layers: [layer], annotations, subject, artifactType: bundleType }
    listed.push({ ...(await putManifest(base, manifest)), artifactType: config.mediaType })
  }
  if (needsFallback)
    await putManifest(base, { schemaVersion: 2, mediaType: indexType, manifests: listed }, subject.digest.replace(':', '-'))
  return 'v1'
}

/** An image with layers under its tags of cosign 2. */
async function stockTags(base: string): Promise<readonly string[]> {
  const { digest } = await pushImage(base)
  const config = { mediaType: imageConfig, ...(await putBlob(base, '{"rootfs":{}}')) }
  const tags = ['v1']
  for (const [suffix, count] of [
    ['sig', counts.signatures],
    ['att', counts.attestations],
  ] as const) {
    const layers: object[] = []
    for (let number = 0; number < count; number++) {
      const annotations = { 'dev.cosignproject.cosign/signature': content(number).slice(0, 96) }
      const mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json'
      layers.push({ mediaType, ...(await putBlob(base, `${suffix} ${content(number)}`)), annotations })
    }
    tags.push(`${digest.replace(':', '-')}.${suffix}`)
    await putManifest(base, { schemaVersion: 2, mediaType: imageType, config, layers }, tags.at(-1))
  }
  return tags
}

async function pushImage(base: string): Promise<{ mediaType: string; digest: string; size: number }> {
  const config = { mediaType: imageConfig, ...(await putBlob(base, '{"os":"linux","architecture":"amd64"}')) }
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await putBlob(base, new Uint8Array(1 << 20).fill(7))) }
  return await putManifest(base, { schemaVersion: 2, mediaType: imageType, config, layers: [layer] }, 'v1')
}

/** 2 KiB, as a bundle has; no two alike. */
function content(number: number): string {
  return `${number} `.repeat(2048).slice(0, 2048)
}

function middle(all: readonly Measure[]): Measure {
  const of = (name: keyof Measure) => median(all.map(measure => measure[name]))
  return { ms: of('ms'), cpuMs: of('cpuMs'), peakMiB: of('peakMiB') }
}

function cell({ ms, cpuMs, peakMiB }: Measure): string {
  return `${ms.toFixed(0)} / ${cpuMs.toFixed(0)} / ${peakMiB.toFixed(0)}`
}

function fail(why: string): void {
  console.error(why)
  process.exitCode = 1
}
