import { encodeBase64 } from '../../src/codec/base64.ts'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import type { Handler } from '../../src/services/listen.ts'
import { createRig, type Rig, type RigOptions } from '../../src/testing/command-rig.ts'
import { type ServedSigstore, serveTestSigstore } from '../../src/testing/sigstore/http.ts'
import { pemOf } from '../../src/testing/sigstore/test-sigstore.ts'
import { encodeSigningConfig, type SigningService } from '../../src/trust/signing-config.ts'
import { encodeTrustedRoot } from '../../src/trust/trusted-root.ts'

export const host = 'sigstore.test'
export const origin = `https://${host}`
export const issuer = 'https://issuer.test'
export const signer = 'dev@example.com'

/** When the commands of these tests run, unless told. */
export const now = new Date('2026-01-02T03:04:05Z')

/** What a token of the tests says, unless told. */
const defaultClaims = { iss: issuer, sub: 'someone', aud: 'sigstore', email: signer, email_verified: true, exp: now.getTime() / 1000 + 600 }

/** A token that nobody signed: the authority of the tests believes any. */
export function tokenOf(claims: Readonly<Record<string, unknown>> = {}): string {
  const part = (value: unknown) =>
    encodeBase64(encodeUtf8(JSON.stringify(value)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '')
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ ...defaultClaims, ...claims })}.c2lnbmF0dXJl`
}

/** The flags by which `verify` and `verify-blob` accept what the signer of these tests signed. */
export const who = `--certificate-identity ${signer} --certificate-oidc-issuer ${issuer} --trusted-root root.json`

/** A rig with a Sigstore beside its registry, and files that say so: `root.json`, `v1.json`, `v2.json`, `token`, `blob`. */
export type SigningScene = Rig & {
  readonly sigstore: ServedSigstore
  /** Takes requests before the services do; gives nothing to let them through. */
  readonly intercept: (take: ((request: Request) => Promise<Response | undefined>) | undefined) => void
}

/** Sets one up on a rig of its own. */
export async function setSigningScene(options: RigOptions = {}): Promise<SigningScene> {
  return await addSigstore(createRig(options))
}

/** Adds the Sigstore and its files to a rig. `prefix` comes before the names of the files. */
export async function addSigstore(rig: Rig, prefix = ''): Promise<SigningScene> {
  const sigstore = await serveTestSigstore(host, () => now)
  let interceptor: ((request: Request) => Promise<Response | undefined>) | undefined
  const handler: Handler = async request => (await interceptor?.(request.clone())) ?? (await sigstore.handler(request))
  rig.hosts.set(host, handler)
  const disk = new Map<string, string | Uint8Array>()
  disk.set('root.json', encodeTrustedRoot(sigstore.trustedRoot))
  disk.set('v1.json', signingConfig({ logs: [1] }))
  disk.set('v1-stamped.json', signingConfig({ logs: [1], stamps: true }))
  disk.set('v2.json', signingConfig({ logs: [2], stamps: true }))
  disk.set('v2-unstamped.json', signingConfig({ logs: [2] }))
  disk.set('both.json', signingConfig({ logs: [2, 1], stamps: true }))
  disk.set('none.json', signingConfig({ logs: [] }))
  disk.set('stamps.json', signingConfig({ logs: [], stamps: true }))
  disk.set('token', tokenOf())
  disk.set('blob', 'countersign\n')
  disk.set('ca.pem', pemOf(sigstore.authority, ...sigstore.authority.chain.map(({ der }) => ({ pem: encodePem('CERTIFICATE', der) }))))
  disk.set('ct.pub', encodePem('PUBLIC KEY', sigstore.ctLog.key.spki))
  disk.set('rekor.pub', encodePem('PUBLIC KEY', sigstore.logs.v1.logKey.key.spki))
  disk.set('tsa.pem', sigstore.timestampAuthority.chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''))
  for (const [name, content] of disk) rig.disk.set(`${prefix}${name}`, content)
  return {
    ...rig,
    sigstore,
    intercept: take => {
      interceptor = take
    },
  }
}

/** A signing config of the Sigstore's services. */
export function signingConfig({ logs, stamps = false }: { readonly logs: readonly (1 | 2)[]; readonly stamps?: boolean }): Uint8Array {
  const service = (url: string, majorApiVersion: number): SigningService => ({
    url,
    majorApiVersion,
    validFor: { start: new Date('2020-01-01T00:00:00Z'), end: undefined },
    operator: 'example.com',
  })
  return encodeSigningConfig({
    certificateAuthorities: [service(origin, 1)],
    oidcProviders: [service(issuer, 1)],
    transparencyLogs: logs.map(version => service(origin, version)),
    transparencyLogSelector: { selector: 'ANY' },
    timestampAuthorities: stamps ? [service(`${origin}/api/v1/timestamp`, 1)] : [],
    timestampSelector: { selector: 'ANY' },
  })
}
