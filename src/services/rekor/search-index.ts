import { CountersignError } from '../../codec/error.ts'
import { readBase64, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { malformed, readFields } from '../../formats/log/proposed/fields.ts'
import { parsePemSigner } from '../../formats/log/proposed/proposed-signer.ts'
import { ServiceRefusal } from '../service.ts'
import { entryIdOf, type NumberedTree, type RekorTrees } from './rekor-trees.ts'

/** Entries of one key that are looked through, and ids that are answered with: search is best effort. */
const [perKey, perAnswer] = [10_000, 1000]

const hashes: readonly { readonly algorithm: string; readonly digits: number }[] = [
  { algorithm: 'sha1', digits: 40 },
  { algorithm: 'sha256', digits: 64 },
  { algorithm: 'sha384', digits: 96 },
  { algorithm: 'sha512', digits: 128 },
]

/** What is searched for: entries with any, or with each, of several properties, each of which has one or more spellings. */
type SearchQuery = { readonly operator: 'or' | 'and'; readonly properties: readonly (readonly string[])[] }

/**
 * Answers `POST /api/v1/index/retrieve`: ids of the entries with these properties, the oldest first.
 *
 * @throws CountersignError `JSON_MALFORMED`, `LOG_ENTRY_MALFORMED`; ServiceRefusal 400 in Rekor's words for keys that are not read
 * @see services §3.1
 */
export async function searchIndex(query: unknown, { inactive, active }: RekorTrees): Promise<readonly string[]> {
  const { operator, properties } = await readQuery(query)
  const ids: string[] = []
  for (const tree of [...inactive, active]) {
    const found = await Promise.all(properties.map(spellings => indexesOf(tree, spellings)))
    const indexes = new Set(found.flatMap(some => [...some]))
    const wanted = operator === 'or' ? [...indexes] : [...indexes].filter(index => found.every(some => some.has(index)))
    for (const index of wanted.sort((a, b) => (a < b ? -1 : 1))) {
      if (ids.length === perAnswer) return ids
      const entry = await tree.log.entry(index)
      if (entry) ids.push(entryIdOf(tree, entry.leafHash))
    }
  }
  return ids
}

async function indexesOf({ log }: NumberedTree, spellings: readonly string[]): Promise<ReadonlySet<bigint>> {
  const found = await Promise.all(spellings.map(key => log.search(key, perKey)))
  return new Set(found.flat())
}

async function readQuery(value: unknown): Promise<SearchQuery> {
  const {
    email,
    subject,
    publicKey,
    hash,
    operator: named,
  } = readFields(value, 'query', ['email', 'subject', 'publicKey', 'hash', 'operator'])
  const operator = readString(named ?? 'or', 'query.operator')
  if (operator !== 'or' && operator !== 'and') throw malformed(`query.operator: want "or" or "and", got ${quote(operator)}`)
  const names = [email, subject]
    .filter(name => name !== undefined && name !== '')
    .map(name => [readString(name, 'query.email').toLowerCase()])
  return {
    operator,
    properties: [
      ...(hash === undefined || hash === '' ? [] : [[readHash(readString(hash, 'query.hash'))]]),
      ...(publicKey === undefined ? [] : [await readKey(publicKey)]),
      ...names,
    ],
  }
}

/** `sha256:HEX`; a digest without its algorithm gets that of its length. */
function readHash(text: string): string {
  const [, algorithm, hex = ''] = /^(?:(sha1|sha256|sha384|sha512):)?([0-9a-f]+)$/.exec(text.toLowerCase()) ?? []
  const known = hashes.find(({ digits }) => digits === hex.length)
  if (!known || (algorithm !== undefined && algorithm !== known.algorithm))
    throw malformed(`query.hash: want a digest in hex by ${hashes.map(one => one.algorithm).join(', ')}, got ${quote(text)}`)
  return `${known.algorithm}:${hex}`
}

/** Entries of artifacts have the bare digest of their key, those of envelopes the algorithm before it. */
async function readKey(value: unknown): Promise<readonly string[]> {
  const { format, content } = readFields(value, 'query.publicKey', ['format', 'content'])
  if (readString(format, 'query.publicKey.format') !== 'x509')
    throw new ServiceRefusal(400, 'the PKI format requested is not supported by this server')
  try {
    const { keyDigest } = await parsePemSigner(readBase64(content, 'query.publicKey.content'), 'query.publicKey')
    return [keyDigest, `sha256:${keyDigest}`]
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new ServiceRefusal(400, 'public key provided could not be parsed', { cause })
  }
}
