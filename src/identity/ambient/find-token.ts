import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { buildkiteAgent } from './buildkite.ts'
import { circleCi } from './circleci.ts'
import { githubActions } from './github-actions.ts'
import { environmentVariable, filesystem, gitlabCi } from './given.ts'
import { googleImpersonate, googleWorkloadIdentity } from './google.ts'
import type { AmbientEffects, AmbientProvider } from './provider.ts'
import { spiffe } from './spiffe.ts'

/** In the order in which they are tried. cosign's names, and two of our own: `gitlab-ci`, `circleci`. */
export const ambientProviders: readonly AmbientProvider[] = [
  githubActions,
  environmentVariable,
  gitlabCi,
  filesystem,
  googleWorkloadIdentity,
  googleImpersonate,
  buildkiteAgent,
  circleCi,
  spiffe,
]

/** A token as it was found, and where. */
export type FoundToken = { readonly token: string; readonly provider: string }

/**
 * A token of the place where this process runs: the first that one of the providers gives, or of the one that is named alone.
 *
 * @returns nothing where none of them is here
 * @throws CountersignError `USAGE` for a name that no provider has; where some are here and none gives a token, what the first of them said;
 *   `TOKEN_UNAVAILABLE` where the named one is not here
 * @see formats-and-flows §7
 */
export async function findAmbientToken(effects: AmbientEffects, only?: string): Promise<FoundToken | undefined> {
  if (only !== undefined) return await tokenOf(providerNamed(only), effects, true)
  const failures: CountersignError[] = []
  for (const provider of ambientProviders)
    try {
      if (await provider.isHere(effects, false)) return await tokenOf(provider, effects, false)
    } catch (error) {
      effects.signal.throwIfAborted()
      if (!(error instanceof CountersignError)) throw error
      failures.push(error)
    }
  const [first] = failures
  if (first) throw failures.length === 1 ? first : new CountersignError(first.code, first.message, { cause: new AggregateError(failures) })
  return undefined
}

function providerNamed(name: string): AmbientProvider {
  const provider = ambientProviders.find(one => one.name === name)
  if (provider) return provider
  const known = ambientProviders.map(one => one.name).join(', ')
  throw new CountersignError('USAGE', `--oidc-provider: want one of ${known}, got ${quote(name)}`)
}

async function tokenOf(provider: AmbientProvider, effects: AmbientEffects, isNamed: boolean): Promise<FoundToken> {
  if (!(await provider.isHere(effects, isNamed)))
    throw new CountersignError('TOKEN_UNAVAILABLE', `${provider.name}: this process does not run there, so it gives no identity token`)
  const token = (await provider.token(effects)).trim()
  if (token === '') throw new CountersignError('TOKEN_UNAVAILABLE', `${provider.name}: its identity token is empty`)
  return { token, provider: provider.name }
}
