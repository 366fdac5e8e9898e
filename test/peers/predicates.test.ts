import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Component, readPredicate, type Sbom } from '../../src/formats/predicates/predicate.ts'
import { readScanReport } from '../../src/formats/scan-reports/scan-report.ts'
import { runOk, tool } from './harness/command.ts'
import {
  debianRoot,
  giveAdvisories,
  goProgram,
  pitloomPip,
  readDocument,
  scannerEnvironment,
  writeDebianSboms,
  writeNpmSbom,
  writePythonSbom,
  writeSyftSboms,
} from './harness/document-tools.ts'
import { createPlace, type Place } from './harness/place.ts'

// Documents that real tools write are read to their last component: each count is compared with another one, made here of the
// document as it is, or of what the tool looked at.

let place: Place
before(async () => {
  place = createPlace()
  await Promise.all([writeDebian(), writeRest()])
})
after(() => place.remove())

async function writeDebian(): Promise<void> {
  await writeDebianSboms(place, 'debian')
  await writeSyftSboms(place, `dir:${debianRoot}`, { 'spdx-json': 'root.spdx.json' })
}

async function writeRest(): Promise<void> {
  await writeNpmSbom(place, 'npm.cdx.json', '1.6')
  await writePythonSbom(place, 'python.spdx3.json')
  await writeSyftSboms(place, `file:${goProgram}`, {
    'cyclonedx-json@1.4': 'go-1.4.cdx.json',
    'cyclonedx-json@1.5': 'go-1.5.cdx.json',
    'cyclonedx-json@1.6': 'go-1.6.cdx.json',
    'cyclonedx-json@1.7': 'go-1.7.cdx.json',
    'spdx-json@2.2': 'go-2.2.spdx.json',
    'spdx-json@2.3': 'go-2.3.spdx.json',
    'spdx-tag-value@2.3': 'go-2.3.spdx',
  })
  await giveAdvisories(place, [
    { id: 'TEST-2026-1', ecosystem: 'npm', package: 'yaml', constraint: '<100', severity: 'critical' },
    { id: 'TEST-2026-2', ecosystem: 'npm', package: 'jose', constraint: '<100', severity: 'high' },
    { id: 'TEST-2026-3', ecosystem: 'npm', package: 'pino', constraint: '<100', severity: 'medium' },
    { id: 'TEST-2026-4', ecosystem: 'npm', package: 're2js', constraint: '<100', severity: 'low' },
    { id: 'TEST-2026-5', ecosystem: 'npm', package: 'tuf-js', constraint: '<100', severity: 'negligible' },
    { id: 'TEST-2026-6', ecosystem: 'npm', package: 'prom-client', constraint: '<100' },
    { id: 'TEST-2026-7', ecosystem: 'npm', package: 'openid-client', constraint: '<1', severity: 'critical' },
  ])
  const outputs = ['json=report.json', 'sarif=report.sarif'].flatMap(output => ['-o', output.replace('=', `=${place.folder}/`)])
  await runOk(place, tool('grype'), [`sbom:${place.path('npm.cdx.json')}`, '--quiet', ...outputs], { env: scannerEnvironment(place) })
}

const types = { cyclonedx: 'https://cyclonedx.org/bom', spdx: 'https://spdx.dev/Document' }

function readSbom(type: keyof typeof types, document: never): Sbom {
  const predicate = readPredicate(types[type], document)
  assert.ok(predicate?.kind === 'sbom')
  return predicate.sbom
}

/** Components of CycloneDX as `.. | .components?` counts them, and the one it is about. */
function countCycloneDx(component: { components?: [] }): number {
  return (component.components ?? []).reduce((count, inner) => count + 1 + countCycloneDx(inner), 0)
}

type Listing = { readonly name: string; readonly file: string; readonly version: string; readonly least: number }

const identified = ({ purl }: Component) => purl !== undefined
const licensed = ({ licenses }: Component) => licenses.length > 0

describe('CycloneDX', () => {
  const listings: readonly Listing[] = [
    { name: 'this package, by cyclonedx-npm', file: 'npm.cdx.json', version: '1.6', least: 50 },
    { name: 'a root file system, by debsbom', file: 'debian.cdx.json', version: '1.7', least: 10 },
    ...['1.4', '1.5', '1.6', '1.7'].map(version => ({
      name: 'a Go program, by Syft',
      file: `go-${version}.cdx.json`,
      version,
      least: 200,
    })),
  ]
  for (const { name, file, version, least } of listings)
    test(`${version} of ${name}`, () => {
      const document = readDocument(place, file) as { metadata: { component?: { components?: [] } }; components: [] }
      const about = document.metadata.component
      const count = countCycloneDx(document) + (about ? 1 + countCycloneDx(about) : 0)
      const sbom = readSbom('cyclonedx', document as never)
      assert.equal(sbom.version, version)
      assert.equal(sbom.components.length, count)
      assert.ok(count >= least, `${count} components`)
      const text = JSON.stringify(document)
      assert.equal(sbom.components.filter(identified).length, text.split('"purl":').length - 1, 'as many package URLs as the text has')
    })

  test('of this package every dependency has a license', () => {
    const { components } = readSbom('cyclonedx', readDocument(place, 'npm.cdx.json'))
    const unlicensed = components.filter(component => !licensed(component)).map(({ name }) => name)
    assert.deepEqual(unlicensed, ['countersign-runtime'], 'a part of this package itself')
    const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
    for (const [name, wanted] of Object.entries(dependencies)) {
      const purl = `pkg:npm/${name.replace('@', '%40')}@${wanted}`
      assert.ok(
        components.some(component => component.purl === purl),
        purl,
      )
    }
  })
})

describe('SPDX', () => {
  const listings: readonly Listing[] = [
    { name: 'a root file system, by debsbom', file: 'debian.spdx.json', version: '2.3', least: 10 },
    { name: 'a root file system, by Syft', file: 'root.spdx.json', version: '2.3', least: 10 },
    ...['2.2', '2.3'].map(version => ({ name: 'a Go program, by Syft', file: `go-${version}.spdx.json`, version, least: 200 })),
  ]
  for (const { name, file, version, least } of listings)
    test(`${version} of ${name}`, () => {
      const document = readDocument(place, file) as { packages: [] }
      const sbom = readSbom('spdx', document as never)
      assert.equal(sbom.version, version)
      assert.equal(sbom.components.length, document.packages.length)
      assert.ok(sbom.components.length >= least, `${sbom.components.length} packages`)
      const text = JSON.stringify(document)
      assert.equal(sbom.components.filter(identified).length, text.split('"referenceType":"purl"').length - 1)
    })

  test('3.0 of a Python environment, by Pitloom, has what pip lists in it', async () => {
    const document = readDocument(place, 'python.spdx3.json') as { '@graph': { type: string; relationshipType?: string; to?: [] }[] }
    const sbom = readSbom('spdx', document as never)
    const graph = document['@graph']
    assert.match(sbom.version, /^3\.0\.\d$/)
    assert.equal(sbom.components.length, graph.filter(({ type }) => type === 'software_Package').length)
    const licensings = graph.filter(({ relationshipType }) => /^has(Declared|Concluded)License$/.test(relationshipType ?? ''))
    assert.equal(sbom.components.flatMap(({ licenses }) => licenses).length, licensings.flatMap(({ to }) => to).length)
    const { stdout } = await runOk(place, [pitloomPip], ['list', '--format', 'json', '--disable-pip-version-check'])
    const installed = (JSON.parse(stdout) as { name: string; version: string }[]).map(({ name, version }) => `${name} ${version}`)
    const listed = new Set(sbom.components.map(({ name, version }) => `${name} ${version}`))
    assert.ok(installed.length >= 20)
    assert.deepEqual(
      installed.filter(one => !listed.has(one)),
      [],
    )
  })

  test('2.3 as tags and values says what the JSON says', () => {
    const text = readFileSync(place.path('go-2.3.spdx'), 'utf8')
    const sbom = readSbom('spdx', text as never)
    assert.equal(sbom.components.length, text.match(/^PackageName: /gm)?.length)
    const sorted = (components: readonly Component[]) => components.map(component => JSON.stringify(component)).sort()
    assert.deepEqual(sorted(sbom.components), sorted(readSbom('spdx', readDocument(place, 'go-2.3.spdx.json')).components))
  })
})

test('every package that dpkg knows is in each SBOM of the root file system, with its version', () => {
  const status = readFileSync(join(debianRoot, 'var/lib/dpkg/status'), 'utf8')
  const installed = status.split(/\n\n+/).filter(stanza => stanza.includes('Package: '))
  const described = installed.map(stanza =>
    ['Package', 'Version'].map(field => new RegExp(`^${field}: (.+)$`, 'm').exec(stanza)?.[1]).join(' '),
  )
  assert.ok(described.length >= 10)
  for (const [type, file] of [
    ['cyclonedx', 'debian.cdx.json'],
    ['spdx', 'debian.spdx.json'],
    ['spdx', 'root.spdx.json'],
  ] as const) {
    const { components } = readSbom(type, readDocument(place, file))
    const listed = new Set(components.map(({ name, version }) => `${name} ${version}`))
    assert.deepEqual(
      described.filter(one => !listed.has(one)),
      [],
      file,
    )
    assert.ok(components.some(licensed), `${file} states licenses`)
  }
})

test("the Go modules of a program are those that Go's own record in it has", async () => {
  const { stdout } = await runOk(place, ['go'], ['version', '-m', goProgram])
  const modules = [...stdout.matchAll(/^\t(?:dep|=>)\t(\S+)\t(\S+)/gm)].map(([, name, version]) => `${name} ${version}`)
  const replaced = [...stdout.matchAll(/^\tdep\t(\S+)\t(\S+)(?:\t\S*)?\n\t=>/gm)].map(([, name, version]) => `${name} ${version}`)
  const { components } = readSbom('cyclonedx', readDocument(place, 'go-1.7.cdx.json'))
  const listed = new Set(components.map(({ name, version }) => `${name} ${version}`))
  assert.deepEqual(
    modules.filter(one => !listed.has(one) && !replaced.includes(one)),
    [],
  )
})

describe('a scan by Grype', () => {
  const found = ['TEST-2026-1 critical', 'TEST-2026-2 high', 'TEST-2026-3 medium', 'TEST-2026-4 low']

  test('in its own JSON has every severity, and what nobody rated', () => {
    const scan = readScanReport(readDocument(place, 'report.json'))
    assert.deepEqual(scan.findings.map(({ id, severity }) => `${id} ${severity}`).sort(), [
      ...found,
      'TEST-2026-5 negligible',
      'TEST-2026-6 unknown',
    ])
    assert.match(scan.scanner, /^Grype 0\.\d+\.\d+$/)
    assert.ok(scan.finishedOn)
  })

  test('in SARIF has every severity but those that it writes as 0.0', () => {
    const { findings } = readScanReport(readDocument(place, 'report.sarif'))
    const shown = findings.map(({ id, severity }) => `${id.replace(/^(TEST-2026-\d).*/, '$1')} ${severity}`).sort()
    assert.deepEqual(shown, [...found, 'TEST-2026-5 unknown', 'TEST-2026-6 unknown'])
  })

  test("is read inside cosign's record of a scan", () => {
    const record = { scanner: { uri: 'pkg:github/anchore/grype', result: readDocument(place, 'report.json') }, metadata: {} }
    const predicate = readPredicate('https://cosign.sigstore.dev/attestation/vuln/v1', record)
    assert.ok(predicate?.kind === 'scan')
    assert.deepEqual(predicate.scan.findings, readScanReport(readDocument(place, 'report.json')).findings)
  })
})
