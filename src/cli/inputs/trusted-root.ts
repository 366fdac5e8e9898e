import { join } from 'node:path'
import { CountersignError, readAt } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { anchorOf, defaultMirror, type LoadedTrust, loadSigningConfig, loadTrustedRoot, type TrustSource } from '../../trust/load-trust.ts'
import type { SigningConfig } from '../../trust/signing-config.ts'
import { parseTrustedRoot, trustedRootLimitBytes } from '../../trust/trusted-root.ts'
import { keptRepository, readRemote } from '../../trust/tuf/cache.ts'
import type { TufOptions } from '../../trust/tuf/client.ts'
import { metadataLimits } from '../../trust/tuf/metadata.ts'
import type { CommandContext } from '../context.ts'

/** Where TUF repositories are kept: `TUF_ROOT`, else `~/.sigstore/root`; nothing where there is no home either. */
function tufRoot({ environment }: Pick<CommandContext, 'environment'>): string | undefined {
  const given = environment.get('TUF_ROOT')
  if (given) return given
  const home = environment.get('HOME') || environment.get('USERPROFILE')
  return home ? join(home, '.sigstore', 'root') : undefined
}

/** The same for a command that keeps something there. @throws CountersignError `USAGE` where there is no such place */
export function tufRootToWrite(context: Pick<CommandContext, 'environment'>): string {
  const path = tufRoot(context)
  if (path === undefined) throw new CountersignError('USAGE', 'no place to keep the repository: set TUF_ROOT, or HOME')
  return path
}

/**
 * How the environment says to open the TUF repository: the mirror of `TUF_MIRROR`, else the one that `initialize` chose, else the public
 * one; its root that of `TUF_ROOT_JSON`, else the one kept, else, for the public one alone, the one that comes with this program. The two
 * variables are announced: nobody typed them here.
 *
 * @throws CountersignError `FILE_UNREADABLE`, `TUF_MALFORMED` for a choice that cannot be read: no other may take its place
 */
export async function tufOptions(context: CommandContext, { offline }: { readonly offline: boolean }): Promise<TufOptions> {
  const { environment, world, signal, warn } = context
  for (const name of ['TUF_MIRROR', 'TUF_ROOT_JSON']) if (environment.get(name)) warn(`${name} is set, which decides whom to trust`)
  const path = tufRoot(context)
  const folder = path === undefined ? undefined : context.files.folder(path)
  const mirror = environment.get('TUF_MIRROR') || (folder && (await readRemote(folder))) || defaultMirror
  return {
    mirror,
    anchor: await anchorFor(context, mirror),
    kept: folder && keptRepository(folder, mirror),
    world,
    signal,
    offline,
    warn,
  }
}

async function anchorFor(context: CommandContext, mirror: string): Promise<Uint8Array | undefined> {
  const path = context.environment.get('TUF_ROOT_JSON')
  return path ? await context.files.read(path, metadataLimits.root.bytes) : anchorOf(mirror)
}

/**
 * Whom to trust: the file of `--trusted-root`, else what the TUF repository distributes. With `offline` no request is made.
 *
 * @param flags - `trustedRoot` is empty where the flag was not given
 * @throws CountersignError `FILE_UNREADABLE`, `TRUSTED_ROOT_MALFORMED`, `TRUST_EXPIRED`, `TRUST_UNAVAILABLE`, `TUF_UNTRUSTED`, …
 */
export async function trustFromFlags(
  context: CommandContext,
  flags: { readonly trustedRoot: string; readonly offline: boolean },
): Promise<LoadedTrust> {
  const { trustedRoot: path } = flags
  const loaded: LoadedTrust =
    path === ''
      ? await loadTrustedRoot(await tufOptions(context, flags))
      : { root: await readRoot(context, path), source: { kind: 'file', path } }
  for (const { at, baseUrl, reason } of loaded.root.unusable) context.warn(`trusted root: ${at} (${baseUrl}) cannot be used: ${reason}`)
  return loaded
}

/** The signing config that the TUF repository distributes. `target` is its name there. */
export async function signingConfigFromTuf(context: CommandContext, target?: string): Promise<SigningConfig> {
  return await loadSigningConfig(await tufOptions(context, { offline: false }), target)
}

/** Where trust came from, in words. */
export function describeSource(source: TrustSource): string {
  switch (source.kind) {
    case 'file':
      return `file ${source.path}`
    case 'tuf':
      return `TUF repository ${source.repository.mirror}${source.isLegacy ? ' (individual targets)' : ''}`
    case 'embedded':
      return 'the copy that comes with countersign'
    default:
      throw new TypeError(`unhandled source ${source satisfies never}`)
  }
}

async function readRoot(context: CommandContext, path: string) {
  const bytes = await context.files.read(path, trustedRootLimitBytes)
  return readAt(quote(path), () => parseTrustedRoot(bytes))
}
