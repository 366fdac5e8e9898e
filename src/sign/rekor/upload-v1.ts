import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { parseLogAnswer } from '../../formats/log/log-answer.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import { askService, type ServiceAccess } from '../ask-service.ts'
import { proposedEntry } from './ask-log.ts'
import { type Submission, searchedSignature } from './submission.ts'

const answerLimitBytes = 4 << 20
const headers = { 'content-type': 'application/json', accept: 'application/json' }

/**
 * Records a signature in a Rekor v1, or gets the entry that it has already: 409 says where that is. Only the entry's id is taken from there,
 * so that no answer can lead to another host.
 *
 * @throws CountersignError as `askService`, `LOG_ENTRY_MALFORMED`, `SERVICE_RESPONSE_MALFORMED`
 * @see services.md §3.1, `POST /api/v1/log/entries`
 */
export async function uploadV1(access: ServiceAccess, submission: Submission): Promise<LogEntry> {
  const answer = await askService(access, {
    method: 'POST',
    path: 'api/v1/log/entries',
    headers,
    body: encodeUtf8(serializeGoJson(proposedEntry(searchedSignature(submission)))),
    accepts: [201, 409],
    limitBytes: answerLimitBytes,
  })
  if (answer.status === 201) return onlyEntry(answer.bytes, answer.what)
  const there = await askService(access, {
    method: 'GET',
    path: `api/v1/log/entries/${idOfExisting(answer.headers, answer.what)}`,
    headers: { accept: 'application/json' },
    accepts: [200],
    limitBytes: answerLimitBytes,
  })
  return onlyEntry(there.bytes, there.what)
}

function idOfExisting(answered: Headers, what: string): string {
  const location = answered.get('location') ?? ''
  const [, id] = /\/api\/v1\/log\/entries\/((?:[0-9a-f]{16})?[0-9a-f]{64})$/.exec(location) ?? []
  if (id === undefined)
    throw new CountersignError(
      'SERVICE_RESPONSE_MALFORMED',
      `${what}: the log has the entry already, and says not where: ${quote(location)}`,
    )
  return id
}

function onlyEntry(bytes: Uint8Array, what: string): LogEntry {
  const [entry, ...others] = parseLogAnswer(bytes, what)
  if (!entry || others.length > 0)
    throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${what}: want one entry, got ${others.length + (entry ? 1 : 0)}`)
  return entry
}
