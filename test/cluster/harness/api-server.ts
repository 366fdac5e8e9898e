import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createTransport } from '../../../src/oci/transport.ts'
import { type Ended, run, runOk } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { type Server, startServer } from '../../peers/harness/server.ts'
import { type Authority, createAuthority } from './authority.ts'
import { clusterTool } from './cluster-tool.ts'

/** A cluster without machines: what is asked of it is kept and admitted as in any other, and no pod ever runs. */
export type ApiServer = {
  readonly url: URL
  readonly authority: Authority // of the API server's certificate, and of clients'
  /** Path of a kubeconfig of somebody who may do everything, by a client certificate. */
  readonly kubeconfig: string
  /** Path of a kubeconfig of a user who may do nothing yet, by a token. */
  readonly kubeconfigOf: (user: 'ann' | 'bob', changes?: KubeconfigChanges) => string
  /** Runs kubectl with all rights; `input` is its standard input. An exit status that is not 0 is an answer. */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<Ended>
  /** The same, which must succeed: standard output. */
  readonly mustKubectl: (args: readonly string[], input?: string) => Promise<string>
  /** Ends the API server, and starts it again where it was. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** What a kubeconfig has in place of what it would. */
export type KubeconfigChanges = { readonly cluster?: object; readonly user?: object }

/** Whose tokens are whose; each is of a user of no group. */
export const clusterTokens = { ann: 'ann-s3cret', bob: 'bob-s3cret' } as const

const servingLine = /Serving securely on (127\.0\.0\.1:\d+)/
const [attempts, attemptMs, readyMs] = [3, 250, 60_000]

/**
 * Starts etcd, on a socket in the place, and the API server of Kubernetes, on a free loopback port, and waits until it says that it is ready.
 * Authorization is RBAC. No controllers run: there are no service accounts of pods, so admission does not ask for them.
 */
export async function startApiServer(place: Place): Promise<ApiServer> {
  const authority = await createAuthority(place)
  const [serving, admin] = [await authority.issueServer('api-server'), await authority.issueClient('admin', '/O=system:masters/CN=admin')]
  await runOk(place, ['openssl'], ['genrsa', '-out', 'service-accounts.key', '2048'])
  writeFileSync(
    place.path('tokens.csv'),
    `${Object.entries(clusterTokens)
      .map(([user, token]) => `${token},${user},${user}\n`)
      .join('')}`,
  )
  const etcd = await startEtcd(place)
  const args = [
    ...[
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      '--service-cluster-ip-range=10.0.0.0/24',
    ],
    ...[`--tls-cert-file=${serving.certPath}`, `--tls-private-key-file=${serving.keyPath}`],
    ...[`--client-ca-file=${authority.path}`, '--token-auth-file=tokens.csv', '--authorization-mode=RBAC'],
    ...['--service-account-issuer=https://kubernetes.default.svc', '--service-account-key-file=service-accounts.key'],
    ...['--service-account-signing-key-file=service-accounts.key', '--disable-admission-plugins=ServiceAccount'],
  ]
  const [first, url] = await startOnFreePort(place, args, authority)
  let server = first
  let written = 0
  const writeKubeconfig = (user: object, cluster: object = {}) => {
    const path = place.path(`kubeconfig-${written++}`)
    const own = { server: url.origin, 'certificate-authority': authority.path, ...cluster }
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [{ name: 'test', cluster: own }],
      users: [{ name: 'test', user }],
    }
    writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
    return path
  }
  const kubeconfig = writeKubeconfig({ 'client-certificate': admin.certPath, 'client-key': admin.keyPath })
  const kubectl: ApiServer['kubectl'] = (asked, input = '') =>
    run(place, clusterTool('kubectl'), asked, { env: { KUBECONFIG: kubeconfig }, input })
  return {
    url,
    authority,
    kubeconfig,
    kubeconfigOf: (name, { cluster, user } = {}) => writeKubeconfig(user ?? { token: clusterTokens[name] }, cluster),
    kubectl,
    mustKubectl: async (asked, input) => {
      const { code, stdout, stderr } = await kubectl(asked, input)
      if (code !== 0) throw new Error(`kubectl ${asked.join(' ')}: exit status ${code}\n${stdout}${stderr}`)
      return stdout
    },
    restart: async () => {
      await server.stop()
      server = await startServer(place, clusterTool('kube-apiserver'), [...args, `--secure-port=${url.port}`], servingLine)
      await untilReady(server, url, authority)
    },
    stop: async () => {
      await server.stop()
      await etcd.stop()
    },
  }
}

const etcdUrl = 'unix://etcd.sock:0' // a socket of that name in the folder in which both run: etcd does not tell which port it was given

function startEtcd(place: Place): Promise<Server> {
  const nobody = 'http://127.0.0.1:0' // it has no peers
  return startServer(
    place,
    clusterTool('etcd'),
    [
      ...['--data-dir=etcd', `--listen-client-urls=${etcdUrl}`, `--advertise-client-urls=${etcdUrl}`, '--unsafe-no-fsync'],
      ...[`--listen-peer-urls=${nobody}`, `--initial-advertise-peer-urls=${nobody}`, `--initial-cluster=default=${nobody}`],
    ],
    /(ready to serve client requests)/,
  )
}

/** It takes no port 0: one that is free now may be taken when it listens, and then another is tried. */
async function startOnFreePort(place: Place, args: readonly string[], authority: Authority): Promise<readonly [Server, URL]> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const url = new URL(`https://127.0.0.1:${port}`)
    try {
      const server = await startServer(place, clusterTool('kube-apiserver'), [...args, `--secure-port=${port}`], servingLine)
      await untilReady(server, url, authority)
      return [server, url]
    } catch (cause) {
      if (attempt === attempts || !/address already in use/.test(String(cause))) throw cause
    }
  }
}

async function untilReady(server: Server, url: URL, authority: Authority): Promise<void> {
  const fetch = createTransport({ onlyCa: authority.pem })
  const signal = AbortSignal.timeout(readyMs)
  let said = 'nothing'
  while (!signal.aborted) {
    const response = await fetch(new URL('/readyz', url), { signal })
    said = `status ${response.status}: ${await response.text()}`
    if (response.status === 200) return
    await pause(attemptMs)
  }
  await server.stop()
  throw new Error(`kube-apiserver: not ready within ${readyMs} ms, it says ${said}\n${server.log()}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
