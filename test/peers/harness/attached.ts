import { writeFileSync } from 'node:fs'
import { runOk, tool } from './command.ts'
import type { Place } from './place.ts'
import { readManifest, type ServedDescriptor } from './registry-view.ts'

/** Artifact type of what `attachNote` attaches. */
export const noteType = 'application/vnd.example.note'

/** Attaches a file that is no signature to an image, by oras, and gives its digest. */
export async function attachNote(place: Place, image: string): Promise<string> {
  writeFileSync(place.path('note.txt'), 'not a signature\n')
  const args = ['attach', '--plain-http', '--artifact-type', noteType, '--format', 'json', image, 'note.txt:text/plain']
  return JSON.parse((await runOk(place, tool('oras'), args)).stdout).digest
}

/** What refers to an image, as `oras discover` tells it, sorted by digest. */
export async function discover(place: Place, image: string): Promise<readonly ServedDescriptor[]> {
  const { stdout } = await runOk(place, tool('oras'), ['discover', '--plain-http', '--format', 'json', image])
  const { manifests } = JSON.parse(stdout) as { readonly manifests: readonly ServedDescriptor[] | null }
  return (manifests ?? []).toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
}

/** How many signatures of each format an image has: bundles as oras finds them, layers of the tag of the older layout. */
export async function countSignatures(place: Place, image: string): Promise<{ readonly bundle: number; readonly legacy: number }> {
  const [, host, repository, digest] = image.match(/^([^/]+)\/(.+)@(sha256:[0-9a-f]{64})$/) ?? []
  const tag = await readManifest(host!, repository!, `${digest!.replace(':', '-')}.sig`)
  return { bundle: (await discover(place, image)).length, legacy: tag?.layers.length ?? 0 }
}

/** Our tree as cosign shows it: without what each layer says of itself. */
export function withoutFacts(tree: string): string {
  return tree.replace(/^( {3}[├└]── 🍒 sha256:[0-9a-f]{64}) {2}\(.*\)$/gm, '$1')
}
