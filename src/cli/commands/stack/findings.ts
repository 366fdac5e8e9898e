import { CountersignError } from '../../../codec/error.ts'
import type { GoJson } from '../../../codec/go-json.ts'
import { parseJson, readObject, readSafeInteger } from '../../../codec/json.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { frozenLineOf, parseCheckpoint } from '../../../formats/log/checkpoint.ts'
import { parseSignedNote } from '../../../formats/log/signed-note.ts'
import type { StackIdentity } from '../../../services/stack/trust.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure } from '../../exit-code.ts'
import { jsonText } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'
import { examineRepository, expiryOf } from './expiry.ts'
import { answerLimitBytes, type Finding, findingOf, getDocument } from './finding.ts'

/** Whether each service of a stack answers, how large its logs are, and what expires when. */
export async function examineServices(
  context: CommandContext,
  url: URL,
  { authority, timestamps }: StackIdentity,
): Promise<readonly Finding[]> {
  const ask = (what: string, path: string, read: (body: Uint8Array) => string) =>
    findingOf(context, what, async () => read(await getDocument(context, what, `${url.origin}${path}`)))
  return [
    await ask('services', '/readyz', () => 'ready'),
    await ask('certificate authority', '/api/v2/trustBundle', () => url.origin),
    await ask('certificate log', '/ct/ct/v1/get-sth', body => entries(readCount(body, 'tree_size'))),
    await ask('transparency log v1', '/api/v1/log', body => entries(readCount(body, 'treeSize'))),
    await ask('transparency log v2', '/checkpoint', body => {
      const checkpoint = parseCheckpoint(parseSignedNote(decodeUtf8(body, 'checkpoint')).text)
      return `${entries(checkpoint.size)}${frozenLineOf(checkpoint) === undefined ? '' : ', frozen'}`
    }),
    await ask('timestamp authority', '/api/v1/timestamp/certchain', () => `${url.origin}/api/v1/timestamp`),
    ...(await examineRepository(context, url)),
    ...[...authority, ...timestamps].map(({ subject, notAfter }) => expiryOf('certificate', subject.text, notAfter, 30, context.world)),
  ]
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

function readCount(body: Uint8Array, member: string): bigint {
  return BigInt(readSafeInteger(readObject(parseJson(body, 'answer', { bytes: answerLimitBytes }), 'answer')[member], member))
}

function entries(count: bigint): string {
  return count === 1n ? '1 entry' : `${count} entries`
}
