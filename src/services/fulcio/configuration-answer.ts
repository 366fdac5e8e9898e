import type { FulcioConfig } from './configuration/fulcio-config.ts'
import { challengeClaimOf, type IssuerConfig } from './configuration/issuer-config.ts'

/** What `GET /api/v2/configuration` tells of the issuers. services.md §1.1. */
export function configurationAnswer({ issuers, metaIssuers }: FulcioConfig): { readonly issuers: readonly unknown[] } {
  return { issuers: [...issuers, ...metaIssuers].map(answerOf) }
}

function answerOf({ url, pattern, clientId, kind }: IssuerConfig) {
  return {
    ...(pattern ? { wildcardIssuerUrl: url } : { issuerUrl: url }),
    audience: clientId,
    challengeClaim: challengeClaimOf(kind),
    spiffeTrustDomain: kind.type === 'spiffe' ? kind.trustDomain : '',
    issuerType: kind.type,
    subjectDomain: kind.type === 'uri' || kind.type === 'username' ? kind.subjectDomain : '',
    skipEmailVerification: kind.type === 'email' && kind.skipEmailVerification,
  }
}
