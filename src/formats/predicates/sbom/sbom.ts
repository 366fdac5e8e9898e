import type { Json } from '../../../codec/json.ts'

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

/** What a reader says of a document whose components it hands on one by one. */
export type SbomHead = Omit<Sbom, 'components'>

/** How a document is read that is too large to be made into values at once. */
export type SbomOutline = {
  readonly list: string | undefined // the member of its own that lists its components, where they may be read one by one
  readonly leftAside: ReadonlySet<string> // names of members that decide nothing, wherever they are
}

/** Told of each component. */
export type ComponentVisitor = (component: Component) => void

/** Items of the document's own list, where they are apart from the document: each is passed to `read`. */
export type ListedItems = ((read: (item: Json, index: number) => void) => void) | undefined

/** Reads a document by a reader that hands its components on, and keeps them. */
export function collectComponents(read: (visit: ComponentVisitor) => SbomHead): Sbom {
  const components: Component[] = []
  const head = read(component => components.push(component))
  return { ...head, components }
}

/** Components of one document, at most. */
export const maxComponents = 1_000_000

/** Licenses of one component, at most. */
export const maxLicenses = 10_000

/** Whether text in the place of a license names one, in a document of either format. Source: SPDX 2.3 §7.13. */
export function namesLicense(text: string): boolean {
  return text !== 'NOASSERTION' && text !== 'NONE' && text !== ''
}
