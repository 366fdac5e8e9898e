import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { BundleCase } from '../conformance/bundle-cases.ts'

/** Something that verifies bundles. */
export type Judge = {
  readonly name: 'countersign' | 'sigstore-go' | 'cosign 3' | 'sigstore-js'
  /**
   * Whether it accepts a bundle as evidence for a case's artifact, by that case's trust and signer.
   *
   * @param bundle - instead of the case's own
   * @throws when it did not answer: a crash is no refusal
   */
  readonly judge: (one: BundleCase, bundle: Uint8Array, artifact: ArtifactForm) => Promise<Judgement>
}

/** How the artifact is handed over. */
export type ArtifactForm = 'file' | 'digest'

/** A verdict, with the reason of a refusal in the judge's own words. */
export type Judgement = { readonly outcome: 'accepted' } | { readonly outcome: 'refused'; readonly reason: string }

export const accepted: Judgement = { outcome: 'accepted' }

/** SHA-256 of a case's artifact in hex. */
export function digestOf(one: BundleCase): string {
  return createHash('sha256').update(readFileSync(one.artifact)).digest('hex')
}
