import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { decodePem } from '../../src/codec/pem.ts'
import type { Fetch } from '../../src/codec/world.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { encodePublicKeyPem } from '../../src/crypto/public-key.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { type Certificate, parseCertificate } from '../../src/formats/x509/certificate.ts'
import { extensionOid } from '../../src/formats/x509/certificate-extensions.ts'
import { withoutExtension } from '../../src/formats/x509/precertificate.ts'
import { encodeSct } from '../../src/formats/x509/sct-writer.ts'
import { type AuthorityMaterial, checkAuthority } from '../../src/services/fulcio/authority.ts'
import { parseFulcioConfig } from '../../src/services/fulcio/configuration/fulcio-config.ts'
import { createFulcio, type FulcioOptions } from '../../src/services/fulcio/fulcio.ts'
import type { Handler } from '../../src/services/listen.ts'
import type { ServiceEvents } from '../../src/services/service.ts'
import { createRoot, freshSigner, type TestAuthority } from '../../src/testing/sigstore/certificate-authority.ts'
import { createCtLog } from '../../src/testing/sigstore/certificate-log.ts'

/** When it is, for a Fulcio under test. */
export const testTime = new Date('2026-03-01T10:00:00.250Z')

/** An issuer of ID tokens: its JWK set, and tokens signed by RS256, unless the header says otherwise. */
export type TestIssuer = {
  readonly jwks: { readonly keys: readonly { readonly kid: string; readonly n?: string }[] }
  /** @param nowMs - when it is made; it holds for five minutes, unless the claims say otherwise */
  readonly token: (claims: Readonly<Record<string, unknown>>, nowMs: number, header?: Readonly<Record<string, unknown>>) => string
}

export function createTestIssuer(): TestIssuer {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' } as { kid: string; n?: string }] },
    token: (claims, nowMs, header = {}) => {
      const seconds = Math.floor(nowMs / 1000)
      const payload = { aud: 'sigstore', sub: 'subject', iat: seconds, exp: seconds + 300, ...claims }
      const signed = `${part({ alg: 'RS256', typ: 'JWT', kid: 'k1', ...header })}.${part(payload)}`
      return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
    },
  }
}

const issuer = createTestIssuer()
export const jwks = issuer.jwks

/** A token of the issuer that tests have, by default that of people. */
export function tokenOf(claims: Readonly<Record<string, unknown>>, header: Readonly<Record<string, unknown>> = {}): string {
  return issuer.token({ iss: emailIssuer, ...claims }, testTime.getTime(), header)
}

export const emailIssuer = 'https://issuer.example'
export const person = { email: 'dev@example.com', email_verified: true }

const defaultConfig = `oidc-issuers:
  ${emailIssuer}:
    client-id: sigstore
    type: email
`

/** A Fulcio, whom it asks, and what it says of its work. */
export type FulcioRig = {
  readonly handler: Handler
  readonly authority: TestAuthority
  readonly logKey: Signer['publicKey']
  readonly logged: Certificate[] // precertificates
  readonly asked: string[] // URLs
  readonly counts: Map<string, number>
  readonly audits: Record<string, unknown>[]
  readonly logs: string[]
  /** Asks for a certificate of v2, with a proof over the challenge, the e-mail address unless told. */
  readonly ask: (claims: Readonly<Record<string, unknown>>, how?: Asking) => Promise<Response>
}

export type Asking = {
  readonly challenge?: string
  readonly signer?: Signer
  readonly proof?: Uint8Array
  readonly token?: string
  readonly key?: string
}

export type RigOptions = Partial<Omit<FulcioOptions, 'config'>> & {
  readonly config?: string
  readonly fetch?: Fetch
  readonly logged?: boolean // a log sees certificates, unless false
  readonly now?: () => Date
}

const root = await createRoot()
const intermediate = await root.issueIntermediate()

/** An authority whose root signs an intermediate that signs for whom it is asked. */
export function materialOf({ trusted, signer }: TestAuthority): AuthorityMaterial {
  const [own, ...above] = trusted
  return { chain: [own!, ...above], signer }
}

export async function createRig(options: RigOptions = {}): Promise<FulcioRig> {
  const { now = () => testTime, config = defaultConfig, logged: isLogged = true, fetch, ...rest } = options
  const checked = await checkAuthority(materialOf(intermediate), now())
  const ctLog = createCtLog(freshSigner())
  const [logged, asked, counts, audits, logs] = [
    [] as Certificate[],
    [] as string[],
    new Map<string, number>(),
    [] as Record<string, unknown>[],
    [] as string[],
  ]
  const events: ServiceEvents = {
    count: (metric, labels = {}) => {
      const name = [metric, ...Object.values(labels)].join(' ')
      counts.set(name, (counts.get(name) ?? 0) + 1)
    },
    observe: () => {},
    log: (level, message, facts) => logs.push(`${level}: ${message}: ${String(facts?.['reason'])}`),
    audit: (action, facts) => audits.push({ action, ...facts }),
  }
  const logPrecertificate = async (der: Uint8Array, issuers: readonly Uint8Array[]): Promise<Uint8Array> => {
    const precertificate = parseCertificate(der, 'precertificate')
    logged.push(precertificate)
    const tbs = withoutExtension(precertificate.tbs, extensionOid.precertificatePoison)
    return encodeSct(await ctLog.seePrecertificate(tbs, sha256(parseCertificate(issuers[0]!, 'issuer').spki), now()))
  }
  const handler = createFulcio({
    config: await parseFulcioConfig(config),
    authority: () => checked,
    ...(isLogged && { log: { key: ctLog.key, logPrecertificate } }),
    world: {
      now,
      randomBytes: length => Uint8Array.from(randomBytes(length)),
      fetch: async (url, init) => {
        asked.push(String(url))
        return fetch ? fetch(url, init) : discovery(String(url))
      },
    },
    events,
    ...rest,
  })
  const ask: FulcioRig['ask'] = async (claims, how = {}) => {
    const signer = how.signer ?? freshSigner()
    const challenge = how.challenge ?? String(claims['email'] ?? claims['sub'] ?? 'subject')
    const proof = how.proof ?? (await signer.sign(Buffer.from(challenge)))
    const content = how.key ?? encodePublicKeyPem(signer.publicKey)
    const body = { publicKeyRequest: { publicKey: { algorithm: 'ECDSA', content }, proofOfPossession: encodeBase64(proof) } }
    return handler(post('/api/v2/signingCert', body, how.token ?? tokenOf(claims)))
  }
  return { handler, authority: intermediate, logKey: ctLog.key, logged, asked, counts, audits, logs, ask }
}

/** What every issuer of the tests answers: itself by its URL, and one JWK set. */
export function discovery(url: string): Response {
  const asked = url.replace(/\/\.well-known\/openid-configuration$/, '')
  if (asked !== url) return Response.json({ issuer: asked, jwks_uri: `${asked}/keys`, id_token_signing_alg_values_supported: ['RS256'] })
  return url.endsWith('/keys') ? Response.json(jwks) : new Response(null, { status: 404 })
}

export function post(path: string, body: unknown, token?: string): Request {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return new Request(`http://fulcio.test${path}`, {
    method: 'POST',
    body: text,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
}

export function get(path: string, method = 'GET'): Request {
  return new Request(`http://fulcio.test${path}`, { method })
}

/** The certificates of an answer of v2. */
export async function certificatesOf(response: Response): Promise<readonly Certificate[]> {
  const answer = (await response.json()) as Record<string, { chain: { certificates: string[] } }>
  const { chain } = answer['signedCertificateEmbeddedSct'] ?? answer['signedCertificateDetachedSct'] ?? { chain: undefined }
  if (!chain) throw new Error(`no certificate: ${JSON.stringify(answer)}`)
  return chain.certificates.map(pem => parseCertificate(decodePem(pem, 'answer')[0]!.bytes, 'answer'))
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
