import { CountersignError } from '../../codec/error.ts'
import { parseTrustedRoot, type TrustedRoot, trustedRootLimitBytes } from '../../trust/trusted-root.ts'
import type { CommandContext } from '../context.ts'

/** The trusted root that `--trusted-root` names, or the one that TUF brings. */
export async function loadTrustedRoot(
  context: CommandContext,
  flags: { readonly trustedRoot: string; readonly offline: boolean },
): Promise<TrustedRoot> {
  if (flags.trustedRoot !== '') return parseTrustedRoot(await context.files.read(flags.trustedRoot, trustedRootLimitBytes))
  throw new CountersignError('TRUST_UNAVAILABLE', 'no trusted root')
}
