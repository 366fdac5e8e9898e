import { CountersignError } from '../../../codec/error.ts'
import { describeFailure } from '../../../oci/transport/failure.ts'
import { readAtMost } from '../../../oci/transport/read-body.ts'
import type { LogAccess } from '../../../sign/rekor/ask-log.ts'

/** What is asked of a log: a path below its address, and a body for what is posted. */
export type Question = { readonly path: string; readonly json?: string; readonly limitBytes: number }

/** What a log answered: nothing where it has no such thing. */
export type AskLog = (question: Question) => Promise<Uint8Array | undefined>

const timeoutMs = 30_000

/**
 * Asks a log over HTTP. No redirect is followed.
 *
 * @returns a function that gives nothing for 404, and throws CountersignError `TLOG_UNAVAILABLE` for no usable answer within 30 s,
 *   `LIMIT_EXCEEDED`; the signal's own reason passes through
 */
export function askerOf({ fetch, url, signal }: LogAccess): AskLog {
  const base = url.href.endsWith('/') ? url : `${url.href}/`
  return async ({ path, json, limitBytes }) => {
    const at = new URL(path, base)
    const what = `${json === undefined ? 'GET' : 'POST'} ${at.origin}${at.pathname}`
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const post = json === undefined ? {} : { method: 'POST', body: json, headers: { 'content-type': 'application/json' } }
    try {
      const response = await fetch(at, { ...post, redirect: 'error', signal: deadline })
      if (response.status === 200) return await unpacked(response, await readAtMost(response, limitBytes, what, signal), limitBytes)
      await response.body?.cancel()
      if (response.status === 404) return undefined
      throw new CountersignError('TLOG_UNAVAILABLE', `${what}: want status 200, got ${response.status}`)
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') throw cause
      const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : describeFailure(cause).words
      throw new CountersignError('TLOG_UNAVAILABLE', `${what}: ${reason}`, { cause })
    }
  }
}

/** Storage may serve bundles compressed whoever asks; a runtime may have unpacked them already, and left the header. services §4.4 */
async function unpacked(response: Response, bytes: Uint8Array, limitBytes: number): Promise<Uint8Array> {
  const isPacked = response.headers.get('content-encoding') === 'gzip' && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 0x08
  if (!isPacked) return bytes
  const { gunzipSync } = await import('node:zlib')
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: limitBytes }))
  } catch (cause) {
    throw new CountersignError('LIMIT_EXCEEDED', `want at most ${limitBytes} bytes of gzip, got more, or what is none`, { cause })
  }
}
