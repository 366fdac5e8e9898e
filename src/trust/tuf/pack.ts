import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { parseJson, readAs, readObject, readObjectOf, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { formatTime, readTime } from '../../formats/rfc3339.ts'
import type { OpenRepository } from './client.ts'
import { metadataLimits } from './metadata.ts'
import { parseMirror, type TufRepository } from './repository.ts'
import { strongHashes } from './update.ts'

/**
 * A TUF repository in one file, to be carried where there is no network: what a client would fetch from the mirror today, under the same
 * names. It proves itself as the mirror does; what it says of itself beyond that, its date, is for people.
 */
export type TrustPack = {
  readonly mirror: string
  readonly exportedAt: Date
  readonly files: ReadonlyMap<string, Uint8Array> // by their paths below the mirror
}

const packMediaType = 'application/vnd.countersign.trust-pack.v1+json'
/** Bytes of a pack at most. */
export const packLimitBytes = 32 << 20
const maxFiles = 512
const maxFormerRoots = 256

/**
 * Packs an open repository with these targets, as far as it has them, and the roots before the present one, down to version `firstRoot`
 * or as far as the mirror has them: whoever trusts any of those can prove the pack.
 *
 * @param mirror - where former roots are; without it the pack has the present one alone
 */
export async function createPack(
  opened: OpenRepository,
  targets: readonly string[],
  { mirror, firstRoot, now }: { readonly mirror: TufRepository | undefined; readonly firstRoot: number; readonly now: Date },
): Promise<TrustPack> {
  const { metadata } = opened
  const files = new Map<string, Uint8Array>()
  for (const { role, version } of metadata.standing) {
    const isNumbered = role === 'root' || (role !== 'timestamp' && metadata.isConsistent)
    files.set(isNumbered ? `${version}.${role}.json` : `${role}.json`, opened.files.get(`${role}.json`)!)
  }
  const oldest = Math.max(firstRoot, 1, metadata.rootVersion - maxFormerRoots)
  for (let version = metadata.rootVersion - 1; mirror && version >= oldest; version--) {
    const root = await mirror.get([`${version}.root.json`], metadataLimits.root.bytes)
    if (!root) break
    files.set(`${version}.root.json`, root)
  }
  for (const path of targets) {
    const [target, bytes] = [await opened.find(path), await opened.target(path)]
    if (!target || !bytes) continue
    const prefix = metadata.isConsistent ? `${strongHashes(target)[0]!.wanted}.` : ''
    files.set(`targets/${path.replace(/[^/]*$/, name => `${prefix}${name}`)}`, bytes)
  }
  return { mirror: opened.mirror, exportedAt: now, files }
}

/** A pack as JSON. */
export function encodePack({ mirror, exportedAt, files }: TrustPack): Uint8Array {
  const encoded = Object.fromEntries(
    [...files].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([path, bytes]) => [path, encodeBase64(bytes)]),
  )
  return encodeUtf8(
    `${JSON.stringify({ mediaType: packMediaType, mirror, exportedAt: formatTime(exportedAt), files: encoded }, null, 2)}\n`,
  )
}

/**
 * Reads a pack. Nothing in it is proven.
 *
 * @throws CountersignError `TUF_MALFORMED`, `LIMIT_EXCEEDED`, `USAGE` for a mirror that is no URL
 */
export function parsePack(bytes: Uint8Array): TrustPack {
  return readAs('TUF_MALFORMED', 'trust pack', () => {
    const json = parseJson(bytes, 'trust pack', { bytes: packLimitBytes })
    const pack = readObjectOf(json, 'trust pack', ['mediaType', 'mirror', 'exportedAt', 'files'])
    const mediaType = readString(pack['mediaType'], 'mediaType')
    if (mediaType !== packMediaType)
      throw new CountersignError('TUF_MALFORMED', `trust pack: mediaType: want ${quote(packMediaType)}, got ${quote(mediaType)}`)
    const mirror = readString(pack['mirror'], 'mirror')
    parseMirror(mirror)
    const files = Object.entries(readObject(pack['files'], 'files'))
    if (files.length > maxFiles)
      throw new CountersignError('LIMIT_EXCEEDED', `trust pack: want at most ${maxFiles} files, got ${files.length}`)
    return {
      mirror,
      exportedAt: readTime(pack['exportedAt'], 'exportedAt'),
      files: new Map(
        files.map(([path, content]) => {
          const at = `files[${quote(path)}]`
          return [path, decodeBase64(readString(content, at), at, 'JSON_MALFORMED')]
        }),
      ),
    }
  })
}

/** The pack as the mirror it was made of. */
export function packRepository({ mirror, files }: TrustPack): TufRepository {
  return {
    name: `${mirror} in the trust pack`,
    get: async (path, limitBytes) => {
      const bytes = files.get(path.join('/'))
      if (bytes && bytes.length > limitBytes)
        throw new CountersignError(
          'LIMIT_EXCEEDED',
          `trust pack: ${quote(path.join('/'))}: want at most ${limitBytes} bytes, got ${bytes.length}`,
        )
      return bytes
    },
  }
}

/** The lowest version of a root in a pack, and its bytes: what whoever pins the whole pack may begin with. */
export function firstRootOf({ files }: TrustPack): Uint8Array | undefined {
  const versions = [...files.keys()].flatMap(path => /^([1-9]\d{0,8})\.root\.json$/.exec(path)?.[1] ?? []).map(Number)
  return files.get(`${Math.min(...versions)}.root.json`)
}
