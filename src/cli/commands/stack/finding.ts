import { CountersignError, reasonOf } from '../../../codec/error.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { readAtMost } from '../../../oci/transport/read-body.ts'
import type { CommandContext } from '../../context.ts'

/** One thing that was looked at; what is `bad` makes the command fail. */
export type Finding = {
  readonly state: 'good' | 'soon' | 'bad'
  readonly what: string
  readonly seen: string
  readonly expires?: string // RFC 3339, of what does
}

/** The most of an answer that is read, in bytes. */
export const answerLimitBytes = 1 << 20

/** What a step proves, or why it failed, as a finding. */
export async function findingOf(context: CommandContext, what: string, prove: () => Promise<string>): Promise<Finding> {
  try {
    return { state: 'good', what, seen: await prove() }
  } catch (error) {
    context.signal.throwIfAborted()
    return { state: 'bad', what, seen: reasonOf(error) }
  }
}

/** What a service answers. @throws CountersignError `SERVICE_UNAVAILABLE` unless it is 200; `LIMIT_EXCEEDED` */
export async function getDocument(context: CommandContext, what: string, url: string): Promise<Uint8Array> {
  const response = await context.world.fetch(url, { signal: context.signal, redirect: 'error' })
  const body = await readAtMost(response, answerLimitBytes, what, context.signal)
  if (response.status === 200) return body
  throw new CountersignError('SERVICE_UNAVAILABLE', `want status 200, got ${response.status}: ${quote(decodeUtf8(body, what))}`)
}
