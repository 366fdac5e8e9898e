import { type JsonObject, parseJson, readObject } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import { readAtMost } from './transport/read-body.ts'

const answerLimit = 16 << 10

const guarded = new WeakMap<Response, readonly string[]>()

/** Remembers what an answer must not have shown of it: it may repeat what was sent. Whoever reads its complaint need not know. */
export function guardSecrets(response: Response, secrets: readonly string[]): Response {
  guarded.set(response, secrets)
  return response
}

/**
 * Whether a refusal is the registry's own answer about what was asked for, as the distribution spec words it, rather than
 * that of a server that knows no such path. Reads its body.
 */
export async function isErrorDocument(response: Response): Promise<boolean> {
  try {
    return Array.isArray((await readAnswer(response))['errors'])
  } catch {
    return false
  }
}

/**
 * What a registry or token server says of its refusal: its own error code and its message, quoted, ready to follow a status:
 * ` DENIED "requested access to the resource is denied"`. Nothing where it says nothing readable, or repeats a secret.
 *
 * @param secrets - what must not be shown, though the other side knows it; those that `guardSecrets` was given count too
 * @see OCI distribution-spec 1.1 "Error codes"; RFC 6749 §5.2 for token servers
 */
export async function readComplaint(response: Response, secrets: readonly string[] = []): Promise<string> {
  try {
    const answer = await readAnswer(response)
    const first = Array.isArray(answer['errors']) ? readObject(answer['errors'][0], '') : answer
    const code = first['code'] ?? first['error']
    const message = first['message'] ?? first['error_description'] ?? first['details']
    if ([...secrets, ...(guarded.get(response) ?? [])].some(secret => secret !== '' && `${code} ${message}`.includes(secret))) return ''
    return `${typeof code === 'string' && /^[A-Za-z0-9_]{1,40}$/.test(code) ? ` ${code}` : ''}${typeof message === 'string' ? ` ${quote(message)}` : ''}`
  } catch {
    return ''
  }
}

/** Throws for what is no JSON object of at most 16 KiB, for whatever reason. */
async function readAnswer(response: Response): Promise<JsonObject> {
  return readObject(parseJson(await readAtMost(response, answerLimit, ''), '', { bytes: answerLimit }), '')
}
