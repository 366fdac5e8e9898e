import { existsSync, writeFileSync } from 'node:fs'
import { type Command, countersign, tool } from './command.ts'
import type { Place } from './place.ts'

/** How a signature is stored: `bundle` is a Sigstore bundle (cosign 3), `legacy` what cosign 2 writes. */
export type Format = 'bundle' | 'legacy'

/** A program that signs and verifies, with the flags by which it does so with a key and no log. */
export type Actor = {
  readonly name: 'countersign' | 'cosign 3' | 'cosign 2'
  readonly command: () => Command
  /** Formats in which it attaches signatures to images. */
  readonly attaches: readonly Format[]
  readonly signs: (format: Format) => readonly string[]
  readonly verifies: (format: Format, place: Place) => readonly string[]
}

const withoutLog = ['--tlog-upload=false', '--yes']
const withoutServices = [...withoutLog, '--use-signing-config=false']

export const ours: Actor = {
  name: 'countersign',
  command: countersign,
  attaches: ['bundle', 'legacy'],
  signs: format => [...withoutServices, ...(format === 'bundle' ? [] : ['--new-bundle-format=false'])],
  verifies: () => ['--insecure-ignore-tlog'], // the format is found by itself
}

export const cosign3: Actor = { ...ours, name: 'cosign 3', command: () => tool('cosign-3') }

/** cosign 2.5 writes bundles of files and attestations, never of image signatures; with a bundle it wants a trusted root, empty for a key. */
export const cosign2: Actor = {
  name: 'cosign 2',
  command: () => tool('cosign-2'),
  attaches: ['legacy'],
  signs: format => [...withoutLog, ...(format === 'bundle' ? ['--new-bundle-format'] : [])],
  verifies: (format, place) => [
    '--insecure-ignore-tlog',
    ...(format === 'bundle' ? ['--new-bundle-format', '--trusted-root', emptyTrustedRoot(place)] : []),
  ],
}

export const actors: readonly Actor[] = [ours, cosign3, cosign2]

function emptyTrustedRoot(place: Place): string {
  const path = place.path('empty-trusted-root.json')
  if (!existsSync(path)) writeFileSync(path, '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
  return path
}
