import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { parseCertificatesPem, pemFileLimitBytes } from '../../../trust/pem-trust.ts'
import type { FulcioConfig } from '../../fulcio/configuration/fulcio-config.ts'

/** What Kubernetes mounts into a pod for its service account. */
const mount = '/var/run/secrets/kubernetes.io/serviceaccount'
const tokenLimitBytes = 64 << 10

/** Names of a cluster's own API server within it, which is the issuer of its service accounts. */
const clusterHosts = ['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']

/** How a pod asks the API server of its cluster. */
export type ClusterAccount = {
  readonly caCertificates: string // PEM, of the cluster
  /** Value of the Authorization header. The token is read anew each time, for it is exchanged every hour; it is a secret. */
  readonly authorization: () => Promise<string>
}

/** As much of a disk as is needed. */
export type MountedFiles = {
  readonly exists: (path: string) => Promise<boolean>
  readonly read: (path: string, limitBytes: number) => Promise<Uint8Array>
}

/**
 * The service account of the pod that this process runs in; nothing outside a cluster.
 *
 * @throws CountersignError of `parseCertificatesPem` where the mounted authorities are none; `authorization` throws `CREDENTIALS_UNAVAILABLE`
 *   where there is no token that a header can have, and never says one
 * @see services.md §1.3
 */
export async function openClusterAccount({ exists, read }: MountedFiles): Promise<ClusterAccount | undefined> {
  const [authorities, token] = [`${mount}/ca.crt`, `${mount}/token`]
  if (!(await exists(authorities)) || !(await exists(token))) return undefined
  const pem = await read(authorities, pemFileLimitBytes)
  parseCertificatesPem(pem, authorities)
  return {
    caCertificates: decodeUtf8(pem, authorities),
    authorization: async () => {
      const bytes = await read(token, tokenLimitBytes).catch(cause => {
        throw noToken(token, 'it cannot be read', cause)
      })
      const [text] = /^[\x21-\x7e]+(?=\s*$)/.exec(Buffer.from(bytes).toString('latin1')) ?? []
      if (text === undefined) throw noToken(token, 'want a token of visible characters, got something else')
      return `Bearer ${text}`
    },
  }
}

/** Nobody else's fault: whoever asks may ask again. */
function noToken(path: string, problem: string, cause?: unknown): CountersignError {
  return new CountersignError('CREDENTIALS_UNAVAILABLE', `${quote(path)}: ${problem}`, { cause })
}

/** A configuration of Fulcio for use within a cluster, and the headers for its issuers. */
export type InCluster = { readonly config: FulcioConfig; readonly issuerAuthorization: ReadonlyMap<string, () => Promise<string>> }

/**
 * Has the cluster's own issuer asked with the account of the pod, and its certificate held against the authorities of the cluster, unless the
 * configuration names others. No other issuer is.
 */
export function withClusterAccount(config: FulcioConfig, account: ClusterAccount | undefined): InCluster {
  if (!account) return { config, issuerAuthorization: new Map() }
  const isOwn = ({ url, kind }: FulcioConfig['issuers'][number]) => kind.type === 'kubernetes' && isOfCluster(new URL(url))
  return {
    config: {
      ...config,
      issuers: config.issuers.map(issuer =>
        isOwn(issuer) ? { ...issuer, caCertificates: issuer.caCertificates ?? account.caCertificates } : issuer,
      ),
    },
    issuerAuthorization: new Map(config.issuers.filter(isOwn).map(({ url }) => [url, account.authorization] as const)),
  }
}

function isOfCluster({ protocol, hostname, port }: URL): boolean {
  return protocol === 'https:' && clusterHosts.includes(hostname) && port === ''
}
