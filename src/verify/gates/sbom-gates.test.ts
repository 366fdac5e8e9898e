import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../codec/json.ts'
import { parseLicenseId } from '../../formats/license/license-expression.ts'
import { answerOf, attestedOf } from '../../testing/sigstore/attested.ts'
import { componentGate, parseWantedComponent } from './component.ts'
import { licenseGate } from './license.ts'

const cyclonedx = 'https://cyclonedx.org/bom'
type License = { readonly id?: string; readonly name?: string } | string

/** An SBOM of components with these licenses: an object is one license, text an expression. */
function sbom(...components: readonly (readonly License[])[]): Json {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    components: components.map((licenses, at) => ({
      type: 'library',
      name: `c${at}`,
      version: '1.0',
      licenses: licenses.map(license => (typeof license === 'string' ? { expression: license } : { license })),
    })),
  }
}
const mit = { id: 'MIT' }
const gate = (ids: readonly string[], allowsUnknown = false) =>
  licenseGate(
    ids.map(id => parseLicenseId(id, '--forbid-license')),
    { allowsUnknown },
  )
const noGpl3 = ['GPL-3.0-only']

for (const { name, components, allowsUnknown = false, found } of [
  { name: 'another license', components: [[mit]], found: '1 components' },
  { name: 'a choice without it', components: [['MIT OR GPL-3.0-only']], found: '1 components' },
  { name: 'a choice inside a combination', components: [['ISC AND (MIT OR GPL-3.0-only)']], found: '1 components' },
  { name: 'a choice beside what nobody knows', components: [['MIT OR Strange']], found: '1 components' },
  { name: 'or later is not only', components: [['GPL-3.0-or-later'], ['GPL-3.0+']], found: '2 components' },
  { name: 'a reference to a license of nobody else', components: [['LicenseRef-ours']], found: '1 components' },
  {
    name: 'unknown ones that may pass',
    components: [[mit], [], [{ name: 'GNU GPL 3' }]],
    allowsUnknown: true,
    found: '3 components, of 2 it cannot be told',
  },
  { name: 'an SBOM without components', components: [], found: '0 components' },
] satisfies { name: string; components: License[][]; allowsUnknown?: boolean; found: string }[])
  test(`licenses pass: ${name}`, async () =>
    assert.equal(await answerOf(gate(noGpl3, allowsUnknown), attestedOf(cyclonedx, sbom(...components))), found))

for (const { name, forbidden = noGpl3, components, allowsUnknown = false, code = 'LICENSE_FORBIDDEN', message } of [
  {
    name: 'the license itself',
    components: [[mit], [{ id: 'GPL-3.0-only' }]],
    message: /^1 of 2 components are under a forbidden license: "c1 1\.0" \("gpl-3\.0-only"\)$/,
  },
  { name: 'in other letters', components: [[{ id: 'gpl-3.0-ONLY' }]], message: /"c0 1\.0"/ },
  { name: 'by its older name', components: [[{ id: 'GPL-3.0' }]], message: /"c0 1\.0"/ },
  { name: 'asked for by its older name', forbidden: ['GPL-3.0'], components: [[{ id: 'GPL-3.0-only' }]], message: /"c0 1\.0"/ },
  {
    name: 'with a plus behind its newer name',
    forbidden: ['GPL-3.0-only', 'GPL-3.0-or-later'],
    components: [['GPL-3.0-only+'], ['MIT'], ['GPL-3.0-or-later+'], ['GPL-3.0-with-GCC-exception+']],
    message: /^3 of 4 components/,
  },
  { name: 'with an exception', components: [['GPL-3.0-only WITH GCC-exception-3.1']], message: /"c0 1\.0"/ },
  { name: 'in a combination', components: [['MIT AND GPL-3.0-only']], message: /"c0 1\.0"/ },
  {
    name: 'the last of many, and the one that is told',
    components: [[`${new Array(20).fill('MIT AND ISC').join(' AND ')} AND GPL-3.0-only`]],
    message: /^1 of 1 .*: "c0 1\.0" \("gpl-3\.0-only"\)$/,
  },
  { name: 'in a combination with what nobody knows', components: [['Strange AND GPL-3.0-only']], message: /"c0 1\.0"/ },
  { name: 'in every choice', forbidden: ['GPL-3.0-only', 'MIT'], components: [['MIT OR GPL-3.0-only']], message: /"c0 1\.0"/ },
  { name: 'one of several statements', components: [[mit, { id: 'GPL-3.0-only' }]], message: /"c0 1\.0" \("gpl-3\.0-only"\)/ },
  { name: 'beside unknown ones that may pass', components: [[], [{ id: 'GPL-3.0-only' }]], allowsUnknown: true, message: /^1 of 2/ },
  {
    name: 'at most ten are named',
    components: new Array<License[]>(12).fill([{ id: 'GPL-3.0-only' }]),
    message: /^12 of 12 .*"c9 1\.0" \("gpl-3\.0-only"\) and 2 more$/,
  },
  {
    name: 'no license stated',
    components: [[mit], []],
    code: 'LICENSE_UNKNOWN',
    message: /^of 1 of 2 components it cannot be told: "c1 1\.0" \(states none\)$/,
  },
  {
    name: 'words of SPDX for none',
    components: [['NOASSERTION'], [{ name: 'NONE' }]],
    code: 'LICENSE_UNKNOWN',
    message: /^of 2 of 2 components it cannot be told: "c0 1\.0" \(states none\), "c1 1\.0" \(states none\)$/,
  },
  {
    name: 'a name that is no expression',
    components: [[{ name: 'GNU General Public License 3' }]],
    code: 'LICENSE_UNKNOWN',
    message: /"c0 1\.0" \("GNU General Public License 3"\)/,
  },
  { name: 'an id that is on no list', components: [['GPLv3']], code: 'LICENSE_UNKNOWN', message: /\("GPLv3"\)/ },
  {
    name: 'a choice of the forbidden and the unknown',
    components: [['GPLv3 OR GPL-3.0-only']],
    code: 'LICENSE_UNKNOWN',
    message: /"c0 1\.0"/,
  },
  { name: 'a combination with the unknown', components: [['MIT AND GPLv3']], code: 'LICENSE_UNKNOWN', message: /"c0 1\.0"/ },
] satisfies { name: string; forbidden?: string[]; components: License[][]; allowsUnknown?: boolean; code?: string; message: RegExp }[])
  test(`licenses refuse: ${name}`, async () => {
    const answer = answerOf(gate(forbidden, allowsUnknown), attestedOf(cyclonedx, sbom(...components)))
    await assert.rejects(answer, { code, message })
  })

const listedOnes = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { component: { type: 'application', name: 'app' } },
  components: [
    { type: 'library', name: 'left-pad', version: '1.3.0', purl: 'pkg:npm/left-pad@1.3.0' },
    { type: 'library', name: 'core', purl: 'pkg:npm/%40babel/core@7.0.0', components: [{ type: 'library', name: 'inner' }] },
    { type: 'library', name: 'odd', purl: 'pkg:npm/%' },
  ],
}
const requiring = (...wanted: readonly string[]) => componentGate(wanted.map(text => parseWantedComponent(text, '--require-component')))

for (const { name, wanted } of [
  { name: 'by its name', wanted: ['left-pad'] },
  { name: 'as a package', wanted: ['pkg:npm/left-pad'] },
  { name: 'as a package of a version', wanted: ['pkg:npm/left-pad@1.3.0'] },
  { name: 'with a namespace', wanted: ['pkg:npm/@babel/core'] },
  { name: 'what the document is about', wanted: ['app'] },
  { name: 'inside another', wanted: ['inner'] },
  { name: 'several', wanted: ['left-pad', 'pkg:npm/@babel/core@7.0.0', 'inner'] },
])
  test(`components pass: ${name}`, async () =>
    assert.equal(await answerOf(requiring(...wanted), attestedOf(cyclonedx, listedOnes)), 'among 5 components'))

for (const { name, wanted, message } of [
  { name: 'one that is not there', wanted: ['openssl'], message: /^not among 5 components: "openssl"$/ },
  { name: 'one of several', wanted: ['left-pad', 'openssl'], message: /^not among 5 components: "openssl"$/ },
  { name: 'a part of a name', wanted: ['left'], message: /"left"$/ },
  { name: 'a name in other letters', wanted: ['Left-Pad'], message: /"Left-Pad"$/ },
  { name: 'another version', wanted: ['pkg:npm/left-pad@1.3.1'], message: /"pkg:npm\/left-pad@1\.3\.1"$/ },
  { name: 'a package of another type', wanted: ['pkg:gem/left-pad'], message: /"pkg:gem\/left-pad"$/ },
  { name: 'a package by the name of a component without one', wanted: ['pkg:npm/inner'], message: /"pkg:npm\/inner"$/ },
])
  test(`components refuse: ${name}`, async () =>
    assert.rejects(answerOf(requiring(...wanted), attestedOf(cyclonedx, listedOnes)), { code: 'COMPONENT_MISSING', message }))

for (const text of ['', 'pkg:', 'pkg:npm', 'pkg:npm/%'])
  test(`parseWantedComponent refuses ${JSON.stringify(text)}`, () =>
    assert.throws(() => parseWantedComponent(text, '--require-component'), {
      code: 'USAGE',
      message: /^--require-component: want a name or a package URL/,
    }))

for (const made of [requiring('left-pad'), gate(noGpl3)]) {
  test(`step ${made.step} does not read provenance`, async () => {
    const predicate = { builder: { id: '' }, buildType: 'https://example.com/build' }
    const message = /^the statement is of type "https:\/\/slsa\.dev\/provenance\/v0\.2", which is not an SBOM$/
    await assert.rejects(answerOf(made, attestedOf('https://slsa.dev/provenance/v0.2', predicate)), {
      code: 'PREDICATE_TYPE_MISMATCH',
      message,
    })
  })
  test(`step ${made.step} refuses what is no SBOM`, async () =>
    assert.rejects(answerOf(made, attestedOf(cyclonedx, {})), { code: 'PREDICATE_MALFORMED', message: /bomFormat: want .*, got nothing/ }))
}
