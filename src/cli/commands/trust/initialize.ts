import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import { digestOf } from '../../../crypto/digest.ts'
import { formatTime } from '../../../formats/rfc3339.ts'
import { fetchFile } from '../../../kms/fetch-file.ts'
import { productionTufRoot } from '../../../trust/embedded/production-tuf-root.ts'
import { defaultMirror, trustedRootOf, trustTargets } from '../../../trust/load-trust.ts'
import { type OpenRepository, openRepository } from '../../../trust/tuf/client.ts'
import { metadataLimits } from '../../../trust/tuf/metadata.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { initializeFlags } from '../../flags/trust.ts'
import { tufRootToWrite } from '../../inputs/trusted-root.ts'
import { collectRepository } from './collected-repository.ts'

type Flags = FlagsOf<typeof initializeFlags>

const stagingMirror = 'https://tuf-repo-cdn.sigstage.dev'

/** `initialize`: proves a TUF repository and keeps it for later commands, in place of what was kept of it. */
export const initialize: CommandFunction<typeof initializeFlags> = async (context, flags) => {
  const mirror = mirrorOf(flags)
  const anchor = await rootOf(context, flags, mirror)
  const path = tufRootToWrite(context)
  const { world, signal, warn } = context
  const collected = collectRepository(undefined) // whoever initializes begins anew: a repository may have been made again
  const repository = await openRepository({ mirror, anchor, kept: collected.kept, world, signal, offline: false, mustRefresh: true, warn })
  const { source } = await trustedRootOf(repository, warn)
  for (const target of [trustTargets.signingConfig, trustTargets.signingConfigRekorV2]) await repository.target(target)
  await collected.store(context.files.folder(path), mirror)
  if (source.kind === 'tuf' && source.isLegacy)
    context.stdout(`Root status: \n ${JSON.stringify(rootStatus(repository, path), null, '\t')}\n`)
  context.stderr(`${summary(repository)}; kept in ${path}\n`)
  return 0
}

function mirrorOf({ mirror, staging, given }: Flags): string {
  if (staging && given.has('mirror')) throw new CountersignError('USAGE', 'want one of --mirror and --staging, got both')
  return staging ? stagingMirror : mirror || defaultMirror
}

/** The root to begin with, and only with the checksum asked for. Other mirrors than the public one may mirror it. */
async function rootOf(context: CommandContext, { root, rootChecksum, staging }: Flags, mirror: string): Promise<Uint8Array> {
  if (root === '') {
    if (rootChecksum !== '') throw new CountersignError('USAGE', '--root-checksum goes with --root')
    if (staging)
      throw new CountersignError('TRUST_UNAVAILABLE', `--staging: the root of ${mirror} does not come with countersign; give it by --root`)
    return encodeUtf8(productionTufRoot)
  }
  const checksum = rootChecksum === '' ? undefined : parseChecksum(rootChecksum)
  const isUrl = /^https?:\/\//.test(root)
  if (isUrl && !checksum)
    context.warn(
      'Fetching initial root from URL without providing its checksum is deprecated and will be disallowed in a future Cosign release. ' +
        'Please provide the initial root checksum via the --root-checksum argument.',
    )
  const bytes = isUrl ? await fetchRoot(context, root) : await context.files.read(root, metadataLimits.root.bytes)
  if (checksum) {
    const digest = encodeHex(digestOf(checksum.hash, bytes))
    if (digest !== checksum.hex)
      throw new CountersignError(
        'DIGEST_MISMATCH',
        `incorrect checksum for file ${root.split('?')[0]}: expected ${checksum.hex} but got ${digest}`,
      )
  }
  return bytes
}

async function fetchRoot({ world, signal }: CommandContext, url: string): Promise<Uint8Array> {
  if (!URL.canParse(url)) throw new CountersignError('USAGE', `--root: want a file or URL, got ${quote(url)}`)
  return await fetchFile(new URL(url), { fetch: world.fetch, signal }, metadataLimits.root.bytes)
}

/** `[sha256:|sha512:]HEX`. */
function parseChecksum(text: string): { readonly hash: 'sha256' | 'sha512'; readonly hex: string } {
  const [, algorithm = 'sha256', hex = ''] = /^(?:([^:]*):)?(.*)$/s.exec(text) ?? []
  if (algorithm !== 'sha256' && algorithm !== 'sha512')
    throw new CountersignError('USAGE', `unsupported checksum algorithm: ${quote(algorithm)}`)
  const length = algorithm === 'sha256' ? 64 : 128
  if (hex.length !== length || !/^[0-9a-fA-F]*$/.test(hex))
    throw new CountersignError('USAGE', `--root-checksum: want ${length} hexadecimal digits of ${algorithm}, got ${quote(hex)}`)
  return { hash: algorithm, hex: hex.toLowerCase() }
}

/** What cosign prints of repositories without trusted_root.json. */
function rootStatus({ mirror, metadata, files }: OpenRepository, path: string) {
  const standing = metadata.standing.toSorted((a, b) => (a.role < b.role ? -1 : 1))
  return {
    local: path,
    remote: mirror,
    metadata: Object.fromEntries(
      standing.map(({ role, version, expires }) => [
        `${role}.json`,
        { version, len: files.get(`${role}.json`)!.length, expiration: formatRfc822(expires), error: '' },
      ]),
    ),
    targets: metadata.targetPaths,
  }
}

/** `02 Jan 06 15:04 UTC`, as Go's `time.RFC822` writes it. */
function formatRfc822(time: Date): string {
  const [, day, month, year, clock] = /^\w+, (\d\d) (\w+) \d\d(\d\d) (\d\d:\d\d)/.exec(time.toUTCString()) ?? []
  return `${day} ${month} ${year} ${clock} UTC`
}

function summary({ mirror, metadata }: OpenRepository): string {
  const { role, expires } = metadata.firstToExpire
  return `TUF repository ${mirror}: root version ${metadata.rootVersion}, to be refreshed by ${formatTime(expires)} (${role}.json)`
}
