import { readCiProvider } from './ci-provider.ts'
import { type ConfigNode, fieldsOf, mapOf, parseConfigText } from './config-node.ts'
import { type IssuerConfig, readIssuer } from './issuer-config.ts'

/** Whose tokens a certificate authority accepts, and what it makes of them. */
export type FulcioConfig = {
  readonly issuers: readonly IssuerConfig[] // without patterns
  readonly metaIssuers: readonly IssuerConfig[] // in the order of the file, which is that in which they are tried
}

export type FulcioConfigOptions = {
  readonly what?: string // begins every message: the name of the file
  /** Issuers that are for the other one are left out. */
  readonly environment?: 'staging' | 'production' // production unless told
}

const sectionNames = ['oidc-issuers', 'meta-issuers', 'ci-issuer-metadata', 'define'] as const

/**
 * Reads a configuration of issuers, YAML or JSON, as Fulcio has it. What Fulcio would ignore is refused: unknown fields, fields that mean
 * nothing for the type of the issuer, templates that could fail later.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED` with the path, and in YAML the line, `LIMIT_EXCEEDED`
 * @see services.md §1.3
 */
export async function parseFulcioConfig(text: string, options: FulcioConfigOptions = {}): Promise<FulcioConfig> {
  const { what = 'issuer configuration', environment = 'production' } = options
  const sections = fieldsOf(await parseConfigText(text, what), sectionNames)
  const membersOf = (name: (typeof sectionNames)[number]): ReadonlyMap<string, ConfigNode> => {
    const section = sections.get(name)
    return section ? mapOf(section) : new Map()
  }
  const providers = new Map([...membersOf('ci-issuer-metadata')].map(([name, node]) => [name, readCiProvider(node)]))
  const read = (section: 'oidc-issuers' | 'meta-issuers', place: 'oidc' | 'meta') =>
    [...membersOf(section)]
      .map(([url, node]) => readIssuer(url, node, place, providers))
      .filter(issuer => (issuer.environment ?? environment) === environment)
  return { issuers: read('oidc-issuers', 'oidc'), metaIssuers: read('meta-issuers', 'meta') }
}

/** The issuer of tokens with this `iss`: the one with that very URL, else the first whose pattern fits; nothing where none is configured. */
export function findIssuer({ issuers, metaIssuers }: FulcioConfig, url: string): IssuerConfig | undefined {
  return issuers.find(issuer => issuer.url === url) ?? metaIssuers.find(({ pattern }) => pattern?.matches(url))
}

/** What Fulcio accepts where no file tells it otherwise. services.md §1.3. */
export const defaultFulcioConfigText = `oidc-issuers:
  https://oauth2.sigstore.dev/auth:
    client-id: sigstore
    type: email
    issuer-claim: $.federated_claims.connector_id
  https://accounts.google.com:
    client-id: sigstore
    type: email
  https://token.actions.githubusercontent.com:
    client-id: sigstore
    type: github-workflow
`
