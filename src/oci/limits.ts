import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'

const mebibyte = 1024 * 1024

/** What a registry may cost us. Each is far above any honest use; past it the answer is `LIMIT_EXCEEDED`. */
export const ociLimits = {
  /** Bytes of one manifest or index: what OCI distribution-spec §3 asks registries to accept at least. */
  manifestBytes: 4 * mebibyte,
  /** Layers of one manifest, entries of one index, referrers of one image: cosign's own limit for signatures. */
  descriptors: 1000,
  /** Bytes of all manifests that refer to one image, which are kept until all are there. Honest ones have 2 KiB each. */
  referrersTotalBytes: 64 * mebibyte,
  /** Bytes of one signature or attestation payload, unless `COSIGN_MAX_ATTACHMENT_SIZE` says otherwise. */
  attachmentBytes: 128 * mebibyte,
  /** Bytes of all payloads of one tag together: a thousand large ones would exhaust the machine (GHSA-95pr-fxf5-86gv). */
  attachmentsTotalBytes: 1024 * mebibyte,
  /** Pages of one referrers listing. */
  referrerPages: 100,
  /** Tags of one repository. */
  tags: 100_000,
  /** Pages of one list of tags: registries send 50 at least, unless they have no more. */
  tagPages: 2000,
  /** Indexes inside indexes, the outermost counted. Honest images have one, at times two. */
  indexDepth: 4,
  /** Manifests of one image, over all its indexes. */
  treeManifests: 1000,
  /** Manifests that are copied with one image: its own and all that is attached. */
  mirrorManifests: 10_000,
  /** Bytes of these manifests together. */
  mirrorManifestsTotalBytes: 256 * mebibyte,
  /** Things attached to things attached to an image. Honest ones are two levels: a signature of an SBOM. */
  attachedDepth: 8,
} as const

const units = new Map([
  ['', 1],
  ['b', 1],
  ...['k', 'm', 'g', 't'].flatMap((letter, index): [string, number][] => [
    [letter, 1000 ** (index + 1)],
    [`${letter}b`, 1000 ** (index + 1)],
    [`${letter}i`, 1024 ** (index + 1)],
    [`${letter}ib`, 1024 ** (index + 1)],
  ]),
])

/**
 * Bytes that a size as people write it means: `1048576`, `64MiB`, `1.5 GB`. `MB` is 10^6, `MiB` is 2^20, capitals do not
 * matter; these are the sizes `COSIGN_MAX_ATTACHMENT_SIZE` takes.
 *
 * @throws CountersignError `USAGE`; `what` begins the message
 */
export function parseByteSize(text: string, what: string): number {
  const [, number, unit] = /^([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]{0,3})$/.exec(text.trim()) ?? []
  const scale = unit === undefined ? undefined : units.get(unit.toLowerCase())
  const bytes = Math.floor(Number(number) * (scale ?? Number.NaN))
  if (!Number.isSafeInteger(bytes) || bytes === 0)
    throw new CountersignError('USAGE', `${what}: want a size such as 64MiB or 1048576, got ${quote(text)}`)
  return bytes
}
