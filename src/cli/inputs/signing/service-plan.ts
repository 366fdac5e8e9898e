import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { parseSigningConfig, type SigningConfig, signingConfigLimitBytes } from '../../../trust/signing-config.ts'
import type { FlagSource } from '../../command.ts'
import type { CommandContext } from '../../context.ts'

/** The flags that say which services take part in signing. */
export type ServiceFlags = {
  readonly fulcioUrl: string
  readonly issueCertificate: boolean
  readonly key: string
  readonly oidcIssuer: string
  readonly rekorUrl: string
  readonly signingConfig: string
  readonly timestampServerUrl: string
  readonly tlogUpload: boolean
  readonly useSigningConfig: boolean
  readonly given: ReadonlyMap<string, FlagSource>
}

/** Which services take part, by their addresses. */
export type ServicePlan = {
  readonly authority: URL | undefined // Fulcio
  readonly issuer: URL | undefined // where somebody logs in for a token
  readonly logs: readonly { readonly url: URL; readonly version: 1 | 2 }[]
  readonly timestampAuthorities: readonly URL[]
}

/** What is going to be written needs of the services. */
export type ServiceNeeds = {
  readonly promise: boolean // of the log: the layout of cosign 2 keeps nothing else of an entry
  readonly timestamp: boolean
  readonly intoto?: boolean // an entry of that kind, as only Rekor v1 has
}

const addressFlags = ['fulcio-url', 'oidc-issuer', 'rekor-url', 'timestamp-server-url'] as const

/**
 * The services that the flags choose: those of the file `--signing-config`, of flags that name each, or, where no flag says anything, of the
 * signing config that the TUF repository distributes. Flags that name services are enough by themselves, as they were in cosign 2, and so is
 * `--tlog-upload=false`; cosign 3 wants `--use-signing-config=false` beside them.
 *
 * @returns nothing where a key signs and no service takes part
 * @throws CountersignError `USAGE`, `SIGNING_CONFIG_MALFORMED`, `SERVICE_UNAVAILABLE`, and as `signingConfigFromTuf`
 * @see formats-and-flows §8
 */
export async function planServices(context: CommandContext, flags: ServiceFlags, needs: ServiceNeeds): Promise<ServicePlan | undefined> {
  checkConflicts(flags)
  const plan = namesServices(flags) ? planOfFlags(flags) : await planOfConfig(context, flags, needs)
  const { authority, logs, timestampAuthorities } = plan
  if (needs.timestamp && timestampAuthorities.length === 0)
    throw usage('--rfc3161-timestamp: no timestamp authority takes part, so there is no timestamp to write')
  if (needs.intoto && logs.length === 0) throw usage('--rekor-entry-type intoto: no log takes part that could have such an entry')
  if (!authority && logs.length === 0 && timestampAuthorities.length === 0) return undefined
  if (authority && timestampAuthorities.length === 0) {
    if (logs.some(({ version }) => version === 2))
      throw new CountersignError(
        'USAGE',
        'a timestamp authority must be provided to request a short-lived certificate that will be logged to Rekor v2, which says no time: ' +
          'name one in the signing config',
      )
    if (logs.length === 0)
      context.warn(
        'neither a log nor a timestamp authority takes part: nobody can verify the signature once its certificate has expired, in ten minutes',
      )
  }
  return plan
}

function checkConflicts({ signingConfig, tlogUpload, useSigningConfig, given }: ServiceFlags): void {
  if (signingConfig !== '' && given.has('use-signing-config'))
    throw usage('want one of --signing-config and --use-signing-config, got both')
  const isAsked = signingConfig !== '' || (given.has('use-signing-config') && useSigningConfig)
  if (isAsked && addressFlags.some(name => given.has(name))) throw usage('cannot specify service URLs and use signing config')
  if (isAsked && signingConfig === '' && !tlogUpload)
    throw usage('--tlog-upload=false goes with --use-signing-config=false, or with a --signing-config that names no log')
}

/** Whether flags name the services, one by one; the log is that of `--rekor-url` unless `--tlog-upload=false`. */
function namesServices({ signingConfig, tlogUpload, useSigningConfig, given }: ServiceFlags): boolean {
  if (signingConfig !== '') return false
  if (given.has('use-signing-config')) return !useSigningConfig
  return !tlogUpload || addressFlags.some(name => given.has(name))
}

function planOfFlags(flags: ServiceFlags): ServicePlan {
  const { fulcioUrl, oidcIssuer, rekorUrl, timestampServerUrl, tlogUpload } = flags
  const address = (flag: string, url: string) => parseAddress(url, problem => usage(`--${flag}: ${problem}`))
  return {
    ...(wantsCertificate(flags)
      ? { authority: address('fulcio-url', fulcioUrl), issuer: address('oidc-issuer', oidcIssuer) }
      : { authority: undefined, issuer: undefined }),
    logs: tlogUpload ? [{ url: address('rekor-url', rekorUrl), version: 1 }] : [],
    timestampAuthorities: timestampServerUrl === '' ? [] : [address('timestamp-server-url', timestampServerUrl)],
  }
}

async function planOfConfig(context: CommandContext, flags: ServiceFlags, needs: ServiceNeeds): Promise<ServicePlan> {
  const config = await configOf(context, flags)
  const { certificateAuthorities, oidcProviders, transparencyLogs, transparencyLogSelector, timestampAuthorities, timestampSelector } =
    config
  if (!flags.tlogUpload && transparencyLogs.length > 0)
    throw usage(
      `--tlog-upload=false goes with a signing config that names no log, and ${flags.signingConfig} names ${quote(transparencyLogs[0]!.url)}`,
    )
  if (!wantsCertificate(flags) && transparencyLogs.length === 0 && timestampAuthorities.length === 0)
    return { authority: undefined, issuer: undefined, logs: [], timestampAuthorities: [] }
  const { selectService, selectServices } = await import('../../../trust/select-services.ts')
  const { world } = context
  const address = ({ url }: { readonly url: string }) =>
    parseAddress(url, problem => new CountersignError('SIGNING_CONFIG_MALFORMED', `signing config: ${problem}`))
  const holdable =
    needs.promise || needs.intoto ? transparencyLogs.filter(({ majorApiVersion }) => majorApiVersion === 1) : transparencyLogs
  if (holdable.length === 0 && transparencyLogs.length > 0)
    throw usage(
      needs.promise
        ? `the layout of cosign 2 holds entries of Rekor v1 alone, and the signing config names none, but ${quote(transparencyLogs[0]!.url)}; ` +
            'sign a bundle, or name a log of Rekor v1'
        : `--rekor-entry-type intoto: only Rekor v1 has such entries, and the signing config names none, but ${quote(transparencyLogs[0]!.url)}`,
    )
  return {
    ...(wantsCertificate(flags)
      ? {
          authority: address(selectService('certificate authorities', certificateAuthorities, world)),
          issuer: oidcProviders.length === 0 ? undefined : address(selectService('OIDC providers', oidcProviders, world)),
        }
      : { authority: undefined, issuer: undefined }),
    logs: selectServices('transparency logs', holdable, transparencyLogSelector, world).map(log => ({
      url: address(log),
      version: log.majorApiVersion === 1 ? 1 : 2,
    })),
    timestampAuthorities: selectServices('timestamp authorities', timestampAuthorities, timestampSelector, world).map(address),
  }
}

async function configOf(context: CommandContext, { signingConfig }: ServiceFlags): Promise<SigningConfig> {
  if (signingConfig !== '') return parseSigningConfig(await context.files.read(signingConfig, signingConfigLimitBytes))
  const { signingConfigFromTuf } = await import('../trusted-root.ts')
  try {
    return await signingConfigFromTuf(context)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError(
      cause.code,
      `no signing config says which services take part in signing: ${cause.message}; --signing-config FILE names them, and ` +
        '--use-signing-config=false --tlog-upload=false signs with a key and without any',
      { cause },
    )
  }
}

/** Without a key of one's own there is no other way; with one, a certificate is asked for by name. */
function wantsCertificate({ key, issueCertificate }: ServiceFlags): boolean {
  return key === '' || issueCertificate
}

function parseAddress(text: string, refuse: (problem: string) => CountersignError): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw refuse(`want an http(s) URL, got ${quote(text)}`)
  return url
}

function usage(message: string): CountersignError {
  return new CountersignError('USAGE', message)
}
