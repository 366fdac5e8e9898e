import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readArray, readAs, readObject, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { ClusterConnection } from '../cluster/cluster-connection.ts'

const kinds = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const
const maxWebhooks = 100

/** What was told to the API server. */
export type Published = { readonly changed: readonly string[] } // configurations: `KIND/NAME`

/**
 * Has the API server trust these certificates, and no others, when it asks a webhook that leads to one of these names: they become the
 * `caBundle` of its configurations, where another stands there. Webhooks that lead elsewhere are left as they are, and so is all that others
 * have changed in the meantime: then it is refused, and is done again.
 *
 * @param name - of both configurations; one may be missing
 * @param dnsNames - `SERVICE.NAMESPACE.svc` for a Service, or the host of a URL
 * @param authorities - in PEM
 * @throws CountersignError `SERVICE_REFUSED` where no webhook leads to these names; as `connection`
 */
export async function publishAuthorities(
  connection: ClusterConnection,
  name: string,
  dnsNames: readonly string[],
  authorities: string,
  signal: AbortSignal,
): Promise<Published> {
  const bundle = encodeBase64(encodeUtf8(authorities))
  const changed: string[] = []
  let own = 0
  for (const kind of kinds) {
    const path = `/apis/admissionregistration.k8s.io/v1/${kind}/${name}`
    const configuration = await connection.get(path, signal)
    if (!configuration) continue
    const { resourceVersion, webhooks } = readConfiguration(configuration, `${kind} ${quote(name)}`)
    const ours = webhooks.filter(webhook => dnsNames.includes(webhook.host))
    own += ours.length
    if (ours.every(({ caBundle }) => caBundle === bundle)) continue
    const told = webhooks.map(({ webhook, clientConfig, host }) =>
      dnsNames.includes(host) ? { ...webhook, clientConfig: { ...clientConfig, caBundle: bundle } } : webhook,
    )
    if (await connection.merge(path, { metadata: { resourceVersion }, webhooks: told }, signal)) changed.push(`${kind}/${name}`)
  }
  if (own === 0)
    throw new CountersignError(
      'SERVICE_REFUSED',
      `webhook configurations ${quote(name)}: want a webhook that leads to ${dnsNames.map(dns => quote(dns)).join(' or ')}, got none`,
    )
  return { changed }
}

type Registered = {
  readonly webhook: JsonObject
  readonly clientConfig: JsonObject
  readonly host: string // to which it leads
  readonly caBundle: unknown
}

function readConfiguration(configuration: JsonObject, what: string): { resourceVersion: string; webhooks: readonly Registered[] } {
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => {
    const { resourceVersion } = readObject(configuration['metadata'], `${what}: metadata`)
    const webhooks = readArray(configuration['webhooks'] ?? [], `${what}: webhooks`, maxWebhooks, (value, at) => {
      const webhook = readObject(value, at)
      const clientConfig = readObject(webhook['clientConfig'], `${at}.clientConfig`)
      return { webhook, clientConfig, host: hostOf(clientConfig, `${at}.clientConfig`), caBundle: clientConfig['caBundle'] }
    })
    return { resourceVersion: readString(resourceVersion, `${what}: metadata.resourceVersion`), webhooks }
  })
}

function hostOf({ service, url }: JsonObject, at: string): string {
  if (service === undefined) return URL.parse(readString(url, `${at}.url`))?.hostname ?? ''
  const { name, namespace } = readObject(service, `${at}.service`)
  return `${readString(name, `${at}.service.name`)}.${readString(namespace, `${at}.service.namespace`)}.svc`
}
