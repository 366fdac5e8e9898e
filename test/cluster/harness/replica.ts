import assert from 'node:assert/strict'
import { countersign } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { type Server, startServer } from '../../peers/harness/server.ts'
import type { ApiServer } from './api-server.ts'

const own = ['-n', 'cosign-system']
/** There is no network of Services: a replica is on loopback, and by that name. */
const changed = new Map([
  ['--listen=[::]:8443', '--listen=127.0.0.1:0'],
  ['--shutdown-delay=10s', '--shutdown-delay=0s'],
])

/** Starts a replica as the Deployment of deploy/ has it, which is applied already: by its flags, with the rights of its service account. */
export async function startReplica(place: Place, cluster: ApiServer): Promise<Server> {
  const { spec } = JSON.parse(await cluster.mustKubectl([...own, 'get', 'deployment', 'countersign-admission', '-o', 'json']))
  const { serviceAccountName, containers } = spec.template.spec
  const flags: string[] = containers[0].args
  for (const flag of changed.keys()) assert.ok(flags.includes(flag), flag)
  const token = (await cluster.mustKubectl([...own, 'create', 'token', serviceAccountName])).trim()
  return await startServer(
    place,
    countersign(),
    [...flags.map(flag => changed.get(flag) ?? flag), '--dns-name=localhost'],
    /^https:\/\/(127\.0\.0\.1:\d+)$/m,
    { KUBECONFIG: cluster.kubeconfigOf('bob', { user: { token } }) },
  )
}

/** Has both webhooks of the registrations lead to a replica. Whom to trust there it sees to itself. */
export async function leadToReplica(cluster: ApiServer, { host }: Server): Promise<void> {
  for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
    const { webhooks } = JSON.parse(await cluster.mustKubectl(['get', kind, 'policy.sigstore.dev', '-o', 'json']))
    for (const { clientConfig } of webhooks) {
      const { pathname } = new URL(clientConfig.service.path, 'https://localhost')
      delete clientConfig.service
      clientConfig.url = `https://localhost:${new URL(`https://${host}`).port}${pathname}`
    }
    await cluster.mustKubectl(['patch', kind, 'policy.sigstore.dev', '--type=merge', '-p', JSON.stringify({ webhooks })])
  }
}
