import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { parseLogAnswer } from '../../formats/log/log-answer.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import { describeFailure } from '../../oci/transport/failure.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'

/** What a log is asked for: the entry that records this signature. */
export type SearchedSignature = {
  readonly signature: Uint8Array
  readonly sha256: Uint8Array // of what was signed
  readonly signer: { readonly kind: 'key'; readonly spki: Uint8Array } | { readonly kind: 'certificate'; readonly der: Uint8Array }
}

const answerLimitBytes = 4 << 20
const timeoutMs = 30_000

/**
 * Asks a Rekor v1 for the entries that record a signature. What it answers is evidence like any other: nothing is believed of it.
 *
 * @param url - of the log: https://rekor.sigstore.dev
 * @returns nothing where the log has none
 * @throws CountersignError `TLOG_UNAVAILABLE` for no usable answer within 30 s, `LOG_ENTRY_MALFORMED`, `LIMIT_EXCEEDED`; the signal's own reason
 * @see services.md §3.1, `POST /api/v1/log/entries/retrieve`
 */
export async function searchLog(
  { fetch }: Pick<World, 'fetch'>,
  url: URL,
  searched: SearchedSignature,
  signal: AbortSignal,
): Promise<readonly LogEntry[]> {
  const at = new URL('api/v1/log/entries/retrieve', url.href.endsWith('/') ? url : `${url.href}/`)
  const what = `POST ${at.origin}${at.pathname}`
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    const headers = { 'content-type': 'application/json', accept: 'application/json' }
    const body = encodeUtf8(serializeGoJson({ entries: [proposedEntry(searched)] })).slice()
    const response = await fetch(at, { method: 'POST', headers, body, redirect: 'error', signal: deadline })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new CountersignError('TLOG_UNAVAILABLE', `${what}: want status 200, got ${response.status}`)
    }
    return parseLogAnswer(await readAtMost(response, answerLimitBytes, what, signal), what)
  } catch (cause) {
    signal.throwIfAborted() // the caller's own reason passes through unchanged
    if (cause instanceof CountersignError) throw cause
    const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : describeFailure(cause).words
    throw new CountersignError('TLOG_UNAVAILABLE', `${what}: ${reason}`, { cause })
  }
}

function proposedEntry({ signature, sha256, signer }: SearchedSignature) {
  const verifier = signer.kind === 'key' ? encodePem('PUBLIC KEY', signer.spki) : encodePem('CERTIFICATE', signer.der)
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: encodeHex(sha256) } },
      signature: { content: encodeBase64(signature), publicKey: { content: encodeBase64(encodeUtf8(verifier)) } },
    },
  }
}
