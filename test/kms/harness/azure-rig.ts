import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runOk } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { startServer } from '../../peers/harness/server.ts'
import { kmsTool } from './kms-tool.ts'
import { startProviderProxy } from './provider-proxy.ts'
import type { ProviderRig } from './provider-rig.ts'

/** The rig of Azure, and what its own tests make in the vault beside it. */
export type AzureRig = ProviderRig & {
  /** Changes attributes of a version: `enabled`, and `nbf` and `exp` in seconds since 1970. */
  readonly change: (key: string, version: number, attributes: Readonly<Record<string, boolean | number>>) => Promise<void>
}

const algorithms: ReadonlyMap<string, object> = new Map([
  ['EC P-256', { kty: 'EC', crv: 'P-256' }],
  ['EC P-384', { kty: 'EC', crv: 'P-384' }],
  ['EC-HSM P-521', { kty: 'EC-HSM', crv: 'P-521' }],
  ['RSA 2048', { kty: 'RSA', key_size: 2048 }],
  ['RSA-HSM 3072', { kty: 'RSA-HSM', key_size: 3072 }],
  ['RSA 4096', { kty: 'RSA', key_size: 4096 }],
])

/**
 * The vault of tools/azure-keyvault. Tokens come as on App Service: the SDK's default chain asks the identity endpoint of its environment, whose
 * answer is the secret that it is asked with, so that a secret is as good as a role.
 */
export async function startAzureRig(place: Place): Promise<AzureRig> {
  const vault = await startServer(place, kmsTool('azure-keyvault'), [], /listening on (127\.0\.0\.1:\d+)/)
  const [key, cert] = [place.path('vault.key'), place.path('vault.crt')]
  await runOk(
    place,
    ['openssl', 'req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2'],
    [...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]],
  )
  const foreign = new Map<number, Buffer>() // by length: well-formed signatures by keys of nobody
  const proxy = await startProviderProxy({
    upstream: new URL(`http://${vault.host}`),
    tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') },
    // As the service does it: no Retry-After. Source: Key Vault throttling guidance.
    throttle: () => ({
      status: 429,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('{"error":{"code":"Throttled","message":"Request was not processed because too many requests were received."}}'),
    }),
    isSign: ({ path }) => /\/sign(\?|$)/.test(path),
    withForeignSignature: answer => {
      const body = JSON.parse(answer.body.toString('utf8'))
      const signature = Buffer.from(body.value, 'base64url')
      body.value = (foreign.get(signature.length) ?? Buffer.alloc(signature.length, 1)).toString('base64url')
      return { ...answer, body: Buffer.from(JSON.stringify(body)) }
    },
  })
  const ask = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<{ readonly key: { readonly kid: string }; readonly value: string }> => {
    const response = await fetch(`http://${vault.host}/keys/${path}?api-version=7.6`, {
      method,
      headers: { authorization: 'Bearer owner', host: proxy.url.host },
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Awaited<ReturnType<typeof ask>>
    assert.ok(response.ok, JSON.stringify(answer))
    return answer
  }
  const made = new Map<string, string[]>() // versions by key, oldest first
  const make = async (name: string, parameters: object) => {
    const { key } = await ask('POST', `${name}/create`, parameters)
    made.set(name, [...(made.get(name) ?? []), key.kid.split('/').at(-1)!])
  }
  const versionOf = (name: string, version: number) => made.get(name)![version - 1]!
  const change: AzureRig['change'] = async (name, version, attributes) => {
    await ask('PATCH', `${name}/${versionOf(name, version)}`, { attributes })
  }
  await make('nobody', { ...algorithms.get('EC P-256'), key_ops: ['sign'] })
  const { value } = await ask('POST', `nobody/${versionOf('nobody', 1)}/sign`, {
    alg: 'ES256',
    value: Buffer.alloc(32, 7).toString('base64url'),
  })
  foreign.set(64, Buffer.from(value, 'base64url'))
  const identity = { IDENTITY_ENDPOINT: `http://${vault.host}/identity-token`, SSL_CERT_FILE: cert }
  return {
    name: 'Azure Key Vault',
    environment: {
      ...identity,
      IDENTITY_HEADER: 'owner',
      COUNTERSIGN_PACKAGES: process.env['COUNTERSIGN_PACKAGES'] ?? join(import.meta.dirname, '../../../.cache/kms'),
    },
    algorithms: [...algorithms.keys()] as [string, ...string[]],
    reference: (name, version) => `azurekms://${proxy.url.host}/${name}${version === undefined ? '' : `/${versionOf(name, version)}`}`,
    create: (name, algorithm) => make(name, { ...algorithms.get(algorithm), key_ops: ['sign', 'verify'] }),
    createUnfit: async name => {
      await make(name, { ...algorithms.get('RSA 2048'), key_ops: ['encrypt', 'decrypt'] })
      return /want a key that may sign, got one for "encrypt", "decrypt"/
    },
    rotate: name => make(name, { ...algorithms.get('EC P-256'), key_ops: ['sign', 'verify'] }),
    disable: (name, version) => change(name, version, { enabled: false }),
    change,
    unknown: { IDENTITY_HEADER: 'nobody-knows' },
    forbidden: { IDENTITY_HEADER: 'reader' },
    requests: proxy.requests,
    behave: proxy.behave,
    stop: async () => {
      await proxy.stop()
      await vault.stop()
    },
  }
}
