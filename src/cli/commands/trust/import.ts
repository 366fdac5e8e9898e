import { CountersignError, readAt } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { formatTime } from '../../../formats/rfc3339.ts'
import { anchorOf, trustedRootOf, trustTargets } from '../../../trust/load-trust.ts'
import { keptRepository } from '../../../trust/tuf/cache.ts'
import { openRepository } from '../../../trust/tuf/client.ts'
import { metadataLimits } from '../../../trust/tuf/metadata.ts'
import { firstRootOf, packLimitBytes, packRepository, parsePack, type TrustPack } from '../../../trust/tuf/pack.ts'
import type { CommandFunction } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { trustImportFlags } from '../../flags/trust.ts'
import { readBlob } from '../../inputs/artifacts.ts'
import { tufRootToWrite } from '../../inputs/trusted-root.ts'
import { collectRepository } from './collected-repository.ts'

/** `trust import`: proves a file of `trust export` as its repository would be proven, and keeps it for later commands. */
export const importTrust: CommandFunction<typeof trustImportFlags> = async (context, { digest, root }, [path]) => {
  const bytes = await readBlob(context, path!, packLimitBytes)
  const actual = `sha256:${encodeHex(sha256(bytes))}`
  if (digest !== '' && !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new CountersignError('USAGE', `--digest: want sha256: and 64 hexadecimal digits, got ${quote(digest)}`)
  if (digest !== '' && digest !== actual) throw new CountersignError('DIGEST_MISMATCH', `${path}: want ${digest}, got ${actual}`)
  const pack = readAt(quote(path!), () => parsePack(bytes))
  const place = tufRootToWrite(context)
  const cache = context.files.folder(place)
  const collected = collectRepository(keptRepository(cache, pack.mirror))
  const { world, signal, warn } = context
  const opened = await openRepository({
    mirror: pack.mirror,
    anchor: await anchorFor(context, pack, root, digest !== ''),
    kept: collected.kept,
    repository: packRepository(pack),
    world,
    signal,
    offline: false, // the file stands for the network
    mustRefresh: true,
    warn,
  })
  await trustedRootOf(opened, warn)
  for (const target of [trustTargets.signingConfig, trustTargets.signingConfigRekorV2]) await takeIfPacked(opened.target(target))
  await collected.store(cache, pack.mirror)
  context.stderr(
    `Trust of ${pack.mirror}, exported ${formatTime(pack.exportedAt)}, kept in ${place}: root version ${opened.metadata.rootVersion}, ` +
      `to be renewed before ${formatTime(opened.metadata.firstToExpire.expires)}\n`,
  )
  context.stdout(`${actual}  ${path}\n`)
  return 0
}

/** Whoever names the digest of the file trusts what is in it, the root among it; only where no other root is known. */
async function anchorFor(context: CommandContext, pack: TrustPack, root: string, isPinned: boolean): Promise<Uint8Array | undefined> {
  const given = root || context.environment.get('TUF_ROOT_JSON')
  if (given) return await context.files.read(given, metadataLimits.root.bytes)
  return anchorOf(pack.mirror) ?? (isPinned ? firstRootOf(pack) : undefined)
}

/** A pack need not hold every target of its repository. */
async function takeIfPacked(target: Promise<Uint8Array | undefined>): Promise<void> {
  try {
    await target
  } catch (failure) {
    if (!(failure instanceof CountersignError) || failure.code !== 'SERVICE_UNAVAILABLE') throw failure
  }
}
