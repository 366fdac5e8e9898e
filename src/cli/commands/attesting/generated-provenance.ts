import { CountersignError } from '../../../codec/error.ts'
import { findAmbientToken } from '../../../identity/ambient/find-token.ts'
import { checkUsable, type IdentityToken, parseIdentityToken } from '../../../identity/token-claims.ts'
import { type ProvenanceSource, provenanceSource } from '../../../sign/attestation/provenance/generate.ts'
import type { CommandContext } from '../../context.ts'
import { ambientEffects, givenToken } from '../../inputs/signing/token-source.ts'

/** The flags that say which identity token vouches for provenance. */
export type ProvenanceFlags = {
  readonly identityToken: string
  readonly key: string
  readonly oidcDisableAmbientProviders: boolean
}

/**
 * SLSA provenance 1 of the job that this process runs in, as JSON: by the identity token of the job where it has one, else by its environment
 * alone, which is said.
 *
 * @throws CountersignError `CAPABILITY_MISSING` outside of a CI system that is known, `TOKEN_INVALID` for the token of another job or
 *   issuer, and as `factOf`; without a key also where no token is to be had, for then nobody could sign either
 */
export async function generateProvenance(context: CommandContext, flags: ProvenanceFlags): Promise<Uint8Array> {
  const source = provenanceSource(context.environment)
  const token = await tokenOf(context, flags, source)
  if (token) checkUsable(token, context.world.now())
  else context.warn(`no identity token vouches for this provenance: what it says is what the environment of the job says`)
  if (token && flags.key !== '')
    context.warn('nobody verifies the identity token that this provenance is made of: --key signs it without one')
  const { predicate, doubts } = source.generate({ environment: context.environment, claims: token?.claims })
  for (const doubt of doubts)
    context.warn(`${token ? 'the identity token does not tell' : 'without an identity token it cannot be told'} ${doubt}`)
  context.stderr(`Generated provenance of this job of ${source.name}\n`)
  return new TextEncoder().encode(JSON.stringify(predicate))
}

async function tokenOf(
  context: CommandContext,
  { identityToken, key, oidcDisableAmbientProviders }: ProvenanceFlags,
  { provider }: ProvenanceSource,
): Promise<IdentityToken | undefined> {
  if (identityToken !== '') return parseIdentityToken(await givenToken(context, identityToken))
  if (oidcDisableAmbientProviders) return undefined
  try {
    const found = await findAmbientToken(ambientEffects(context), provider)
    return found && parseIdentityToken(found.token)
  } catch (error) {
    if (error instanceof CountersignError && error.code === 'TOKEN_UNAVAILABLE' && key !== '') return undefined
    throw error
  }
}
