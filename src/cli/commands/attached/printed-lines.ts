import { CountersignError } from '../../../codec/error.ts'
import { serializeGoJson } from '../../../codec/go-json.ts'
import { parseJson } from '../../../codec/json.ts'
import { type Bundle, bundleLimitBytes, parseBundle } from '../../../formats/bundle.ts'
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
export type Line = { readonly text: string; readonly source: string; readonly facts: AttachedFacts }

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
      context.stdout(`${isPlain(line.text) ? line.text : spellControls(line.text)}\n`)
      context.stderr(`${line.source}: ${factsText(line.facts, context.world.now())}\n`)
      printed++
    } catch (error) {
      if (!isAboutContent(error)) throw error
      unreadable.push(error)
    }
  return printed
}

/** Most lines are: to look for what drives a terminal in 50 MB takes seconds. */
function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text)
}

/** Ends a command that printed all it could. @throws CountersignError for what could not be read */
export function reportUnreadable({ unreadable }: Place): void {
  const [first] = unreadable
  if (first) throw new CountersignError(first.code, `${unreadable.length} of what is attached cannot be read: ${first.message}`)
}

/** A bundle on one line: the same JSON, written anew in Go's spelling. */
export function readBundleLine(bytes: Uint8Array): { readonly bundle: Bundle; readonly text: string } {
  const bundle = parseBundle(bytes, { allowsChain: true })
  return { bundle, text: serializeGoJson(parseJson(bytes, 'bundle', { bytes: bundleLimitBytes })) }
}

/** The predicate type of the statement in a bundle; nothing where there is none. @throws CountersignError for a broken one */
export function predicateTypeOfBundle({ content }: Bundle): string | undefined {
  if (content.kind !== 'dsse' || content.envelope.payloadType !== statementPayloadType) return undefined
  return parseStatement(content.envelope.payload).predicateType
}
