import { encodeHex } from '../../../codec/hex.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { formatTime } from '../../../formats/rfc3339.ts'
import { productionTufRoot } from '../../../trust/embedded/production-tuf-root.ts'
import { defaultMirror, trustedRootOf, trustTargets } from '../../../trust/load-trust.ts'
import { openRepository } from '../../../trust/tuf/client.ts'
import { ProvenMetadata } from '../../../trust/tuf/metadata.ts'
import { createPack, encodePack } from '../../../trust/tuf/pack.ts'
import { httpRepository, parseMirror } from '../../../trust/tuf/repository.ts'
import type { CommandFunction } from '../../command.ts'
import type { trustExportFlags } from '../../flags/trust.ts'
import { tufOptions } from '../../inputs/trusted-root.ts'

/** `trust export`: all that TUF says of trust, in one file that proves itself. Prints its digest. */
export const exportTrust: CommandFunction<typeof trustExportFlags> = async (context, flags, [path]) => {
  const { world, signal, warn } = context
  const options = await tufOptions(context, flags)
  const opened = await openRepository({ ...options, mustRefresh: !flags.offline })
  await trustedRootOf(opened, warn) // what nobody could use is not carried anywhere
  const pack = await createPack(opened, [...Object.values(trustTargets), ...legacyTargets(opened.metadata)], {
    mirror: flags.offline ? undefined : httpRepository(parseMirror(options.mirror), { fetch: world.fetch, signal }),
    firstRoot: options.mirror === defaultMirror ? await embeddedVersion(world.now()) : 1,
    now: world.now(),
  })
  const bytes = encodePack(pack)
  await context.files.write(path!, bytes, { mode: 0o644 })
  context.stdout(`sha256:${encodeHex(sha256(bytes))}  ${path}\n`)
  context.stderr(
    `Trust of ${options.mirror} written to ${path}: ${pack.files.size} files, to be imported before ${formatTime(opened.metadata.firstToExpire.expires)}\n`,
  )
  return 0
}

/** Targets of cosign 2, for repositories that have no others. */
function legacyTargets(metadata: ProvenMetadata): readonly string[] {
  return metadata.targetPaths.filter(path => /\.(pem|pub)$/.test(path)).slice(0, 64)
}

/** Every countersign of this version can begin with this root, so none before it is carried along. */
async function embeddedVersion(now: Date): Promise<number> {
  return (await ProvenMetadata.begin(encodeUtf8(productionTufRoot), now)).rootVersion
}
