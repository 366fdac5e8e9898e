import { type FulcioConfig, parseFulcioConfig } from '../fulcio/configuration/fulcio-config.ts'
import { ciPath } from '../issuer/clients/ci-tokens.ts'
import { publicClient } from '../issuer/configuration.ts'
import type { StackConfig } from './config.ts'

/**
 * Whom a stack's Fulcio certifies: what its configuration names, and users of its own issuer by their email addresses. In development also
 * the imitated CI, as GitHub's.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED`
 */
export async function fulcioConfigOf({ url, fulcio, issuer }: StackConfig, what: string, dev: boolean): Promise<FulcioConfig> {
  const own = new Map([
    ...(issuer ? [[url.origin, { 'client-id': publicClient, type: 'email' }] as const] : []),
    ...(issuer && dev ? [[url.origin + ciPath, { 'client-id': publicClient, type: 'github-workflow' }] as const] : []),
  ])
  const ours = await parseFulcioConfig(JSON.stringify({ 'oidc-issuers': Object.fromEntries(own) }), { what: 'own issuer' })
  if (fulcio.trim() === '') return ours
  const told = await parseFulcioConfig(fulcio, { what })
  return {
    issuers: [...told.issuers, ...ours.issuers.filter(issuer => !told.issuers.some(({ url }) => url === issuer.url))],
    metaIssuers: told.metaIssuers,
  }
}
