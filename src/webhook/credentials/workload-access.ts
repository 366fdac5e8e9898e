import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { CredentialSource, Credentials } from '../../oci/credentials/credentials.ts'
import { type Repository, repositoryName } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { repositoryUrl } from '../../oci/registry-exchange.ts'
import type { Access } from '../../policy/evaluate/access.ts'
import type { AdmittedObject } from '../../policy/model.ts'
import { credentialsOfPullSecret } from './pull-secret.ts'
import type { PullSecrets } from './pull-secrets.ts'
import { type Workload, workloadOf } from './workload.ts'

/** Access on behalf of one workload, and whose credentials it had. */
export type WorkloadAccess = {
  readonly access: Access
  /** For each repository, in words: where its credentials came from. Never what they are. */
  readonly sources: () => readonly string[]
  /** What there should have been and was not. */
  readonly warnings: () => readonly string[]
}

/** What registries are reached with. */
export type WorkloadAccessOptions = Pick<Access, 'now' | 'searchLog'> & {
  readonly pullSecrets: PullSecrets
  /** The webhook's own credentials, which come last. */
  readonly own: CredentialSource
  readonly openClient: (credentials: CredentialSource) => RegistryClient
}

const keptClients = 500

/**
 * Gives each object the credentials that the kubelet will have for its pods: of the policy's secrets, then of the pod's, then of its service
 * account's, the first that has some for the repository; then the webhook's own. A secret that is not there, or is none, is warned of and
 * passed over. Credentials go to the host of that repository and to no other.
 *
 * @see spec admission §5 "Credentials"
 */
export function createWorkloadAccess(options: WorkloadAccessOptions): (object: AdmittedObject) => WorkloadAccess {
  const { own, openClient, now, searchLog } = options
  const ownClient = openClient(own)
  const clients = new Map<string, RegistryClient>() // tokens of a registry are kept in them
  const clientOf = (host: string, credentials: Credentials): RegistryClient => {
    const key = encodeHex(sha256(encodeUtf8(JSON.stringify([host, credentials]))))
    const client = clients.get(key) ?? openClient(async asked => (asked === host ? credentials : await own(asked)))
    clients.delete(key) // the one that was used last is the last to go
    for (const oldest of clients.keys()) if (clients.size >= keptClients) clients.delete(oldest)
    clients.set(key, client)
    return client
  }
  return object => {
    const [sources, warnings] = [new Map<string, string>(), new Set<string>()]
    const warn = (line: string) => void warnings.add(line)
    return {
      sources: () => [...sources].map(([name, source]) => `${name}: ${source}`).sort(),
      warnings: () => [...warnings].sort(),
      access: {
        workload: JSON.stringify(workloadOf(object)),
        now,
        searchLog,
        clientFor: async (repository, policySecrets, signal) => {
          const found = await findCredentials(repository, policySecrets, workloadOf(object), options.pullSecrets, warn)
          signal.throwIfAborted()
          sources.set(repositoryName(repository), found?.source ?? "the webhook's own credentials")
          return found ? clientOf(repositoryUrl(repository, '').host, found.credentials) : ownClient
        },
      },
    }
  }
}

type Found = { readonly credentials: Credentials; readonly source: string }

/** @throws CountersignError where it could not be found out: that is no reason to ask as somebody else */
async function findCredentials(
  repository: Repository,
  policySecrets: readonly string[],
  { namespace, pullSecrets, serviceAccount }: Workload,
  cluster: PullSecrets,
  warn: (line: string) => void,
): Promise<Found | undefined> {
  const account = `service account ${quote(serviceAccount)}`
  const steps = [
    { of: 'of the policy', names: async () => policySecrets },
    { of: 'of the pod', names: async () => pullSecrets },
    {
      of: `of ${account}`,
      names: async () => {
        const names = await orWarning(() => cluster.ofAccount(namespace, serviceAccount), account, warn)
        if (names === undefined) warn(`${account} in namespace ${quote(namespace)} not found`)
        return names ?? []
      },
    },
  ]
  for (const { of, names } of steps)
    for (const name of await names()) {
      const what = `pull secret ${quote(name)} ${of}`
      const read = async () => {
        const data = await cluster.secret(namespace, name)
        if (!data) warn(`${what}: not found in namespace ${quote(namespace)}`)
        return data && credentialsOfPullSecret(data, repository, what)
      }
      const credentials = await orWarning(read, what, warn)
      if (credentials) return { credentials, source: what }
    }
  return undefined
}

async function orWarning<T>(read: () => Promise<T>, what: string, warn: (line: string) => void): Promise<T | undefined> {
  try {
    return await read()
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.kind === 'unavailable') throw cause
    warn(cause.message.startsWith(what) ? cause.message : `${what}: ${cause.message}`)
    return undefined
  }
}
