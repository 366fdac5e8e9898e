import assert from 'node:assert/strict'
import { countersign } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { type Server, startServer } from '../../peers/harness/server.ts'
import type { ApiServer } from './api-server.ts'

const kinds = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'] as const
const name = 'policy.sigstore.dev'
const attempts = 100

/** Starts `countersign admission` on a free loopback port; `flags` say by which policies and certificates. */
export function startWebhook(place: Place, flags: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Server> {
  const args = ['admission', '--listen', '127.0.0.1:0', '--shutdown-delay', '0s', ...flags]
  return startServer(place, countersign(), args, /^https:\/\/(127\.0\.0\.1:\d+)$/m, env)
}

/**
 * Has the registrations of deploy/, which are applied already, lead to a webhook on this machine: there is no network of Services here. All
 * else that stands in them stays. Resolves when the API server asks both webhooks.
 *
 * @param namespace - one that is opted in
 * @param image - one that both admit
 */
export async function leadTo(cluster: ApiServer, webhook: Server, caPem: string, namespace: string, image: string): Promise<void> {
  for (const kind of kinds) {
    const { webhooks } = JSON.parse(await cluster.mustKubectl(['get', kind, name, '-o', 'json']))
    for (const one of webhooks) {
      const path = one.clientConfig.service?.path ?? new URL(one.clientConfig.url).pathname
      one.clientConfig = { url: `https://${webhook.host}${path}`, caBundle: Buffer.from(caPem).toString('base64') }
    }
    await cluster.mustKubectl(['patch', kind, name, '--type=merge', '-p', JSON.stringify({ webhooks })])
  }
  const isAsked = () => ['mutate', 'validate'].every(endpoint => webhook.log().includes(`"endpoint":"${endpoint}"`))
  for (let attempt = 0; !isAsked(); attempt++) {
    const args = ['-n', namespace, 'run', 'probe', '--dry-run=server', `--image=${image}`]
    const { stderr } = await cluster.kubectl(args)
    assert.ok(attempt < attempts, `the webhook was not asked\n${stderr}${webhook.log()}`)
  }
}
