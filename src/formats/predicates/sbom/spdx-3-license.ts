import { CountersignError } from '../../../codec/error.ts'
import { readObject } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { malformed, readText } from '../fields.ts'
import { namesLicense } from './sbom.ts'
import { type Element, listOf, readId } from './spdx-3-graph.ts'

const maxDepth = 32 // sets of sets
const maxCharacters = 16 << 20 // of all expressions of a document together: a set of sets can say in a line what is long to write out

/** Reads a license, or what names one; nothing for what says that there is none, or says nothing. */
export type LicenseReader = (value: unknown, at: string) => string | undefined

/**
 * A reader of the licenses of one SPDX 3 document, which gives the expression that SPDX 2 has for each. A license that is no object
 * of the document is told by its address: of SPDX's own list by its id.
 *
 * @throws CountersignError (the reader) `JSON_MALFORMED`, which `readSpdx` makes PREDICATE_MALFORMED; `LIMIT_EXCEEDED` past 32 levels,
 *   as a set within itself has, or 16 Mi characters
 * @see SPDX 3.0.1, SimpleLicensing/LicenseExpression, ExpandedLicensing
 */
export function licenseReader(elements: ReadonlyMap<string, Element>): LicenseReader {
  const known = new Map<string, string | undefined>() // what was read once is not read again
  let characters = 0
  const read = (value: unknown, at: string, depth: number): string | undefined => {
    if (depth > maxDepth) throw new CountersignError('LIMIT_EXCEEDED', `${at}: want licenses at most ${maxDepth} levels deep`)
    if (typeof value === 'string' && known.has(value)) return known.get(value)
    const element = typeof value === 'string' ? elements.get(value) : { members: readObject(value, at), at }
    const text = element ? readElement(element, depth) : nameOfAddress(value as string)
    const license = text !== undefined && namesLicense(text) ? text : undefined
    characters += license?.length ?? 0
    if (characters > maxCharacters)
      throw new CountersignError('LIMIT_EXCEEDED', `${at}: want licenses of at most ${maxCharacters} characters together`)
    if (typeof value === 'string') known.set(value, license)
    return license
  }
  const readElement = (element: Element, depth: number): string | undefined =>
    expressionOf(element, member =>
      listOf(element.members[member]).flatMap((inner, index) => read(inner, `${element.at}.${member}[${index}]`, depth + 1) ?? []),
    )
  return (value, at) => read(value, at, 1)
}

function expressionOf({ members, at }: Element, inner: (member: string) => readonly string[]): string | undefined {
  const type = readText(members['type'] ?? members['@type'], `${at}.type`)
  switch (type) {
    case 'simplelicensing_LicenseExpression':
      return readText(members['simplelicensing_licenseExpression'], `${at}.simplelicensing_licenseExpression`)
    case 'expandedlicensing_ListedLicense':
    case 'expandedlicensing_ListedLicenseException':
    case 'expandedlicensing_IndividualLicensingInfo':
      return nameOfAddress(readId(members, at))
    case 'simplelicensing_SimpleLicensingText':
    case 'expandedlicensing_CustomLicense':
    case 'expandedlicensing_CustomLicenseAddition':
      return members['name'] === undefined ? readId(members, at) : readText(members['name'], `${at}.name`)
    case 'expandedlicensing_ConjunctiveLicenseSet':
      return joined(inner('expandedlicensing_member'), 'AND')
    case 'expandedlicensing_DisjunctiveLicenseSet':
      return joined(inner('expandedlicensing_member'), 'OR')
    case 'expandedlicensing_OrLaterOperator':
      return inner('expandedlicensing_subjectLicense').map(license => `${license}+`)[0]
    case 'expandedlicensing_WithAdditionOperator':
      return joined([...inner('expandedlicensing_subjectExtendableLicense'), ...inner('expandedlicensing_subjectAddition')], 'WITH')
    default:
      throw malformed(`${at}.type: want a license, got ${quote(type)}`)
  }
}

function joined(licenses: readonly string[], operator: string): string | undefined {
  if (licenses.length < 2) return licenses[0]
  return licenses.map(license => (license.includes(' ') ? `(${license})` : license)).join(` ${operator} `)
}

const individuals = /^(https:\/\/spdx\.org\/rdf\/[\d.]+\/terms\/ExpandedLicensing\/|expandedlicensing_)(NoAssertion|None)(License)?$/

/** `MIT` of `https://spdx.org/licenses/MIT`; nothing of SPDX's own words for no license and no statement; else the address. */
function nameOfAddress(address: string): string | undefined {
  if (individuals.test(address)) return undefined
  return address.replace(/^https?:\/\/spdx\.org\/licenses\/([^/]+)$/, '$1')
}
