import { CountersignError } from '../../../codec/error.ts'
import type { GoJson } from '../../../codec/go-json.ts'
import { parseJson, readObject, readSafeInteger } from '../../../codec/json.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { parseCheckpoint } from '../../../formats/log/checkpoint.ts'
import { parseSignedNote } from '../../../formats/log/signed-note.ts'
import { formatTime, readTime } from '../../../formats/rfc3339.ts'
import { readAtMost } from '../../../oci/transport/read-body.ts'
import type { StackIdentity } from '../../../services/stack/trust.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure } from '../../exit-code.ts'
import { jsonText } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'

/** One thing that was looked at; what is `bad` makes the command fail. */
export type Finding = { readonly state: 'good' | 'soon' | 'bad'; readonly what: string; readonly seen: string }

const dayMs = 86_400_000
const soonMs = 30 * dayMs

/** Whether each service of a stack answers, how large its logs are, and what expires when. */
export async function examineServices(
  context: CommandContext,
  url: URL,
  { authority, timestamps }: StackIdentity,
): Promise<readonly Finding[]> {
  const ask = (what: string, path: string, read: (body: Uint8Array) => string) => askService(context, what, `${url.origin}${path}`, read)
  return [
    await ask('services', '/readyz', () => 'ready'),
    await ask('certificate authority', '/api/v2/trustBundle', () => url.origin),
    await ask('certificate log', '/ct/ct/v1/get-sth', body => entries(readCount(body, 'tree_size'))),
    await ask('transparency log v1', '/api/v1/log', body => entries(readCount(body, 'treeSize'))),
    await ask('transparency log v2', '/checkpoint', body =>
      entries(parseCheckpoint(parseSignedNote(decodeUtf8(body, 'checkpoint')).text).size),
    ),
    await ask('timestamp authority', '/api/v1/timestamp/certchain', () => `${url.origin}/api/v1/timestamp`),
    await askExpiry(context, 'TUF root', `${url.origin}/tuf/root.json`, soonMs),
    await askExpiry(context, 'TUF timestamp', `${url.origin}/tuf/timestamp.json`, dayMs),
    ...[...authority, ...timestamps].map(({ subject, notAfter }) => expiryOf('certificate', subject.text, notAfter, soonMs, context)),
  ]
}

/** What a step proves, or why it failed, as a finding. */
export async function findingOf(context: CommandContext, what: string, prove: () => Promise<string>): Promise<Finding> {
  try {
    return { state: 'good', what, seen: await prove() }
  } catch (error) {
    context.signal.throwIfAborted()
    return { state: 'bad', what, seen: error instanceof Error ? error.message : String(error) }
  }
}

/** Shows findings, as a table or as JSON. @throws CommandFailure `SERVICE_UNAVAILABLE` where one is bad */
export function reportFindings(context: CommandContext, url: URL, findings: readonly Finding[], output: string): void {
  const bad = findings.filter(({ state }) => state === 'bad').map(({ what, seen }) => `${what}: ${seen}`)
  const failure = bad.length === 0 ? undefined : new CountersignError('SERVICE_UNAVAILABLE', `stack: ${bad.join('; ')}`)
  const isJson = output === 'json'
  if (isJson)
    context.stdout(`${jsonText({ url: url.origin, findings, ...(failure && { error: failureDocument(failure).error as GoJson }) })}\n`)
  else context.stdout(findings.map(({ state, what, seen }) => `${state.padEnd(5)} ${what.padEnd(22)} ${seen}\n`).join(''))
  if (failure) throw new CommandFailure(failure, isJson ? { isReported: true } : {})
}

const answerLimitBytes = 1 << 20

function askService(context: CommandContext, what: string, url: string, read: (body: Uint8Array) => string): Promise<Finding> {
  return findingOf(context, what, async () => {
    const response = await context.world.fetch(url, { signal: context.signal, redirect: 'error' })
    const body = await readAtMost(response, answerLimitBytes, what, context.signal)
    if (response.status !== 200)
      throw new CountersignError('SERVICE_UNAVAILABLE', `want status 200, got ${response.status}: ${quote(decodeUtf8(body, what))}`)
    return read(body)
  })
}

function readCount(body: Uint8Array, member: string): bigint {
  return BigInt(readSafeInteger(readObject(parseJson(body, 'answer', { bytes: answerLimitBytes }), 'answer')[member], member))
}

function entries(count: bigint): string {
  return count === 1n ? '1 entry' : `${count} entries`
}

/** When metadata of the TUF repository expires; a timestamp that a running stack has not signed anew for days is bad. */
async function askExpiry(context: CommandContext, what: string, url: string, soonMs: number): Promise<Finding> {
  let expires: Date | undefined
  const asked = await askService(context, what, url, body => {
    const file = readObject(parseJson(body, what, { bytes: answerLimitBytes }), what)
    expires = readTime(readObject(file['signed'], `${what}: signed`)['expires'], `${what}: signed.expires`)
    return ''
  })
  return expires ? expiryOf(what, url, expires, soonMs, context) : asked
}

function expiryOf(what: string, of: string, expires: Date, soonMs: number, { world }: CommandContext): Finding {
  const leftMs = expires.getTime() - world.now().getTime()
  const state = leftMs < 0 ? 'bad' : leftMs < soonMs ? 'soon' : 'good'
  return { state, what, seen: `${of}: ${leftMs < 0 ? 'expired' : 'expires'} ${formatTime(expires)}` }
}
