/**
 * An SBOM of 50 MB beside cosign 3: attested, verified and gated, by the executable and by the package on Node: `node bench/attestations.ts`.
 * cosign has no gates; what verifies and gates here is held against what verifies there.
 */
import { writeFileSync } from 'node:fs'
import { root } from '../scripts/process.ts'
import { type Command, tool } from '../test/peers/harness/command.ts'
import { type Measure, median, startMeter } from './measure.ts'
import { alone, setScene } from './scene.ts'

const megabytes = 50
const rounds = 3 // of which the median counts
const aims = { timeOfCosign: 0.6, sizes: 4 }

const programs: Readonly<Record<string, Command>> = {
  cosign: tool('cosign-3'),
  executable: [`${root}/dist/countersign`],
  'npm package on Node': [process.execPath, `${root}/dist/cli.cjs`],
}

const scene = await setScene()
const meter = startMeter(scene.place)
try {
  writeFileSync(scene.place.path('sbom.json'), sbomOf(megabytes * 1_000_000))
  const attest = ['attest', ...alone.sign, '--type', 'cyclonedx', '--predicate', 'sbom.json']
  const verify = ['verify-attestation', ...alone.verify, '--type', 'cyclonedx']
  const images = (await scene.plain.unsigned(rounds * Object.keys(programs).length)).values()
  const taken: Record<string, Measure[]> = {}
  const note = async (row: string, command: Command, args: readonly string[]) => {
    taken[row] = [...(taken[row] ?? []), await meter.measure(command, args)]
  }
  for (let round = 0; round < rounds; round++)
    for (const [program, command] of Object.entries(programs)) {
      const image = images.next().value!
      await note(`attest ${program}`, command, [...attest, image])
      await note(`verify ${program}`, command, [...verify, image])
      if (program !== 'cosign') await note(`verify and gate ${program}`, command, [...verify, '--require-component', 'name-7', image])
    }
  console.log(`| ${megabytes} MB | by | wall s | CPU s | peak MiB | of cosign's time | times its size |\n|---|---|---|---|---|---|---|`)
  for (const what of ['attest', 'verify', 'verify and gate'])
    for (const program of Object.keys(programs)) {
      const measures = taken[`${what} ${program}`]
      if (!measures) continue
      const [ms, cpuMs, peakMiB] = (['ms', 'cpuMs', 'peakMiB'] as const).map(name => median(measures.map(each => each[name])))
      const part = ms! / median(taken[`${what.split(' ')[0]} cosign`]!.map(each => each.ms))
      const sizes = (peakMiB! * (1 << 20)) / (megabytes * 1_000_000)
      const cells = [
        what,
        program,
        (ms! / 1000).toFixed(2),
        (cpuMs! / 1000).toFixed(2),
        peakMiB!.toFixed(0),
        part.toFixed(2),
        sizes.toFixed(1),
      ]
      console.log(`| ${cells.join(' | ')} |`)
      if (program !== 'cosign' && part > aims.timeOfCosign) fail(`${what}, ${program}: ${part.toFixed(2)} of cosign's time`)
      if (program !== 'cosign' && sizes > aims.sizes) fail(`${what}, ${program}: ${sizes.toFixed(1)} times the size of the SBOM`)
    }
} finally {
  meter.end()
  await scene.end()
}

/** A CycloneDX document of about so many bytes, each component with what real tools say of one. */
function sbomOf(bytes: number): string {
  const component = (at: number) => ({
    type: 'library',
    'bom-ref': `pkg:npm/name-${at}@1.2.${at}`,
    name: `name-${at}`,
    version: `1.2.${at}`,
    purl: `pkg:npm/name-${at}@1.2.${at}`,
    licenses: [{ license: { id: 'MIT' } }],
    hashes: [{ alg: 'SHA-256', content: 'a'.repeat(64) }],
    properties: [{ name: 'syft:package:foundBy', value: 'javascript-package-cataloger' }],
  })
  const count = Math.floor(bytes / JSON.stringify(component(100_000)).length)
  return JSON.stringify({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    components: Array.from({ length: count }, (_, at) => component(at)),
  })
}

function fail(why: string): void {
  console.error(`over the aim: ${why}`)
  process.exitCode = 1
}
