import type { Json } from '../../codec/json.ts'
import type { Scan } from '../scan-reports/scan.ts'
import type { Statement } from '../statement.ts'
import { type Custom, readCustom } from './custom.ts'
import { type Link, readFullLink, readLink03 } from './link.ts'
import type { Provenance } from './provenance/provenance.ts'
import { readSlsa1 } from './provenance/slsa-1.ts'
import { readSlsa02 } from './provenance/slsa-02.ts'
import { type Release, readRelease } from './release.ts'
import { leftAsideOfCycloneDx, readCycloneDx, visitCycloneDx } from './sbom/cyclonedx.ts'
import { type ComponentVisitor, collectComponents, type ListedItems, type Sbom, type SbomHead, type SbomOutline } from './sbom/sbom.ts'
import { outlineOfSpdx, readSpdx, visitSpdx } from './sbom/spdx.ts'
import { readTestResult, type TestResult } from './test-result.ts'
import { readVex, type Vex } from './vex.ts'
import { readVulnerabilityScan } from './vulnerability-scan.ts'

export type { Finding, Scan, Severity } from '../scan-reports/scan.ts'
export type { Provenance, Source } from './provenance/provenance.ts'
export type { Component, ComponentVisitor, Sbom } from './sbom/sbom.ts'

/** What an attestation says, in a type of its own for each kind of document that is known here. */
export type Predicate =
  | { readonly kind: 'provenance'; readonly provenance: Provenance }
  | { readonly kind: 'sbom'; readonly sbom: Sbom }
  | { readonly kind: 'scan'; readonly scan: Scan }
  | { readonly kind: 'vex'; readonly vex: Vex }
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'test-result'; readonly testResult: TestResult }
  | { readonly kind: 'release'; readonly release: Release }
  | { readonly kind: 'custom'; readonly custom: Custom }

/**
 * Reads what an attestation says, by its predicate type. Members that decide nothing here are left aside.
 *
 * @returns nothing for a type that has no reader here: such a predicate is carried untouched
 * @throws CountersignError `PREDICATE_MALFORMED` with the place in the document; `LIMIT_EXCEEDED`
 */
export function readPredicate(predicateType: string, predicate: Json | undefined): Predicate | undefined {
  return readerOf(predicateType)?.read(predicate)
}

/**
 * What a statement says, as `readPredicate` reads it; of an SBOM no value is made that decides nothing.
 *
 * @throws CountersignError as `readPredicate`
 */
export function readPredicateOf(statement: Statement): Predicate | undefined {
  const reader = readerOf(statement.predicateType)
  return reader?.kind === 'sbom'
    ? { kind: 'sbom', sbom: collectComponents(visit => visitSbom(statement, reader, visit)) }
    : reader?.read(statement.predicate)
}

/**
 * Hands on each component that the SBOM in a statement lists, and keeps none: an SBOM of 50 MB costs what is kept of it.
 *
 * @returns how many there are; nothing where the statement is of a type that is no SBOM
 * @throws CountersignError as `readPredicate`, when some were handed on perhaps
 */
export function visitComponents(statement: Statement, visit: ComponentVisitor): number | undefined {
  const reader = readerOf(statement.predicateType)
  if (reader?.kind !== 'sbom') return undefined
  let count = 0
  visitSbom(statement, reader, component => {
    count++
    visit(component)
  })
  return count
}

function visitSbom(statement: Statement, { outline, visitIn }: SbomReader, visit: ComponentVisitor): SbomHead {
  const { list, leftAside } = outline(statement)
  const { rest, items } = statement.predicateInParts(list, leftAside)
  return visitIn(rest, items, visit)
}

/** What kind of thing attestations of a type say; nothing for a type that has no reader here. */
export function predicateKindOf(predicateType: string): Predicate['kind'] | undefined {
  return readerOf(predicateType)?.kind
}

function readerOf(predicateType: string): Reader | undefined {
  return readers.find(({ types }) => types.test(predicateType))
}

type ReaderOf<K extends Predicate['kind']> = {
  readonly types: RegExp
  readonly kind: K
  readonly read: (predicate: Json | undefined) => Extract<Predicate, { readonly kind: K }>
}
type SbomReader = ReaderOf<'sbom'> & {
  readonly outline: (statement: Statement) => SbomOutline
  readonly visitIn: (predicate: Json | undefined, items: ListedItems, visit: ComponentVisitor) => SbomHead
}
type Reader = SbomReader | { [K in Exclude<Predicate['kind'], 'sbom'>]: ReaderOf<K> }[Exclude<Predicate['kind'], 'sbom'>]

/** By predicate type. The version may end the type of an SBOM or VEX document; the document itself says which it is. */
const readers: readonly Reader[] = [
  {
    types: /^https:\/\/slsa\.dev\/provenance\/v0\.2$/,
    kind: 'provenance',
    read: json => ({ kind: 'provenance', provenance: readSlsa02(json) }),
  },
  {
    types: /^https:\/\/slsa\.dev\/provenance\/v1$/,
    kind: 'provenance',
    read: json => ({ kind: 'provenance', provenance: readSlsa1(json) }),
  },
  {
    types: /^https:\/\/spdx\.dev\/Document(\/v[23](\.\d+){0,2})?$/,
    kind: 'sbom',
    outline: ({ predicateMembers }) => outlineOfSpdx(predicateMembers),
    visitIn: visitSpdx,
    read: json => ({ kind: 'sbom', sbom: readSpdx(json) }),
  },
  {
    types: /^https:\/\/cyclonedx\.org\/bom(\/v?1\.\d+)?$/,
    kind: 'sbom',
    outline: () => ({ list: 'components', leftAside: leftAsideOfCycloneDx }),
    visitIn: visitCycloneDx,
    read: json => ({ kind: 'sbom', sbom: readCycloneDx(json) }),
  },
  {
    types: /^(https:\/\/)?cosign\.sigstore\.dev\/attestation\/vuln\/v1$/,
    kind: 'scan',
    read: json => ({ kind: 'scan', scan: readVulnerabilityScan(json) }),
  },
  { types: /^https:\/\/openvex\.dev\/ns(\/v0\.[02]\.\d+)?$/, kind: 'vex', read: json => ({ kind: 'vex', vex: readVex(json) }) },
  { types: /^https:\/\/in-toto\.io\/Link\/v1$/, kind: 'link', read: json => ({ kind: 'link', link: readFullLink(json) }) },
  { types: /^https:\/\/in-toto\.io\/attestation\/link\/v0\.3$/, kind: 'link', read: json => ({ kind: 'link', link: readLink03(json) }) },
  {
    types: /^https:\/\/in-toto\.io\/attestation\/test-result\/v0\.1$/,
    kind: 'test-result',
    read: json => ({ kind: 'test-result', testResult: readTestResult(json) }),
  },
  {
    types: /^https:\/\/in-toto\.io\/attestation\/release\/v0\.[12]$/,
    kind: 'release',
    read: json => ({ kind: 'release', release: readRelease(json) }),
  },
  {
    types: /^(https:\/\/)?cosign\.sigstore\.dev\/attestation\/v1$/,
    kind: 'custom',
    read: json => ({ kind: 'custom', custom: readCustom(json) }),
  },
]
