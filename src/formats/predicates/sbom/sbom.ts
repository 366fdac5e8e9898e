/** One thing that an SBOM lists. */
export type Component = {
  readonly name: string
  readonly version?: string | undefined
  readonly purl?: string | undefined // the first, where there are several
  readonly licenses: readonly string[] // ids, names and expressions, as stated and each once; what says nothing (`NOASSERTION`) is left out
}

/** What a software bill of materials lists. */
export type Sbom = {
  readonly format: 'spdx' | 'cyclonedx'
  readonly version: string // of the format: `2.3`, `3.0.1`, `1.6`
  readonly components: readonly Component[] // those inside others too, and what the document as a whole is about
  readonly created?: Date | undefined
}

/** Components of one document, at most. */
export const maxComponents = 1_000_000

/** Licenses of one component, at most. */
export const maxLicenses = 10_000

/** Whether text in the place of a license names one, in a document of either format. Source: SPDX 2.3 §7.13. */
export function namesLicense(text: string): boolean {
  return text !== 'NOASSERTION' && text !== 'NONE' && text !== ''
}
