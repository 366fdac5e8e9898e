import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import type { Place } from '../../peers/harness/place.ts'
import { startServer } from '../../peers/harness/server.ts'
import { kmsTool } from './kms-tool.ts'
import { type ProviderManners, type ProviderProxy, startProviderProxy } from './provider-proxy.ts'
import type { ProviderRig } from './provider-rig.ts'

/** The rig of OpenBao, and what its own tests change there. */
export type OpenBaoRig = ProviderRig & {
  /** The server's own interface, with the root token: `data` or `auth` of its answer. */
  readonly ask: (method: string, path: string, body?: object) => Promise<Readonly<Record<string, unknown>>>
  /** A token that may do what these policies say, and look itself up. */
  readonly tokenFor: (...policies: readonly string[]) => Promise<string>
  /** Serves it by TLS too, with these PEMs. */
  readonly serveTls: (tls: { readonly key: string; readonly cert: string }) => Promise<ProviderProxy>
  /** Method and path of the requests since the counter was last asked. */
  readonly seen: () => readonly string[]
}

const rootToken = 'root-of-test'

/** What docs/kms/vault.md grants: all that commands do with a key, and nothing else. */
const policies = {
  create: 'path "transit/keys/*" { capabilities = ["update", "read"] }',
  sign: 'path "transit/keys/*" { capabilities = ["read"] } path "transit/sign/*" { capabilities = ["update"] }',
  verify: 'path "transit/keys/*" { capabilities = ["read"] }',
}

/**
 * A real OpenBao in development mode with its transit engine. It listens on a Unix socket of the place, for it does not tell which port it was
 * given; clients reach it through the proxy.
 */
export async function startOpenBaoRig(place: Place): Promise<OpenBaoRig> {
  const socketPath = place.path('openbao.sock')
  writeFileSync(place.path('openbao.hcl'), `listener "unix" { address = "${socketPath}" }\n`)
  const server = await startServer(
    place,
    kmsTool('openbao'),
    ['server', '-dev', '-dev-no-store-token', `-dev-root-token-id=${rootToken}`, '-dev-listen-address=127.0.0.1:0', '-config=openbao.hcl'],
    /(OpenBao server started)[\s\S]*dev mode is enabled/,
  )
  const ask: OpenBaoRig['ask'] = (method, path, body) => askOn(socketPath, method, path, body)
  await ask('POST', 'sys/mounts/transit', { type: 'transit' })
  for (const [name, policy] of Object.entries(policies)) await ask('POST', `sys/policies/acl/${name}`, { policy })
  const tokenFor: OpenBaoRig['tokenFor'] = async (...names) =>
    (await ask('POST', 'auth/token/create', { policies: names }))['client_token'] as string
  await ask('POST', 'transit/keys/nobody', { type: 'ecdsa-p256' })
  const { signature: foreign } = await ask('POST', 'transit/sign/nobody', { input: Buffer.alloc(32, 7).toString('base64') })
  const manners: ProviderManners = {
    upstream: new URL('http://localhost'),
    socketPath,
    throttle: ({ path }) => ({
      status: 429,
      headers: { 'content-type': 'application/json', 'retry-after': '1' },
      body: Buffer.from(JSON.stringify({ errors: [`request path "${path.slice('/v1/'.length)}": rate limit quota exceeded`] })),
    }),
    isSign: ({ path }) => path.startsWith('/v1/transit/sign/'),
    withForeignSignature: answer => {
      const body = JSON.parse(answer.body.toString('utf8'))
      body.data.signature = foreign
      return { ...answer, body: Buffer.from(JSON.stringify(body)) }
    },
  }
  const proxy = await startProviderProxy(manners)
  return {
    name: 'OpenBao',
    environment: { BAO_ADDR: proxy.url.origin, BAO_TOKEN: await tokenFor('create', 'sign') },
    algorithms: ['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048', 'rsa-3072', 'rsa-4096', 'ed25519'],
    reference: (key, version) => `openbao://${key}${version === undefined ? '' : `/versions/${version}`}`,
    create: async (key, type) => void (await ask('POST', `transit/keys/${key}`, { type })),
    createUnfit: async key => {
      await ask('POST', `transit/keys/${key}`, { type: 'aes256-gcm96' })
      return /want a key of type ecdsa-p256, .*, got "aes256-gcm96"/
    },
    rotate: async key => void (await ask('POST', `transit/keys/${key}/rotate`)),
    // Of a key that has one version the key itself is turned off; versions alone are by min_decryption_version.
    disable: async key => void (await ask('DELETE', `transit/keys/${key}/soft-delete`)),
    unknown: { BAO_TOKEN: 's.nobody' },
    forbidden: { BAO_TOKEN: await tokenFor('verify') },
    requests: proxy.requests,
    behave: proxy.behave,
    seen: proxy.seen,
    serveTls: tls => startProviderProxy({ ...manners, tls }),
    ask,
    tokenFor,
    stop: async () => {
      await proxy.stop()
      await server.stop()
    },
  }
}

function askOn(socketPath: string, method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath, method, path: `/v1/${path}`, headers: { 'x-vault-token': rootToken }, timeout: 10_000 },
      async answer => {
        const chunks: Buffer[] = []
        for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
        const text = Buffer.concat(chunks).toString('utf8')
        try {
          assert.ok(answer.statusCode === 200 || answer.statusCode === 204, `${method} ${path}: ${answer.statusCode} ${text}`)
          const { data, auth } = text === '' ? {} : JSON.parse(text)
          resolve(data ?? auth ?? {})
        } catch (cause) {
          reject(cause)
        }
      },
    )
    outgoing.once('error', reject)
    outgoing.once('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer within 10 s`)))
    outgoing.end(body && JSON.stringify(body))
  })
}
