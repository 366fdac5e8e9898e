import { CountersignError } from '../../../codec/error.ts'
import type { GoJson } from '../../../codec/go-json.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { formatTime } from '../../../formats/rfc3339.ts'
import type { LoadedTrust } from '../../../trust/load-trust.ts'
import type { TransparencyLog } from '../../../trust/transparency-log.ts'
import type { CertificateAuthority, TrustedRoot } from '../../../trust/trusted-root.ts'
import type { Validity } from '../../../trust/validity.ts'
import type { CommandFunction } from '../../command.ts'
import { CommandFailure } from '../../exit-code.ts'
import type { trustDoctorFlags } from '../../flags/trust.ts'
import { describeSource, trustFromFlags } from '../../inputs/trusted-root.ts'
import { jsonText } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'

/** One thing that trust stands on. `ended` still counts for what was signed before; `soon` will end within the time asked for. */
type Finding = {
  readonly state: 'good' | 'soon' | 'ended' | 'to come' | 'unusable'
  readonly what: string // `certificate authority`, `timestamp.json`
  readonly name: string
  readonly until: Date | undefined
  readonly seen: string
}

/** `trust doctor`: whom countersign trusts, until when and on whose word. */
export const examineTrust: CommandFunction<typeof trustDoctorFlags> = async (context, flags) => {
  if (flags.withinDays < 0) throw new CountersignError('USAGE', `--within-days: want 0 or more, got ${flags.withinDays}`)
  const withinMs = flags.withinDays * 24 * 60 * 60 * 1_000
  const loaded = await trustFromFlags(context, flags)
  const now = context.world.now()
  const findings = [...repositoryFindings(loaded, now, withinMs), ...rootFindings(loaded.root, now, withinMs)]
  const failure = nobodyLeft(loaded, findings)
  const isJson = flags.output === 'json'
  context.stdout(isJson ? `${jsonText(report(loaded, findings, failure))}\n` : table(loaded, findings))
  if (failure) throw new CommandFailure(failure, isJson ? { isReported: true } : {})
  return 0
}

function repositoryFindings({ source }: LoadedTrust, now: Date, withinMs: number): readonly Finding[] {
  if (source.kind !== 'tuf') return []
  return source.repository.metadata.standing.map(({ role, version, expires }) => ({
    ...stateOf({ start: new Date(0), end: expires }, now, withinMs),
    what: 'TUF metadata',
    name: `${role}.json`,
    until: expires,
    seen: `version ${version}, valid until ${formatTime(expires)}`,
  }))
}

function rootFindings(root: TrustedRoot, now: Date, withinMs: number): readonly Finding[] {
  return [
    ...root.certificateAuthorities.map(authority => authorityFinding('certificate authority', authority, now, withinMs)),
    ...root.timestampAuthorities.map(authority => authorityFinding('timestamp authority', authority, now, withinMs)),
    ...root.transparencyLogs.map(log => logFinding('transparency log', log, now, withinMs)),
    ...root.ctLogs.map(log => logFinding('certificate log', log, now, withinMs)),
    ...root.unusable.map(({ at, baseUrl, reason }) => ({
      state: 'unusable' as const,
      what: 'log',
      name: baseUrl || at,
      until: undefined,
      seen: reason,
    })),
  ]
}

/** An authority can do no more once the first certificate of its chain has expired, whatever the trusted root says. */
function authorityFinding(what: string, { uri, chain, validFor }: CertificateAuthority, now: Date, withinMs: number): Finding {
  const ends = [...chain.map(({ notAfter }) => notAfter), ...(validFor.end ? [validFor.end] : [])]
  const until = ends.reduce((soonest, end) => (end < soonest ? end : soonest))
  const subject = chain[0].subject.text
  return {
    ...stateOf({ start: validFor.start, end: until }, now, withinMs),
    what,
    name: uri || subject,
    until,
    seen: `${subject}, ${formatValidity({ start: validFor.start, end: until })}`,
  }
}

function logFinding(what: string, { baseUrl, logId, key, validFor }: TransparencyLog, now: Date, withinMs: number): Finding {
  return {
    ...stateOf(validFor, now, withinMs),
    what,
    name: baseUrl || encodeHex(logId),
    until: validFor.end,
    seen: `${key.algorithm} key ${encodeHex(logId).slice(0, 16)}…, ${formatValidity(validFor)}`,
  }
}

function stateOf({ start, end }: Validity, now: Date, withinMs: number): Pick<Finding, 'state'> {
  if (start > now) return { state: 'to come' }
  if (!end) return { state: 'good' }
  if (end < now) return { state: 'ended' }
  return { state: end.getTime() - now.getTime() < withinMs ? 'soon' : 'good' }
}

function formatValidity({ start, end }: Validity): string {
  return `from ${formatTime(start)}${end ? ` until ${formatTime(end)}` : ' on'}`
}

/** A root that names nobody is meant so, for verification with keys alone; one whose every authority has ended cannot be. */
function nobodyLeft({ source }: LoadedTrust, findings: readonly Finding[]): CountersignError | undefined {
  const trusted = findings.filter(({ what }) => what !== 'TUF metadata')
  if (trusted.length === 0 || trusted.some(({ state }) => state === 'good' || state === 'soon')) return undefined
  return new CountersignError(
    'TRUST_EXPIRED',
    `${describeSource(source)}: nobody in it is trusted now: ${trusted.length} have ended, or cannot be used`,
  )
}

function report(loaded: LoadedTrust, findings: readonly Finding[], failure: CountersignError | undefined) {
  const { source } = loaded
  const repository =
    source.kind === 'tuf'
      ? { mirror: source.repository.mirror, from: source.repository.from, checkedAt: timeText(source.repository.checkedAt) }
      : undefined
  const shown = findings.map(({ state, what, name, until, seen }) => ({ state, what, name, until: timeText(until), seen }))
  const end = failure ? { error: failureDocument(failure).error as GoJson } : {}
  return { source: describeSource(source), kind: source.kind, repository, findings: shown, ...end }
}

function timeText(time: Date | undefined): string | undefined {
  return time && formatTime(time)
}

function table({ source }: LoadedTrust, findings: readonly Finding[]): string {
  const checked = source.kind === 'tuf' && source.repository.checkedAt ? `, checked ${formatTime(source.repository.checkedAt)}` : ''
  const [whatWidth, nameWidth] = [widest(findings.map(({ what }) => what)), widest(findings.map(({ name }) => name))]
  const lines = findings.map(
    ({ state, what, name, seen }) => `${state.padEnd(8)}  ${what.padEnd(whatWidth)}  ${name.padEnd(nameWidth)}  ${seen}\n`,
  )
  return `From ${describeSource(source)}${checked}:\n${lines.join('') || 'nobody is trusted: only keys can verify\n'}`
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length))
}
