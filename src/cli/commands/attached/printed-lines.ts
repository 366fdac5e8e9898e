import { CountersignError } from '../../../codec/error.ts'
import { serializeGoJson } from '../../../codec/go-json.ts'
import { encodeLongBase64 } from '../../../codec/json/long-base64.ts'
import { withoutLongString } from '../../../codec/json/long-string.ts'
import { parseJson } from '../../../codec/json.ts'
import { type Bundle, parseBundle, parseBundleOutline } from '../../../formats/bundle.ts'
import { parseDsseEnvelope } from '../../../formats/dsse.ts'
import { parseStatement, statementPayloadType } from '../../../formats/statement.ts'
import { isAboutContent } from '../../../oci/content-failure.ts'
import type { Repository } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { CommandContext } from '../../context.ts'
import { type AttachedFacts, factsText } from '../../output/attached-facts.ts'
import { spellControls } from '../../output/json-document.ts'

/** Where things are fetched from to be printed. */
export type Place = {
  readonly context: CommandContext
  readonly client: RegistryClient
  readonly repository: Repository
  readonly limits: { readonly maxBytes?: number }
  readonly unreadable: CountersignError[] // said last: what is broken must not hide what is not
}

/** One line of standard output, JSON, and what there is to say of it on standard error. */
export type Line = { readonly text: LineText; readonly source: string; readonly facts: AttachedFacts }

/** JSON on one line; in the place of an empty `payload` a long one, to be written in base64. */
export type LineText = string | { readonly around: string; readonly payload: Uint8Array }

/** Prints a line for each that can be read and is wanted; returns how many. */
export async function printEach<T>(
  { context, unreadable }: Place,
  items: readonly T[],
  lineOf: (item: T) => Promise<Line | undefined>,
): Promise<number> {
  let printed = 0
  for (const item of items)
    try {
      const line = await lineOf(item)
      if (!line) continue
      for (const piece of piecesOf(line.text)) context.stdout(typeof piece === 'string' && !isPlain(piece) ? spellControls(piece) : piece)
      context.stdout('\n')
      context.stderr(`${line.source}: ${factsText(line.facts, context.world.now())}\n`)
      printed++
    } catch (error) {
      if (!isAboutContent(error)) throw error
      unreadable.push(error)
    }
  return printed
}

function* piecesOf(text: LineText): Iterable<string | Uint8Array> {
  if (typeof text === 'string') return yield text
  const within = text.around.indexOf(emptyPayload) + emptyPayload.length - 1
  yield text.around.slice(0, within)
  yield* encodeLongBase64(text.payload)
  yield text.around.slice(within)
}

const emptyPayload = '"payload":""' // quotes within a string are written otherwise

/** Most lines are: to look for what drives a terminal in 50 MB takes seconds. */
function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text)
}

/** Ends a command that printed all it could. @throws CountersignError for what could not be read */
export function reportUnreadable({ unreadable }: Place): void {
  const [first] = unreadable
  if (first) throw new CountersignError(first.code, `${unreadable.length} of what is attached cannot be read: ${first.message}`)
}

/** A bundle on one line: the same JSON, written anew in Go's spelling. Nobody may need the bytes afterwards. */
export function readBundleLine(bytes: Uint8Array): { readonly bundle: Bundle; readonly text: LineText } {
  const { json, isWithoutPayload } = parseBundleOutline(bytes, 'bundle')
  const bundle = parseBundle(bytes, { allowsChain: true, consumes: true })
  const text = serializeGoJson(json)
  const isLong = isWithoutPayload && bundle.content.kind === 'dsse'
  return { bundle, text: isLong ? { around: text, payload: bundle.content.envelope.payload } : text }
}

/** An envelope of the older layout on one line, as a bundle is, and its payload. */
export function readEnvelopeLine(bytes: Uint8Array): { readonly payload: Uint8Array; readonly text: LineText } {
  const { payload } = parseDsseEnvelope(bytes, 'envelope')
  const limits = { bytes: bytes.length }
  const { rest, string } = withoutLongString(bytes, 'envelope', limits, [['payload']])
  const text = serializeGoJson(parseJson(rest, 'envelope', limits))
  return { payload, text: string ? { around: text, payload } : text }
}

/** The predicate type of the statement in a bundle; nothing where there is none. @throws CountersignError for a broken one */
export function predicateTypeOfBundle({ content }: Bundle): string | undefined {
  if (content.kind !== 'dsse' || content.envelope.payloadType !== statementPayloadType) return undefined
  return parseStatement(content.envelope.payload).predicateType
}
