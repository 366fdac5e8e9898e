import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import type { CommandContext } from '../../context.ts'
import { readMessage } from '../../inputs/artifacts.ts'
import { keysOfCriteria, keysOfEntry } from './entry-keys.ts'
import type { Criteria, OpenLog } from './open-log.ts'
import { type ProvenEntry, proveEntry } from './proven-entry.ts'

/** Flags that say what to look for. */
export type SearchFlags = {
  readonly artifact: string
  readonly email: string
  readonly hash: string
  readonly limit: number
  readonly maxEntries: number
  readonly operator: 'or' | 'and'
  readonly publicKey: string
}

const keyLimitBytes = 64 << 10

/**
 * What the flags look for; nothing where none of them is given.
 *
 * @throws CountersignError `USAGE`, `FILE_UNREADABLE`
 */
export async function criteriaFromFlags(context: CommandContext, flags: SearchFlags): Promise<Criteria | undefined> {
  const { artifact, email, hash, limit, operator, publicKey } = flags
  if (limit < 1 || limit > 1000) throw new CountersignError('USAGE', `--limit: want 1 to 1000, got ${limit}`)
  if (artifact !== '' && hash !== '') throw new CountersignError('USAGE', 'want one of --artifact and --hash, got both')
  const [, hex] = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(hash) ?? []
  if (hash !== '' && hex === undefined) throw new CountersignError('USAGE', `--hash: want 64 hex digits of SHA-256, got ${quote(hash)}`)
  const digest = artifact === '' ? hex?.toLowerCase() : encodeHex((await readMessage(context, artifact)).digest('sha256'))
  const criteria = {
    operator,
    hashes: digest === undefined ? [] : [`sha256:${digest}`],
    names: email === '' ? [] : [email.toLowerCase()],
    publicKey: publicKey === '' ? undefined : await context.files.read(publicKey, keyLimitBytes),
  }
  return criteria.hashes.length + criteria.names.length === 0 && !criteria.publicKey ? undefined : criteria
}

/** A proven entry, and whether it shows itself what was searched for. It need not: what an envelope is about is known by the log alone. */
export type FoundEntry = ProvenEntry & { readonly isConfirmed: boolean }

/**
 * Searches a log, and proves each entry that is found. A log is believed about what it does not find: Rekor's search is best effort.
 *
 * @throws CountersignError as `proveEntry` and `OpenLog.search`
 */
export async function findEntries(log: OpenLog, criteria: Criteria, { limit, maxEntries }: SearchFlags): Promise<readonly FoundEntry[]> {
  const wanted = await keysOfCriteria(criteria)
  const found: FoundEntry[] = []
  for (const entry of await log.search(criteria, limit, maxEntries)) {
    const keys = new Set(keysOfEntry(entry))
    const isConfirmed = criteria.operator === 'and' ? wanted.every(key => keys.has(key)) : wanted.some(key => keys.has(key))
    if (isConfirmed || log.version === 'v1') found.push({ ...(await proveEntry(log, entry)), isConfirmed })
  }
  return found
}
