import { derTag, parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { readDigestAlgorithm } from '../../formats/timestamp/digest-algorithm.ts'
import { issueTimestamp } from '../../formats/timestamp/issue-timestamp.ts'
import type { Handler } from '../../services/listen.ts'
import { freshSigner } from './certificate-authority.ts'
import { issueCertificate, rootCertificates, trustBundle } from './http-fulcio.ts'
import { rekorV1, rekorV2 } from './http-log.ts'
import { createTestSigstore, type TestSigstore } from './test-sigstore.ts'
import { testLogSigners, testTransparencyLog } from './transparency-log.ts'

/** What the services need of it. */
export type Services = Pick<TestSigstore, 'authority' | 'ctLog' | 'logs' | 'timestampAuthority'>

/** A Sigstore that clients can reach. */
export type ServedSigstore = Services & Pick<TestSigstore, 'trustedRoot'> & { readonly handler: Handler }

/**
 * Sets one up: the services on one origin, as far as clients that sign and verify ask for them: Fulcio, Rekor v1 and v2, a timestamp
 * authority, and what an issuer says of itself. A double for tests, not a service: it believes any token.
 *
 * @param host - by which it is reached, without a port: the name of its logs, services.md §4.3
 * @see services.md §0
 */
export async function serveTestSigstore(host: string, now: () => Date): Promise<ServedSigstore> {
  const sigstore = await createTestSigstore()
  const logs = {
    v1: testTransparencyLog({ rekor: 'v1', host, now, signer: freshSigner() }),
    v2: testTransparencyLog({ rekor: 'v2', host, now, signer: testLogSigners.ed25519() }),
  }
  const transparencyLogs = sigstore.trustedRoot.transparencyLogs.map((log, at) => ({ ...log, ...(at === 0 ? logs.v1 : logs.v2).logKey }))
  const served = { ...sigstore, logs, trustedRoot: { ...sigstore.trustedRoot, transparencyLogs } }
  return { ...served, handler: handlerOf(served, now) }
}

function handlerOf(sigstore: Services, now: () => Date): Handler {
  const [logV1, logV2] = [rekorV1(sigstore.logs.v1), rekorV2(sigstore.logs.v2)]
  const answer = (request: Request): Response | Promise<Response> => {
    const { origin, pathname } = new URL(request.url)
    const path = `${request.method} ${pathname}`
    switch (path) {
      case 'POST /api/v1/signingCert':
        return issueCertificate(sigstore, 'v1', request, now())
      case 'POST /api/v2/signingCert':
        return issueCertificate(sigstore, 'v2', request, now())
      case 'GET /api/v2/trustBundle':
        return trustBundle(sigstore)
      case 'GET /api/v1/rootCert':
        return rootCertificates(sigstore)
      case 'POST /api/v1/timestamp':
        return stamp(sigstore, request, now())
      case 'POST /api/v2/log/entries':
        return logV2(request)
      case 'GET /.well-known/openid-configuration':
        return discovery(origin)
      default:
        return pathname.startsWith('/api/v1/log') ? logV1(request) : new Response(null, { status: 404 })
    }
  }
  return async request => {
    try {
      return await answer(request)
    } catch (error) {
      if (!(error instanceof CountersignError)) throw error
      return Response.json({ code: request.url.includes('/api/v2/') ? 3 : 400, message: error.message }, { status: 400 })
    }
  }
}

/** A timestamp over what a TimeStampReq names, RFC 3161 §2.4.1. */
async function stamp({ timestampAuthority }: Services, request: Request, time: Date): Promise<Response> {
  const asked = readRequest(new Uint8Array(await request.arrayBuffer()))
  const { imprint, nonce, certificateWanted } = asked
  const serialNumber = BigInt(time.getTime()) * 1000n + BigInt(imprint.digest[0]!)
  const info = {
    policy: '1.3.6.1.4.1.57264.2',
    imprint,
    serialNumber,
    time,
    accuracyMicroseconds: 1_000_000,
    ordering: false,
    nonce,
  }
  const { certificate, signer } = timestampAuthority
  const reply = await issueTimestamp({ certificate, signer }, info, certificateWanted ? [certificate] : [])
  return new Response(reply.slice(), { headers: { 'content-type': 'application/timestamp-reply' } })
}

function readRequest(bytes: Uint8Array) {
  const what = 'timestamp request'
  return parseDer(
    bytes,
    what,
    der =>
      der.sequence(request => {
        if (request.integer() !== 1n) throw request.malformed('want version 1')
        return {
          imprint: request.sequence(imprint => ({ hash: readDigestAlgorithm(imprint), digest: imprint.octetString() })),
          policy: request.next === derTag.oid ? request.oid() : undefined,
          nonce: request.next === derTag.integer ? request.integer() : undefined,
          certificateWanted: request.next === derTag.boolean && request.boolean(),
        }
      }),
    'TIMESTAMP_MALFORMED',
  )
}

/** What clients want to know of an issuer before they use a token that they were given. */
function discovery(origin: string): Response {
  return Response.json({
    issuer: origin,
    authorization_endpoint: `${origin}/auth`,
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
  })
}
