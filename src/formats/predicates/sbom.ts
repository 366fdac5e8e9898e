/** One thing that an SBOM lists. */
export type Component = {
  readonly name: string
  readonly version?: string | undefined
  readonly purl?: string | undefined
  readonly licenses: readonly string[] // ids, names and expressions, as stated and each once; what says nothing (`NOASSERTION`) is left out
}

/** What a software bill of materials lists. */
export type Sbom = {
  readonly format: 'spdx' | 'cyclonedx'
  readonly version: string // of the format: `2.3`, `1.6`
  readonly components: readonly Component[] // those inside others too, and what the document as a whole is about
  readonly created?: Date | undefined
}
