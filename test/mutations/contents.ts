import { type JsonTree, scalarValue } from './json-tree.ts'

/** What a string of a bundle holds; the last part of its place tells. */
export type Content = 'media-type' | 'number' | 'checkpoint' | 'base64 of DER' | 'base64 of JSON' | 'base64 of bytes' | 'text'

const contents: readonly (readonly [place: RegExp, content: Content])[] = [
  [/^mediaType$/, 'media-type'],
  [/\.(logIndex|integratedTime|treeSize)$/, 'number'],
  [/\.checkpoint\.envelope$/, 'checkpoint'],
  [/\.(rawBytes|signedTimestamp|signedEntryTimestamp|sig)$|^messageSignature\.signature$/, 'base64 of DER'],
  [/\.canonicalizedBody$|^dsseEnvelope\.payload$/, 'base64 of JSON'],
  [/\.(keyId|rootHash|digest|hashes\[\])$/, 'base64 of bytes'],
]

/** What the string at a place holds. */
export function contentAt(place: string): Content {
  return contents.find(([pattern]) => pattern.test(place))?.[1] ?? 'text'
}

/** The text of a string; nothing for any other value. */
export function textOf(node: JsonTree): string | undefined {
  const value = scalarValue(node)
  return typeof value === 'string' ? value : undefined
}
