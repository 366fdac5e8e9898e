import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { malformed, readMoment } from '../fields.ts'
import { type Component, maxComponents, namesLicense, type Sbom } from './sbom.ts'

/** What stands under one `PackageName`: values by tag, for the tags that count. */
type Package = { readonly name: string; readonly values: Map<string, string[]> }

const licenseTags = ['PackageLicenseConcluded', 'PackageLicenseDeclared', 'PackageLicenseInfoFromFiles']
const packageTags = ['PackageVersion', 'ExternalRef', ...licenseTags]

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
      packages.push({ name: value, values: new Map() })
    } else if (packageTags.includes(tag)) {
      const values = packages.at(-1)?.values
      if (!values) throw malformed(`line ${line}: want ${tag} after a PackageName, got it before any`)
      const known = values.get(tag)
      if (known) known.push(value)
      else values.set(tag, [value])
    }
  }
  if (version === undefined) throw malformed('want SPDXVersion, got nothing')
  return { format: 'spdx', version, components: packages.map(toComponent), created }
}

function toComponent({ name, values }: Package): Component {
  const licenses = licenseTags.flatMap(tag => values.get(tag) ?? []).filter(namesLicense)
  return {
    name,
    version: values.get('PackageVersion')?.[0],
    purl: findPurl(values.get('ExternalRef') ?? []),
    licenses: [...new Set(licenses)],
  }
}

/** Category, type and locator, in one line each. §7.21 */
function findPurl(references: readonly string[]): string | undefined {
  const split = references.map(reference => reference.split(/\s+/))
  return split.find(([, type]) => type === 'purl' || type === 'http://spdx.org/rdf/references/purl')?.[2]
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
