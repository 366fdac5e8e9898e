import { CountersignError } from '../../../codec/error.ts'
import type { GoJson } from '../../../codec/go-json.ts'
import { parseJson, readObject, readSafeInteger } from '../../../codec/json.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { parseCheckpoint } from '../../../formats/log/checkpoint.ts'
import { parseSignedNote } from '../../../formats/log/signed-note.ts'
import { formatTime } from '../../../formats/rfc3339.ts'
import type { Certificate } from '../../../formats/x509/certificate.ts'
import { readAtMost } from '../../../oci/transport/read-body.ts'
import type { StackIdentity } from '../../../services/stack/trust.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure } from '../../exit-code.ts'
import { jsonText } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'

/** One thing that was looked at; what is `bad` makes the command fail. */
export type Finding = { readonly state: 'good' | 'soon' | 'bad'; readonly what: string; readonly seen: string }

const soonMs = 30 * 86_400_000

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
    ...[...authority, ...timestamps].map(certificate => expiryOf(certificate, context.world.now())),
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

function expiryOf({ subject, notAfter }: Certificate, now: Date): Finding {
  const leftMs = notAfter.getTime() - now.getTime()
  const state = leftMs < 0 ? 'bad' : leftMs < soonMs ? 'soon' : 'good'
  return { state, what: 'certificate', seen: `${subject.text}: ${leftMs < 0 ? 'expired' : 'expires'} ${formatTime(notAfter)}` }
}
