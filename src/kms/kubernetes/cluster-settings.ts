import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { checkCertificates } from '../../oci/transport/certificates.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { checkBearerToken } from './bearer-token.ts'
import type { ClientCertificate } from './exec-credential.ts'
import { loadKubeconfig } from './kubeconfig.ts'
import { type ClusterAddress, readKubeconfigCluster } from './kubeconfig-cluster.ts'
import { readKubeconfigUser } from './kubeconfig-user.ts'

/** Where a cluster's API server is, and as whom it is spoken to. */
export type ClusterSettings = {
  readonly address: URL // of its root: paths of the interface follow
  readonly from: string // for messages: `context "prod"`
  readonly token: string | undefined
  readonly fetch: Fetch
}

/** Where a pod finds its service account. @see Kubernetes documentation, "Accessing the Kubernetes API from a Pod" */
const account = '/var/run/secrets/kubernetes.io/serviceaccount'
const fileLimitBytes = 1 << 20

/**
 * The cluster that kubectl would speak to: the one of the kubeconfig's current context; without a kubeconfig, in a pod, the one it is in.
 *
 * @throws CountersignError `USAGE` where there is neither; `CONFIGURATION_MALFORMED` and what else `loadKubeconfig`, `readKubeconfigCluster`
 *   and `readKubeconfigUser` throw
 */
export async function readClusterSettings(effects: ProviderEffects): Promise<ClusterSettings> {
  const kubeconfig = await loadKubeconfig(effects)
  if (!kubeconfig) return await settingsOfPod(effects)
  const cluster = await readKubeconfigCluster(kubeconfig.cluster, effects)
  const { token, clientCertificate } = kubeconfig.user ? await readKubeconfigUser(kubeconfig.user, cluster, effects) : {}
  const from = `context ${quote(kubeconfig.context)}`
  return { address: cluster.address, from, token, fetch: connectTo(cluster, clientCertificate, effects) }
}

async function settingsOfPod(effects: ProviderEffects): Promise<ClusterSettings> {
  const { environment, readFile } = effects
  const [host, port] = [environment.get('KUBERNETES_SERVICE_HOST'), environment.get('KUBERNETES_SERVICE_PORT')]
  if (!host || !port)
    throw new CountersignError(
      'USAGE',
      'Kubernetes: want a cluster in ~/.kube/config or in the files that KUBECONFIG names, or to be in a pod, got none',
    )
  const address =
    /^[\w.:-]+$/.test(host) && /^[0-9]{1,5}$/.test(port) && URL.parse(`https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  if (!address)
    throw new CountersignError(
      'USAGE',
      `KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: want a host and a port, got ${quote(host)} and ${quote(port)}`,
    )
  const read = async (path: string) => decodeUtf8(await readFile(path, fileLimitBytes), path, 'CONFIGURATION_MALFORMED')
  const [caPath, tokenPath] = [`${account}/ca.crt`, `${account}/token`]
  const ca = await read(caPath)
  checkCertificates(ca, caPath)
  const token = checkBearerToken((await read(tokenPath)).trim(), tokenPath)
  return { address, from: 'the service account of this pod', token, fetch: connectTo({ address, ca }, undefined, effects) }
}

/** The authority of a cluster stands alone: nobody else's certificate is its API server's. */
function connectTo(
  { ca, serverName }: ClusterAddress,
  clientCertificate: ClientCertificate | undefined,
  { connect, fetch }: ProviderEffects,
): Fetch {
  if (ca === undefined && serverName === undefined && !clientCertificate) return fetch
  return connect({
    ...(ca !== undefined && { onlyCa: ca }),
    ...(clientCertificate && { clientCertificate }),
    ...(serverName !== undefined && { serverName }),
  })
}
