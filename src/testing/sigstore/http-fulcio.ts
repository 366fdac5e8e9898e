import { decodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, parseJson, readBase64, readObject, readString } from '../../codec/json.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { defaultHash } from '../../crypto/algorithm.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { parsePublicKeyPem } from '../../crypto/public-key.ts'
import { verifySignature } from '../../crypto/verify-signature.ts'
import type { FulcioExtensionName } from '../../formats/x509/fulcio-extensions.ts'
import type { LeafOptions } from './certificate-authority.ts'
import type { Services } from './http.ts'

const requestLimit = { bytes: 4 << 20 }

/**
 * `POST /api/v1/signingCert` and `/api/v2/signingCert`: a certificate for a key that its holder proves to have. A double for tests: it
 * believes whatever an ID token says, for it looks at no issuer and no signature of one.
 *
 * @throws CountersignError for a request that a real authority would refuse as malformed
 * @see services.md §1.1
 */
export async function issueCertificate(sigstore: Services, version: 'v1' | 'v2', request: Request, now: Date): Promise<Response> {
  const body = readObject(parseJson(new Uint8Array(await request.arrayBuffer()), 'request', requestLimit), 'request')
  const { pem, proof } = version === 'v1' ? readRequestV1(body) : readRequestV2(body)
  const publicKey = parsePublicKeyPem(pem, 'publicKey')
  const claims = readClaims(tokenOf(request, body))
  await verifySignature(publicKey, proof, messageOfBytes(encodeUtf8(challengeOf(claims))), [defaultHash(publicKey)])
  const leaf = await sigstore.authority.issueLeaf({
    key: { publicKey, hash: undefined, sign: () => Promise.reject(new TypeError('an authority has no key of a signer')) },
    notBefore: new Date(Math.floor(now.getTime() / 1000) * 1000),
    ctLogs: [sigstore.ctLog],
    ...identityOf(claims),
  })
  const certificates = [leaf.certificate, ...leaf.chain].map(({ der }) => encodePem('CERTIFICATE', der).trimEnd())
  if (version === 'v2') return Response.json({ signedCertificateEmbeddedSct: { chain: { certificates } } })
  return new Response(certificates.join('\n'), { status: 201, headers: { 'content-type': 'application/pem-certificate-chain' } })
}

type KeyRequest = { readonly pem: Uint8Array; readonly proof: Uint8Array }

function readRequestV1(body: JsonObject): KeyRequest {
  const { content } = readObject(body['publicKey'], 'publicKey')
  const bytes = readBase64(content, 'publicKey.content')
  const pem = bytes[0] === 0x30 ? encodeUtf8(encodePem('PUBLIC KEY', bytes)) : bytes
  return { pem, proof: readBase64(body['signedEmailAddress'], 'signedEmailAddress') }
}

function readRequestV2(body: JsonObject): KeyRequest {
  const { publicKey, proofOfPossession } = readObject(body['publicKeyRequest'], 'publicKeyRequest')
  const { content } = readObject(publicKey, 'publicKeyRequest.publicKey')
  return { pem: encodeUtf8(readString(content, 'publicKey.content')), proof: readBase64(proofOfPossession, 'proofOfPossession') }
}

function tokenOf(request: Request, body: JsonObject): string {
  const { oidcIdentityToken } = readObject(body['credentials'] ?? {}, 'credentials')
  return readString(oidcIdentityToken ?? request.headers.get('authorization')?.replace(/^Bearer /, ''), 'identity token')
}

function readClaims(token: string): ReadonlyMap<string, string> {
  const [, payload, , ...more] = token.split('.')
  if (payload === undefined || more.length > 0) throw new CountersignError('JSON_MALFORMED', 'identity token: want three parts')
  const base64 = payload.replaceAll('-', '+').replaceAll('_', '/')
  const bytes = decodeBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='), 'identity token')
  const json = readObject(parseJson(bytes, 'identity token', requestLimit), 'identity token')
  return new Map(Object.entries(json).map(([name, value]) => [name, String(value)]))
}

/** What a client proves to have its key by signing. services.md §6, the last line. */
function challengeOf(claims: ReadonlyMap<string, string>): string {
  return claims.get('email') ?? claims.get('sub') ?? ''
}

/** The identities of two of the many types of issuers, services.md §1.3: e-mail and GitHub workflow; others are URIs as they stand. */
function identityOf(claims: ReadonlyMap<string, string>): Pick<LeafOptions, 'names' | 'fulcio'> {
  const claim = (name: string) => claims.get(name) ?? ''
  const always = { issuer: claim('iss'), 'token-subject': claim('sub') }
  const workflow = claims.get('job_workflow_ref')
  if (workflow !== undefined)
    return { names: [{ kind: 'uri', value: `https://github.com/${workflow}` }], fulcio: { ...always, ...workflowExtensions(claim) } }
  const email = claims.get('email')
  return { names: [email === undefined ? { kind: 'uri', value: claim('sub') } : { kind: 'email', value: email }], fulcio: always }
}

/** services.md §1.4, the column of GitHub. */
function workflowExtensions(claim: (name: string) => string): Partial<Record<FulcioExtensionName, string>> {
  const at = (path: string) => `https://github.com/${path}`
  return {
    'github-workflow-trigger': claim('event_name'),
    'github-workflow-sha': claim('sha'),
    'github-workflow-name': claim('workflow'),
    'github-workflow-repository': claim('repository'),
    'github-workflow-ref': claim('ref'),
    'build-signer-uri': at(claim('job_workflow_ref')),
    'build-signer-digest': claim('job_workflow_sha'),
    'runner-environment': claim('runner_environment'),
    'source-repository-uri': at(claim('repository')),
    'source-repository-digest': claim('sha'),
    'source-repository-ref': claim('ref'),
    'source-repository-identifier': claim('repository_id'),
    'source-repository-owner-uri': at(claim('repository_owner')),
    'source-repository-owner-identifier': claim('repository_owner_id'),
    'build-config-uri': at(claim('workflow_ref')),
    'build-config-digest': claim('workflow_sha'),
    'build-trigger': claim('event_name'),
    'run-invocation-uri': at(`${claim('repository')}/actions/runs/${claim('run_id')}/attempts/${claim('run_attempt')}`),
    'source-repository-visibility-at-signing': claim('repository_visibility'),
  }
}

/** `GET /api/v2/trustBundle`: the authority's chain, without a leaf. */
export function trustBundle({ authority }: Services): Response {
  return Response.json({ chains: [{ certificates: authority.trusted.map(({ der }) => encodePem('CERTIFICATE', der).trimEnd()) }] })
}

/** `GET /api/v1/rootCert`: the same as one PEM file. */
export function rootCertificates({ authority }: Services): Response {
  const pem = authority.trusted.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
  return new Response(pem, { headers: { 'content-type': 'application/pem-certificate-chain' } })
}
