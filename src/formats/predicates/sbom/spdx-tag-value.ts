import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { malformed, readMoment } from '../fields.ts'
import { type Component, maxComponents, maxLicenses, namesLicense, type Sbom } from './sbom.ts'

type Package = { readonly name: string; version?: string; purl?: string; readonly licenses: string[] }

/** Tags of a package that count, and where their values go. */
const packageTags: ReadonlyMap<string, (described: Package, value: string, line: number) => void> = new Map([
  ['PackageVersion', setVersion],
  ['PackageLicenseConcluded', addLicense],
  ['PackageLicenseDeclared', addLicense],
  ['PackageLicenseInfoFromFiles', addLicense],
  ['ExternalRef', findPurl],
])

/** Tags of the document as a whole that stand in it once. §6 */
const onceOfDocument = ['SPDXVersion', 'Created']

/**
 * Reads an SPDX document of version 2.2 or 2.3 as tags and values: its packages. Places are lines.
 *
 * @throws CountersignError `JSON_MALFORMED`, which `readSpdx` makes PREDICATE_MALFORMED; `LIMIT_EXCEEDED`
 * @see SPDX 2.3 §4.4, §6, §7
 */
export function readSpdxTagValue(text: string): Sbom {
  const packages: Package[] = []
  let [version, created]: [string | undefined, Date | undefined] = [undefined, undefined]
  const seen = new Set<string>()
  for (const { line, tag, value } of tags(text)) {
    if (onceOfDocument.includes(tag)) {
      if (seen.has(tag)) throw repeated(tag, line)
      seen.add(tag)
    }
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
      if (take && described) take(described, value, line)
    }
  }
  if (version === undefined) throw malformed('want SPDXVersion, got nothing')
  return { format: 'spdx', version, components: packages.map(toComponent), created }
}

/** That a tag stands twice where the second would not count. */
function repeated(tag: string, line: number): CountersignError {
  return malformed(`line ${line}: want ${tag} once, got it again`)
}

function setVersion(described: Package, value: string, line: number): void {
  if (described.version !== undefined) throw repeated('PackageVersion', line)
  described.version = value
}

function addLicense({ licenses }: Package, value: string, line: number): void {
  if (!namesLicense(value)) return
  if (licenses.length === maxLicenses)
    throw new CountersignError('LIMIT_EXCEEDED', `SPDX document: line ${line}: want at most ${maxLicenses} licenses of a package`)
  licenses.push(value)
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
    const next = endOfLine(text, closing)
    line += value.split('\n').length
    const rest = text.slice(closing + '</text>'.length, next).trim()
    if (rest !== '') throw malformed(`line ${line - 1}: want nothing after </text>, got ${quote(rest)}`)
    at = next + 1
  }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}
