import type { Json } from '../../codec/json.ts'
import type { Scan } from '../scan-reports/scan.ts'
import type { Provenance } from './provenance.ts'
import type { Sbom } from './sbom.ts'

export type { Finding, Scan, Severity } from '../scan-reports/scan.ts'
export type { Provenance, Source } from './provenance.ts'
export type { Component, Sbom } from './sbom.ts'

/** What an attestation says, in a type of its own for each kind of document that is known here. */
export type Predicate =
  | { readonly kind: 'provenance'; readonly provenance: Provenance }
  | { readonly kind: 'sbom'; readonly sbom: Sbom }
  | { readonly kind: 'scan'; readonly scan: Scan }

/**
 * Reads what an attestation says, by its predicate type. Members that decide nothing here are left aside.
 *
 * @returns nothing for a type that has no reader here: such a predicate is carried untouched
 * @throws CountersignError `PREDICATE_MALFORMED` with the place in the document; `LIMIT_EXCEEDED`
 */
export function readPredicate(predicateType: string, predicate: Json | undefined): Predicate | undefined {
  return readers.get(predicateType)?.(predicate)
}

const readers: ReadonlyMap<string, (predicate: Json | undefined) => Predicate> = new Map()
