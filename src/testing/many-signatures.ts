import { concatBytes } from '../codec/bytes.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { Handler } from '../services/listen.ts'
import { editText, type FaultTools, getting, type JsonObject } from './registry-edits.ts'

/** Repeats the first signature, each time over bytes that differ by white space, so that each has a digest of its own. */
export function manySignatures(tools: FaultTools): Handler {
  const made = new Map<string, Promise<string>>()
  const multiply = async (text: string, url: URL): Promise<string> => {
    const document = JSON.parse(text) as JsonObject
    const [list, kind] = 'layers' in document ? ['layers', 'blobs'] : ['manifests', 'manifests']
    const [first] = document[list!] as (JsonObject | undefined)[]
    if (!first) return text
    const repository = url.pathname.replace(/\/(manifests|referrers)\/[^/]+$/, '')
    const original = await tools.honest(new Request(new URL(`${repository}/${kind}/${String(first['digest'])}`, url)))
    const bytes = new Uint8Array(await original.arrayBuffer())
    const type = original.headers.get('content-type') ?? ''
    const copies = Array.from({ length: tools.count ?? 10_000 }, (_, index) => {
      const copy = concatBytes(bytes, encodeUtf8(index.toString(2).replaceAll('0', ' ').replaceAll('1', '\n')))
      return { ...first, digest: tools.forge(copy, type), size: copy.length }
    })
    return JSON.stringify({ ...document, [list!]: copies })
  }
  return async request => {
    const answer = await tools.honest(getting(request))
    if (!answer.ok) return answer
    const text = await answer.text()
    let many = made.get(text)
    if (!many) {
      many = multiply(text, new URL(request.url))
      made.set(text, many)
    }
    const result = await many
    return editText({ ...tools, honest: async () => new Response(text, answer) }, () => result)(request)
  }
}
