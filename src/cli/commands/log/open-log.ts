import { CountersignError, firstToHold, withAll } from '../../../codec/error.ts'
import type { Sha256 } from '../../../crypto/digest.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '../../../formats/log/checkpoint.ts'
import type { LogEntry } from '../../../formats/log/log-entry.ts'
import type { TransparencyLog } from '../../../trust/transparency-log.ts'
import type { CommandContext } from '../../context.ts'
import { logAccess } from '../../inputs/trust/log-lookup.ts'
import { describeSource, trustFromFlags } from '../../inputs/trusted-root.ts'
import { askerOf } from './ask.ts'
import { keepState } from './state.ts'

/** A tree head that a trusted log signed. */
export type Head = { readonly checkpoint: VerifiedCheckpoint; readonly log: TransparencyLog; readonly note: string }

/** What is searched for. Everything is lower case but `publicKey`, PEM. */
export type Criteria = {
  readonly operator: 'or' | 'and'
  readonly hashes: readonly string[] // `sha256:HEX`
  readonly names: readonly string[] // of certificates
  readonly publicKey: Uint8Array | undefined
}

/** A log that is open: its head is verified, and goes on from the one seen last. What it answers is evidence, not yet verified. */
export type OpenLog = {
  readonly url: URL
  readonly version: 'v1' | 'v2'
  readonly trusted: readonly TransparencyLog[]
  readonly head: Head
  readonly earlierHeads: readonly Head[] // of trees of Rekor v1 that have ended
  readonly entryAt: (index: bigint) => Promise<LogEntry | undefined>
  /** Rekor v1's way of naming entries. @throws CountersignError `USAGE` for Rekor v2, which has none */
  readonly entryById: (id: string) => Promise<LogEntry | undefined>
  /** The first `limit` of those that the log, or an index made of it, knows by the criteria. */
  readonly search: (criteria: Criteria, limit: number, maxEntries: number) => Promise<readonly LogEntry[]>
  /** The path that leads from an earlier head of the same origin to `head`. */
  readonly consistencyPath: (earlier: VerifiedCheckpoint) => Promise<readonly Sha256[]>
}

type LogFlags = {
  readonly rekorUrl: string
  readonly logVersion: 'auto' | 'v1' | 'v2'
  readonly trustedRoot: string
  readonly stateFolder: string
}

/**
 * Opens the log that the flags name: reads its head, finds the trusted log that signed it, and proves that it only grew since this machine
 * saw it last; then that is what was seen last.
 *
 * @throws CountersignError `USAGE`; `TLOG_UNAVAILABLE`; `TLOG_UNKNOWN` where no trusted log signed its head; `TLOG_INCLUSION_MISMATCH` where it
 *   shrank or rewrote what it had
 */
export async function openLog(context: CommandContext, flags: LogFlags): Promise<OpenLog> {
  const access = logAccess(context, flags.rekorUrl)
  const ask = askerOf(access)
  const { root, source } = await trustFromFlags(context, { trustedRoot: flags.trustedRoot, offline: false })
  const trusted = root.transparencyLogs
  const verifyHead: VerifyHead = note => headOf(note, trusted, `${access.url.host}: its head`, describeSource(source))
  const pieces = { context, url: access.url, ask, trusted, verifyHead, stateFolder: flags.stateFolder }
  const log = await openAs(pieces, flags.logVersion)
  for (const head of [log.head, ...log.earlierHeads]) await keepState(context, flags.stateFolder, head, log, verifyHead)
  return log
}

export type VerifyHead = (note: string) => Promise<Head>

/** What both versions are opened with. */
export type LogPieces = Pick<OpenLog, 'url' | 'trusted'> & {
  readonly context: CommandContext
  readonly ask: ReturnType<typeof askerOf>
  readonly verifyHead: VerifyHead
  readonly stateFolder: string
}

/** A host may have both: the one that answers as Rekor v1 is taken for it. */
async function openAs(pieces: LogPieces, version: 'auto' | 'v1' | 'v2'): Promise<OpenLog> {
  const [{ openRekorV1 }, { openRekorV2 }] = await Promise.all([import('./rekor-v1.ts'), import('./rekor-v2.ts')])
  const log = (version === 'v2' ? undefined : await openRekorV1(pieces)) ?? (version === 'v1' ? undefined : await openRekorV2(pieces))
  if (!log)
    throw new CountersignError('TLOG_UNAVAILABLE', `${pieces.url.host}: there is no Rekor${version === 'auto' ? '' : ` ${version}`} there`)
  return log
}

async function headOf(note: string, trusted: readonly TransparencyLog[], what: string, source: string): Promise<Head> {
  if (trusted.length === 0) throw new CountersignError('TLOG_UNKNOWN', `${what}: no log is trusted by ${source}`)
  return firstToHold(
    trusted,
    async log => ({ checkpoint: await verifyCheckpoint(note, log), log, note }),
    failures => {
      const malformed = failures.find(({ kind }) => kind === 'malformed')
      const signers = trusted.length === 1 ? failures[0].message : 'none of them signed it'
      return withAll(malformed ?? new CountersignError('TLOG_UNKNOWN', `${what}: is of no log that ${source} trusts: ${signers}`), failures)
    },
  )
}
