import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { findAmbientToken } from '../../../identity/ambient/find-token.ts'
import type { AmbientEffects } from '../../../identity/ambient/provider.ts'
import { checkUsable, type IdentityToken, looksLikeToken, parseIdentityToken } from '../../../identity/token-claims.ts'
import { machineEffects } from '../../../oci/credentials/credential-effects.ts'
import type { CommandContext } from '../../context.ts'
import type { ServicePlan } from './service-plan.ts'
import type { SignerFlags } from './signer-flags.ts'

/** Tokens for one command: a certificate is asked for with the one that was shown, and later ones with new ones. */
export type TokenSource = {
  /** The token to begin with; asked for once. */
  readonly first: () => Promise<IdentityToken>
  /** A token that can be used now: the first as long as it lasts, then another. */
  readonly next: () => Promise<IdentityToken>
}

const tokenLimitBytes = 64 << 10

/**
 * Where tokens come from: `--identity-token`, else the place where this runs, unless `--oidc-disable-ambient-providers`, else somebody who
 * logs in.
 *
 * @throws (from its functions) CountersignError `TOKEN_UNAVAILABLE`, `TOKEN_MALFORMED`, `TOKEN_INVALID`, `USAGE`, and as `findAmbientToken`
 * @see formats-and-flows §7
 */
export function tokenSource(context: CommandContext, flags: SignerFlags, plan: ServicePlan): TokenSource {
  const { now } = context.world
  let current: IdentityToken | undefined
  const obtain = async (): Promise<IdentityToken> => {
    const token = parseIdentityToken(await literalOf(context, flags, plan))
    checkUsable(token, now())
    current = token
    return token
  }
  const next = async () => (current && current.expires.getTime() > now().getTime() ? current : await obtain())
  return { first: next, next }
}

async function literalOf(context: CommandContext, flags: SignerFlags, plan: ServicePlan): Promise<string> {
  const { identityToken, fulcioAuthFlow, oidcDisableAmbientProviders, oidcProvider } = flags
  if (identityToken !== '') return await givenToken(context, identityToken)
  if (fulcioAuthFlow === 'token')
    throw new CountersignError('USAGE', '--fulcio-auth-flow token takes the token of --identity-token, and that is not given')
  if (fulcioAuthFlow === '' && !oidcDisableAmbientProviders) {
    const found = await findAmbientToken(ambientEffects(context), oidcProvider === '' ? undefined : oidcProvider)
    if (found) {
      context.debug(`identity token of ${found.provider}`)
      return found.token
    }
  }
  const { logIn } = await import('./login.ts')
  return await logIn(context, flags, plan)
}

/** A token itself, or the file that holds one. @throws CountersignError `TOKEN_MALFORMED`, `FILE_UNREADABLE`. A broken token must not be looked for as a file: the failure would show it. */
export async function givenToken(context: CommandContext, value: string): Promise<string> {
  if (looksLikeToken(value)) return value
  if (value.startsWith('eyJ') && value.length > 80)
    throw new CountersignError('TOKEN_MALFORMED', '--identity-token: begins like a token, and is none: want three parts of base64url')
  return decodeUtf8(await context.files.read(value, tokenLimitBytes), `identity token ${quote(value)}`, 'TOKEN_MALFORMED')
}

/** What looking for a token touches, as the command has it. */
export function ambientEffects(context: CommandContext): AmbientEffects {
  const { environment, world, signal, files } = context
  return {
    environment,
    world,
    signal,
    exists: files.exists,
    readText: async path => {
      if (!(await files.exists(path))) return undefined
      return decodeUtf8(await files.read(path, tokenLimitBytes), path)
    },
    run: async (program, args) => {
      const { run } = machineEffects(Object.fromEntries(environment))
      const { exitCode, output } = await run(program, args, new Uint8Array(0), { timeoutMs: 30_000, limitBytes: tokenLimitBytes })
      if (exitCode !== 0) throw new CountersignError('TOKEN_UNAVAILABLE', `${program}: want exit status 0, got ${exitCode ?? 'none'}`)
      return decodeUtf8(output, program)
    },
    connectSocket: async path => (await import('node:net')).connect(path),
  }
}
