import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson } from '../../../src/codec/json.ts'
import { encodeUtf8 } from '../../../src/codec/text.ts'
import { sha256 } from '../../../src/crypto/digest.ts'
import { parseLogAnswer } from '../../../src/formats/log/log-answer.ts'
import { type LogEntry, readLogEntry } from '../../../src/formats/log/log-entry.ts'
import type { Certificate } from '../../../src/formats/x509/certificate.ts'
import { parseCertificatesPem } from '../../../src/trust/pem-trust.ts'

/** What a stack acknowledged: whoever heard it may rely on it for ever. */
export type Acknowledged = {
  readonly entries: Readonly<Record<'v1' | 'v2', { readonly body: string; readonly entry: LogEntry }[]>>
  readonly certificates: Certificate[]
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const spkiOf = (key: KeyObject, format: 'pem' | 'der') => Buffer.from(key.export({ type: 'spki', format: format as 'der' }))

/** An answer that acknowledges nothing. */
export type Refused = { readonly path: string; readonly status: number; readonly text: string }

/** How many clients of each kind `loadStack` has. */
export const loadClients = { v1: 8, v2: 8, certificate: 3 }

/**
 * Clients that log artifacts in both logs and ask for certificates, each its next when it has the answer to its last, until the stack is
 * gone or it is enough.
 *
 * @param name - of the artifacts: no two of a test have the same
 * @param token - of the imitated CI
 * @param onHeard - is told of each acknowledgement
 * @param isEnough - is asked before each request
 * @param onRefused - is told of each refusal. Without it a refusal is an error.
 */
export async function loadStack(
  url: string,
  name: string,
  token: string,
  heard: Acknowledged,
  onHeard: () => void,
  {
    clients: counts = loadClients,
    isEnough = () => false,
    onRefused,
  }: {
    readonly clients?: typeof loadClients
    readonly isEnough?: () => boolean
    readonly onRefused?: (refused: Refused) => void
  } = {},
): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signed = (text: string) => base64(sign('sha256', encodeUtf8(text), privateKey))
  const proposalV1 = (text: string) => ({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: Buffer.from(sha256(encodeUtf8(text))).toString('hex') } },
      signature: { content: signed(text), publicKey: { content: base64(spkiOf(publicKey, 'pem')) } },
    },
  })
  const verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: base64(spkiOf(publicKey, 'der')) } }
  const proposalV2 = (text: string) => ({
    hashedRekordRequestV002: { digest: base64(sha256(encodeUtf8(text))), signature: { content: signed(text), verifier } },
  })
  const { sub } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sub: string }
  const publicKeyRequest = {
    publicKey: { algorithm: 'ECDSA', content: spkiOf(publicKey, 'pem').toString() },
    proofOfPossession: signed(sub),
  }
  const ask = async (client: string, at: number): Promise<void> => {
    const text = `${name} ${client} ${at}`
    if (client.startsWith('certificate')) {
      const answer = await post(url, '/api/v2/signingCert', JSON.stringify({ publicKeyRequest }), token)
      const { signedCertificateEmbeddedSct } = JSON.parse(answer) as {
        signedCertificateEmbeddedSct: { chain: { certificates: string[] } }
      }
      heard.certificates.push(parseCertificatesPem(encodeUtf8(signedCertificateEmbeddedSct.chain.certificates[0]!), 'answer')[0])
    } else if (client.startsWith('v1')) {
      const body = JSON.stringify(proposalV1(text))
      heard.entries.v1.push({ body, entry: entryOf('v1', await post(url, logPaths.v1, body)) })
    } else {
      const body = JSON.stringify(proposalV2(text))
      heard.entries.v2.push({ body, entry: entryOf('v2', await post(url, logPaths.v2, body)) })
    }
  }
  const clients = Object.entries(counts).flatMap(([kind, count]) => Array.from({ length: count }, (_, at) => `${kind} ${at}`))
  await Promise.all(
    clients.map(async client => {
      try {
        for (let at = 0; !isEnough(); at++)
          try {
            await ask(client, at)
            onHeard()
          } catch (cause) {
            if (!onRefused || !(cause instanceof RefusedError)) throw cause
            onRefused(cause.refused)
          }
      } catch (cause) {
        if (!(cause instanceof TypeError)) throw cause // which is how `fetch` says that nobody answers
      }
    }),
  )
}

export const logPaths = { v1: '/api/v1/log/entries', v2: '/api/v2/log/entries' } as const

async function post(url: string, path: string, body: string, token?: string): Promise<string> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const response = await fetch(url + path, { method: 'POST', body, headers })
  const text = await response.text()
  if (!response.ok) throw new RefusedError({ path, status: response.status, text })
  return text
}

class RefusedError extends Error {
  readonly refused: Refused
  constructor(refused: Refused) {
    super(`${refused.path}: ${refused.status} ${refused.text}`)
    this.refused = refused
  }
}

/** What a log answers, read as clients read it. */
export function entryOf(log: 'v1' | 'v2', answer: string): LogEntry {
  const bytes = encodeUtf8(answer)
  if (log === 'v1') return parseLogAnswer(bytes, 'answer')[0]!
  const { inclusionPromise: _, ...others } = parseJson(bytes, 'answer', { bytes: 1 << 20 }) as Record<string, never>
  return readLogEntry(others, 'answer')
}

/** A token of the CI that a stack with `--dev` imitates. @param folder - of the stack */
export async function ciToken(folder: string): Promise<string> {
  const [, address, secret] = /URL='(.*)'\n.*TOKEN='(.*)'/.exec(readFileSync(join(folder, 'dev.env'), 'utf8'))!
  const headers = { authorization: `Bearer ${secret}`, connection: 'close' } // one that waits may be taken from us for others
  const response = await fetch(`${address}&audience=sigstore`, { headers })
  return ((await response.json()) as { value: string }).value
}
