import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { malformed, readMoment } from '../fields.ts'
import { type Component, maxComponents, namesLicense, type Sbom } from './sbom.ts'

type Package = { readonly name: string; version?: string; purl?: string; readonly licenses: string[] }

/** Tags of a package that count, and where their values go. */
const packageTags: ReadonlyMap<string, (described: Package, value: string) => void> = new Map([
  ['PackageVersion', setVersion],
  ['PackageLicenseConcluded', addLicense],
  ['PackageLicenseDeclared', addLicense],
  ['PackageLicenseInfoFromFiles', addLicense],
  ['ExternalRef', findPurl],
])

/**
 * Reads an SPDX document of version 2.2 or 2.3 as tags and values: its packages. Places are lines.
 *
 * @throws CountersignError `JSON_MALFORMED`, which `readSpdx` makes PREDICATE_MALFORMED; `LIMIT_EXCEEDED`
 * @see SPDX 2.3 §4.4, §6, §7
 */
export function readSpdxTagValue(text: string): Sbom {
  const packages: Package[] = []
  let [version, created]: [string | undefined, Date | undefined] = [undefined, undefined]
  for (const { line, tag, value } of tags(text)) {
    if (tag === 'SPDXVersion') version = readVersion(value, line)
    else if (version === undefined) throw malformed(`line ${line}: want SPDXVersion first, got ${quote(tag)}`)
    else if (tag === 'Created') created = readMoment(value, `line ${line}: Created`)
    else if (tag === 'PackageName') {
      if (packages.length === maxComponents)
        throw new CountersignError('LIMIT_EXCEEDED', `SPDX document: want at most ${maxComponents} packages`)
      packages.push({ name: value, licenses: [] })
    } else {
      const take = packageTags.get(tag)
      const described = packages.at(-1)
      if (take && !described) throw malformed(`line ${line}: want ${tag} after a PackageName, got it before any`)
      if (take && described) take(described, value)
    }
  }
  if (version === undefined) throw malformed('want SPDXVersion, got nothing')
  return { format: 'spdx', version, components: packages.map(toComponent), created }
}

function setVersion(described: Package, value: string): void {
  described.version ??= value
}

function addLicense({ licenses }: Package, value: string): void {
  if (namesLicense(value)) licenses.push(value)
}

/** Category, type and locator, in one line. §7.21 */
function findPurl(described: Package, value: string): void {
  const [, type, locator] = value.split(/\s+/, 3)
  if (locator && (type === 'purl' || type === 'http://spdx.org/rdf/references/purl')) described.purl ??= locator
}

function toComponent({ name, version, purl, licenses }: Package): Component {
  return { name, version, purl, licenses: licenses.length > 1 ? [...new Set(licenses)] : licenses }
}

function readVersion(value: string, line: number): string {
  const version = ['2.2', '2.3'].find(known => value === `SPDX-${known}`)
  if (version === undefined) throw malformed(`line ${line}: SPDXVersion: want SPDX-2.2 or SPDX-2.3, got ${quote(value)}`)
  return version
}

/** Each tag with its value and the line it begins in; values of several lines stand between `<text>` and `</text>`. */
function* tags(text: string): Generator<{ readonly line: number; readonly tag: string; readonly value: string }> {
  for (let [at, line] = [0, 1]; at < text.length; ) {
    const end = endOfLine(text, at)
    const row = text.slice(at, end).trim()
    if (row === '' || row.startsWith('#')) {
      ;[at, line] = [end + 1, line + 1]
      continue
    }
    const [, tag, begun] = /^([A-Za-z][A-Za-z0-9]*):\s*(.*)$/.exec(row) ?? []
    if (tag === undefined || begun === undefined) throw malformed(`line ${line}: want a tag and a colon, got ${quote(row)}`)
    if (!begun.startsWith('<text>')) {
      yield { line, tag, value: begun }
      ;[at, line] = [end + 1, line + 1]
      continue
    }
    const opening = text.indexOf('<text>', at) + '<text>'.length
    const closing = text.indexOf('</text>', opening)
    if (closing < 0) throw malformed(`line ${line}: want </text> at the end of ${tag}, got none`)
    const value = text.slice(opening, closing)
    yield { line, tag, value }
    ;[at, line] = [endOfLine(text, closing) + 1, line + value.split('\n').length]
  }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}
