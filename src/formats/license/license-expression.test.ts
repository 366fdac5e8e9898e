import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalLicenseId, type LicenseExpression, parseLicenseExpression, parseLicenseId } from './license-expression.ts'
import { licenseIds } from './license-ids.ts'

/** An expression as text again, in brackets throughout; a license that nobody knows has a question mark. */
function describe(expression: LicenseExpression): string {
  if (expression.kind === 'license') return expression.isKnown ? expression.id : `${expression.id}?`
  return `(${expression.operands.map(describe).join(` ${expression.kind} `)})`
}

for (const { text, parsed } of [
  { text: 'MIT', parsed: 'mit' },
  { text: ' mit ', parsed: 'mit' },
  { text: 'MIT OR GPL-3.0-only', parsed: '(mit or gpl-3.0-only)' },
  { text: 'MIT AND ISC OR Zlib', parsed: '((mit and isc) or zlib)' },
  { text: 'MIT and (ISC or Zlib)', parsed: '(mit and (isc or zlib))' },
  { text: '((MIT))', parsed: 'mit' },
  { text: '(MIT)AND(ISC)', parsed: '(mit and isc)' },
  { text: 'MIT OR ISC OR Zlib', parsed: '(mit or isc or zlib)' },
  { text: 'GPL-2.0-only WITH Classpath-exception-2.0', parsed: 'gpl-2.0-only' },
  { text: 'GPL-2.0-or-later with Bison-exception-2.2 AND MIT', parsed: '(gpl-2.0-or-later and mit)' },
  { text: 'GPL-2.0', parsed: 'gpl-2.0-only' },
  { text: 'LGPL-2.1+', parsed: 'lgpl-2.1-or-later' },
  { text: 'GPL-2.0-with-classpath-exception', parsed: 'gpl-2.0-only' },
  { text: 'GPL-2.0-only+', parsed: 'gpl-2.0-or-later' },
  { text: 'GPL-2.0-or-later+', parsed: 'gpl-2.0-or-later' },
  { text: 'GPL-2.0-with-GCC-exception+', parsed: 'gpl-2.0-or-later' },
  { text: 'GFDL-1.2-invariants-only+', parsed: 'gfdl-1.2-invariants-or-later' },
  { text: 'GFDL-1.2-no-invariants-only', parsed: 'gfdl-1.2-no-invariants-only' },
  { text: 'Apache-1.1+', parsed: 'apache-1.1+' },
  { text: 'LicenseRef-ours', parsed: 'licenseref-ours' },
  { text: 'DocumentRef-other:LicenseRef-theirs', parsed: 'documentref-other:licenseref-theirs' },
  { text: 'GPLv3', parsed: 'gplv3?' },
  { text: 'MIT OR Beerware-2000', parsed: '(mit or beerware-2000?)' },
])
  test(`parseLicenseExpression: ${text}`, () => assert.equal(describe(parseLicenseExpression(text)!), parsed))

for (const { name, text } of [
  { name: 'nothing', text: '' },
  { name: 'blank', text: '  ' },
  { name: 'a name', text: 'Apache License 2.0' },
  { name: 'two ids', text: 'MIT ISC' },
  { name: 'an operator at the end', text: 'MIT OR' },
  { name: 'an operator at the beginning', text: 'AND MIT' },
  { name: 'an operator alone', text: 'OR' },
  { name: 'operators in mixed case', text: 'MIT Or ISC' },
  { name: 'a bracket left open', text: '(MIT' },
  { name: 'a bracket too many', text: 'MIT)' },
  { name: 'empty brackets', text: '()' },
  { name: 'WITH and nothing', text: 'GPL-2.0-only WITH' },
  { name: 'WITH an operator', text: 'GPL-2.0-only WITH AND' },
  { name: 'WITH a bracket', text: 'GPL-2.0-only WITH (MIT)' },
  { name: 'WITH of an expression', text: '(MIT OR ISC) WITH x' },
  { name: 'slashes', text: 'MIT/ISC' },
  { name: 'a comma', text: 'MIT, ISC' },
  { name: 'an address', text: 'https://opensource.org/licenses/MIT' },
  { name: 'brackets past any depth', text: `${'('.repeat(200)}MIT${')'.repeat(200)}` },
  { name: 'too long', text: `MIT${' OR MIT'.repeat(3000)}` },
])
  test(`parseLicenseExpression: no expression: ${name}`, () => assert.equal(parseLicenseExpression(text), undefined))

test('canonicalLicenseId: -or-later is not -only', () => {
  assert.notEqual(canonicalLicenseId('GPL-3.0-or-later'), canonicalLicenseId('GPL-3.0-only'))
  assert.equal(canonicalLicenseId('GPL-3.0'), canonicalLicenseId('gpl-3.0-ONLY'))
})

test('parseLicenseId: an id of the list, however it is written', () => {
  assert.equal(parseLicenseId('agpl-3.0', '--forbid-license'), 'agpl-3.0-only')
  assert.equal(parseLicenseId('GPL-3.0+', '--forbid-license'), 'gpl-3.0-or-later')
  assert.equal(parseLicenseId('LicenseRef-ours', '--forbid-license'), 'licenseref-ours')
})

for (const text of ['GPLv3', 'GPL', '', 'MIT OR ISC', 'LicenseRef-'])
  test(`parseLicenseId: refuses ${JSON.stringify(text)}`, () =>
    assert.throws(() => parseLicenseId(text, '--forbid-license'), {
      code: 'USAGE',
      message: /^--forbid-license: want an id of the SPDX License List or a LicenseRef-, got "/,
    }))

test('the list is whole', () => {
  assert.equal(licenseIds.size, 734)
  for (const id of ['0bsd', 'mit', 'apache-2.0', 'gpl-2.0-or-later', 'zpl-2.1']) assert.ok(licenseIds.has(id), id)
})
