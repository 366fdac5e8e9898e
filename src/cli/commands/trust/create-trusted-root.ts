import { CountersignError, readAt } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import type { Certificate } from '../../../formats/x509/certificate.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import {
  authorityOfChain,
  isAuthority,
  logOfKey,
  parseCertificatesPem,
  pemFileLimitBytes,
  timestampAuthorityOfChain,
} from '../../../trust/pem-trust.ts'
import type { TransparencyLog } from '../../../trust/transparency-log.ts'
import { type CertificateAuthority, encodeTrustedRoot, parseTrustedRoot, type TrustedRoot } from '../../../trust/trusted-root.ts'
import { openValidity, type Validity } from '../../../trust/validity.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { trustedRootCreateFlags } from '../../flags/trust.ts'
import { trustFromFlags } from '../../inputs/trusted-root.ts'
import { parseServiceSpec, parseTimeOf } from './service-spec.ts'
import { writeDocument } from './write-document.ts'

type Flags = FlagsOf<typeof trustedRootCreateFlags>

/** `trusted-root create`: writes whose signatures count, from PEM files. */
export const createTrustedRoot: CommandFunction<typeof trustedRootCreateFlags> = async (context, flags) => {
  checkForms(flags)
  const defaults = await defaultRoot(context, flags)
  const root = {
    certificateAuthorities: [...defaults.certificateAuthorities, ...(await certificateAuthorities(context, flags))],
    timestampAuthorities: [...defaults.timestampAuthorities, ...(await timestampAuthorities(context, flags))],
    transparencyLogs: byId([...defaults.transparencyLogs, ...(await logs(context, flags, 'rekor'))]),
    ctLogs: byId([...defaults.ctLogs, ...(await logs(context, flags, 'ctfe'))]),
  }
  const bytes = encodeTrustedRoot(root)
  readAt('what would be written', () => parseTrustedRoot(bytes)) // an origin that is not the host of its URL, a chain too long: no command would read it
  await writeDocument(context, flags.out, bytes)
  return 0
}

/** Each service has an older form, of several flags whose values go together by their order. */
const olderForms = {
  fulcio: ['certificate-chain', 'fulcio-uri'],
  rekor: ['rekor-key', 'rekor-url', 'rekor-start-time', 'rekor-end-time'],
  ctfe: ['ctfe-key', 'ctfe-url', 'ctfe-start-time', 'ctfe-end-time'],
  tsa: ['timestamp-certificate-chain', 'timestamp-uri'],
} as const

/** Which of the older flags a value is for is told by their order alone, so each that says more needs its place taken. */
function checkForms(flags: Flags): void {
  for (const name of ['fulcio', 'rekor', 'ctfe', 'tsa'] as const) {
    const [main, ...others] = olderForms[name]
    if (flags[name].length > 0 && [main, ...others].some(flag => flags.given.has(flag)))
      throw new CountersignError('USAGE', `cannot use --${name} and old ${name} flags at the same time`)
    const surplus = others.find(flag => valuesOf(flags, flag).length > valuesOf(flags, main).length)
    if (surplus) throw new CountersignError('USAGE', `--${surplus}: want at most one for each --${main}`)
  }
}

type OlderFlag = (typeof olderForms)[keyof typeof olderForms][number]

function valuesOf(flags: Flags, flag: OlderFlag): readonly string[] {
  const values: Readonly<Record<OlderFlag, readonly string[]>> = {
    'certificate-chain': flags.certificateChain,
    'fulcio-uri': flags.fulcioUri,
    'rekor-key': flags.rekorKey,
    'rekor-url': flags.rekorUrl,
    'rekor-start-time': flags.rekorStartTime,
    'rekor-end-time': flags.rekorEndTime,
    'ctfe-key': flags.ctfeKey,
    'ctfe-url': flags.ctfeUrl,
    'ctfe-start-time': flags.ctfeStartTime,
    'ctfe-end-time': flags.ctfeEndTime,
    'timestamp-certificate-chain': flags.timestampCertificateChain,
    'timestamp-uri': flags.timestampUri,
  }
  return values[flag]
}

async function defaultRoot(context: CommandContext, flags: Flags): Promise<Omit<TrustedRoot, 'unusable'>> {
  const nobody = { certificateAuthorities: [], timestampAuthorities: [], transparencyLogs: [], ctLogs: [] }
  if (!flags.withDefaultServices) return nobody
  const { root } = await trustFromFlags(context, { trustedRoot: '', offline: false })
  return {
    certificateAuthorities: flags.noDefaultFulcio ? [] : root.certificateAuthorities,
    timestampAuthorities: flags.noDefaultTsa ? [] : root.timestampAuthorities,
    transparencyLogs: flags.noDefaultRekor ? [] : root.transparencyLogs,
    ctLogs: flags.noDefaultCtfe ? [] : root.ctLogs,
  }
}

/** Of logs with one id the last counts, as in cosign: a default can be replaced. */
function byId(logs: readonly TransparencyLog[]): readonly TransparencyLog[] {
  return [...new Map(logs.map(log => [encodeHex(log.logId), log])).values()]
}

async function certificateAuthorities(context: CommandContext, flags: Flags): Promise<readonly CertificateAuthority[]> {
  const given = flags.fulcio.map(spec => parseServiceSpec('fulcio', spec, ['url', 'certificate-chain'], ['start-time', 'end-time']))
  const older: typeof given = flags.certificateChain.map((path, at) => ({ url: flags.fulcioUri[at] ?? '', 'certificate-chain': path }))
  return await inTurn([...given, ...older], async spec => {
    const chain = await readChain(context, spec['certificate-chain'])
    return authorityOfChain(chain, { url: spec.url, validFor: validityOf('fulcio', spec, chain.at(-1)!.notBefore) })
  })
}

async function timestampAuthorities(context: CommandContext, flags: Flags): Promise<readonly CertificateAuthority[]> {
  const given = flags.tsa.map(spec => parseServiceSpec('tsa', spec, ['url', 'certificate-chain'], ['start-time', 'end-time']))
  const older: typeof given = flags.timestampCertificateChain.map((path, at) => ({
    url: flags.timestampUri[at] ?? '',
    'certificate-chain': path,
  }))
  return await inTurn([...given, ...older], async (spec, at) => {
    const path = spec['certificate-chain']
    const chain = await readChain(context, path)
    if (isAuthority(chain[0]))
      throw new CountersignError('MATERIAL_MALFORMED', `${path}: first certificate in chain must be a leaf certificate`)
    const start = at < given.length ? chain[0].notBefore : chain.at(-1)!.notBefore // the older form counts from the root on
    return timestampAuthorityOfChain(chain, path, { url: spec.url, validFor: validityOf('tsa', spec, start) })
  })
}

/** Logs of the new form must say since when; those of the older one are trusted from 1970 on. */
async function logs(context: CommandContext, flags: Flags, name: 'rekor' | 'ctfe'): Promise<readonly TransparencyLog[]> {
  const given = flags[name].map(spec => parseServiceSpec(name, spec, ['url', 'public-key', 'start-time'], ['end-time', 'origin']))
  const [urls, starts, ends] = [flags[`${name}Url`], flags[`${name}StartTime`], flags[`${name}EndTime`]]
  const older = flags[`${name}Key`].map((key, at) => {
    const [, path, origin] = name === 'rekor' ? (/^([^,]*)(?:,(.*))?$/s.exec(key) ?? []) : [key, key]
    return {
      url: urls[at] ?? '',
      'public-key': path!,
      ...(origin && { origin }),
      ...(starts[at] !== undefined && { 'start-time': starts[at] }),
      ...(ends[at] !== undefined && { 'end-time': ends[at] }),
    }
  })
  return await inTurn([...given, ...older], async spec => {
    const path = spec['public-key']
    const origin = 'origin' in spec && spec.origin !== undefined ? { origin: spec.origin } : {}
    const pem = await context.files.read(path, pemFileLimitBytes)
    return logOfKey(pem, path, { url: spec.url, validFor: validityOf(name, spec, openValidity.start), ...origin })
  })
}

type Times = { readonly 'start-time'?: string; readonly 'end-time'?: string }

function validityOf(what: string, times: Times, usualStart: Date): Validity {
  const read = (name: keyof Times) => {
    const text = times[name]
    return text === undefined ? undefined : parseTimeOf(`parsing ${what} spec: ${name}`, text)
  }
  const [start, end] = [read('start-time') ?? usualStart, read('end-time')]
  if (end && end < start) throw new CountersignError('USAGE', `parsing ${what} spec: end-time: want one after the start`)
  return { start, end }
}

async function readChain(context: CommandContext, path: string): Promise<readonly [Certificate, ...Certificate[]]> {
  return parseCertificatesPem(await context.files.read(path, pemFileLimitBytes), path)
}

/** One after the other, so that the first failure is the one told. */
function inTurn<T, R>(items: readonly T[], work: (item: T, at: number) => Promise<R>): Promise<readonly R[]> {
  return inParallel(items, 1, work)
}
