import type { VerifiedIdToken } from '../../../identity/id-token.ts'
import type { IssuerKind } from '../configuration/issuer-config.ts'
import { ciProviderPrincipal } from './ci-provider-principal.ts'
import { buildkiteJob, codefreshWorkflow, githubWorkflow, gitlabPipeline } from './ci-services.ts'
import {
  chainguardIdentity,
  emailPrincipal,
  kubernetesPrincipal,
  spiffePrincipal,
  uriPrincipal,
  usernamePrincipal,
} from './people-and-workloads.ts'
import type { Principal } from './principal.ts'

/**
 * Whom a token is for, by the type of its issuer.
 *
 * @throws CountersignError `TOKEN_INVALID` where the token lacks what its type must say
 * @see services.md §1.3, the table of types
 */
export function principalOfToken(token: VerifiedIdToken, kind: IssuerKind): Principal {
  switch (kind.type) {
    case 'email':
      return emailPrincipal(token, kind)
    case 'github-workflow':
      return githubWorkflow(token)
    case 'gitlab-pipeline':
      return gitlabPipeline(token)
    case 'buildkite-job':
      return buildkiteJob(token)
    case 'codefresh-workflow':
      return codefreshWorkflow(token)
    case 'chainguard-identity':
      return chainguardIdentity(token)
    case 'kubernetes':
      return kubernetesPrincipal(token)
    case 'spiffe':
      return spiffePrincipal(token, kind)
    case 'uri':
      return uriPrincipal(token, kind)
    case 'username':
      return usernamePrincipal(token, kind)
    case 'ci-provider':
      return ciProviderPrincipal(token, kind.provider)
    default:
      throw new TypeError(`unhandled issuer type ${kind satisfies never}`)
  }
}
