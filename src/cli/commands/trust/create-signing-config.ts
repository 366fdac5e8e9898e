import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { trustTargets } from '../../../trust/load-trust.ts'
import { encodeSigningConfig, type ServiceSelector, type SigningConfig, type SigningService } from '../../../trust/signing-config.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { signingConfigCreateFlags } from '../../flags/trust.ts'
import { signingConfigFromTuf } from '../../inputs/trusted-root.ts'
import { parseServiceSpec, parseTimeOf } from './service-spec.ts'
import { writeDocument } from './write-document.ts'

type Flags = FlagsOf<typeof signingConfigCreateFlags>

/** `signing-config create`: writes which services take part in signing. */
export const createSigningConfig: CommandFunction<typeof signingConfigCreateFlags> = async (context, flags) => {
  for (const name of ['rekor', 'tsa'] as const)
    if (flags[name].length > 0 && flags[`${name}Config`] === '')
      throw new CountersignError('USAGE', `--${name}-config must be provided when --${name} is specified`)
  const added: SigningConfig = {
    certificateAuthorities: flags.fulcio.map(spec => service('fulcio', spec)),
    oidcProviders: flags.oidcProvider.map(spec => service('oidc-provider', spec)),
    transparencyLogs: flags.rekor.map(spec => service('rekor', spec)),
    transparencyLogSelector: parseSelector('rekor', flags.rekorConfig),
    timestampAuthorities: flags.tsa.map(spec => service('tsa', spec)),
    timestampSelector: parseSelector('tsa', flags.tsaConfig),
  }
  const defaults = await defaultServices(context, flags)
  await writeDocument(context, flags.out, encodeSigningConfig(defaults ? join(defaults, added, flags) : added))
  return 0
}

async function defaultServices(context: CommandContext, flags: Flags): Promise<SigningConfig | undefined> {
  if (flags.withDefaultServices && flags.withDefaultRekorV2)
    throw new CountersignError('USAGE', 'want one of --with-default-services and --with-default-rekor-v2, got both')
  if (flags.withDefaultRekorV2) return await signingConfigFromTuf(context, trustTargets.signingConfigRekorV2)
  return flags.withDefaultServices ? await signingConfigFromTuf(context) : undefined
}

/** Default services come first; a selector that was given holds for all of them. */
function join(defaults: SigningConfig, added: SigningConfig, flags: Flags): SigningConfig {
  const choose = (given: ServiceSelector, usual: ServiceSelector) => (given.selector === 'undefined' ? usual : given)
  return {
    certificateAuthorities: [...(flags.noDefaultFulcio ? [] : defaults.certificateAuthorities), ...added.certificateAuthorities],
    oidcProviders: [...(flags.noDefaultOidc ? [] : defaults.oidcProviders), ...added.oidcProviders],
    transparencyLogs: [...(flags.noDefaultRekor ? [] : defaults.transparencyLogs), ...added.transparencyLogs],
    transparencyLogSelector: flags.noDefaultRekor
      ? added.transparencyLogSelector
      : choose(added.transparencyLogSelector, defaults.transparencyLogSelector),
    timestampAuthorities: [...(flags.noDefaultTsa ? [] : defaults.timestampAuthorities), ...added.timestampAuthorities],
    timestampSelector: flags.noDefaultTsa ? added.timestampSelector : choose(added.timestampSelector, defaults.timestampSelector),
  }
}

function service(what: string, text: string): SigningService {
  const spec = parseServiceSpec(what, text, ['url', 'api-version', 'start-time', 'operator'], ['end-time'])
  const version = spec['api-version']
  if (!/^\d{1,9}$/.test(version))
    throw new CountersignError('USAGE', `parsing ${what} spec: api-version: want a number, got ${quote(version)}`)
  const end = spec['end-time']
  return {
    url: spec.url,
    majorApiVersion: Number(version),
    validFor: {
      start: parseTimeOf(`parsing ${what} spec: start-time`, spec['start-time']),
      end: end === undefined ? undefined : parseTimeOf(`parsing ${what} spec: end-time`, end),
    },
    operator: spec.operator,
  }
}

/** `ANY`, `ALL` or `EXACT:COUNT`, in any case as cosign takes them. */
function parseSelector(what: string, text: string): ServiceSelector {
  if (text === '') return { selector: 'undefined' }
  const [, mode = '', count] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  const fail = (message: string) => new CountersignError('USAGE', `parsing ${what}-config: ${message}`)
  switch (mode.toUpperCase()) {
    case 'ANY':
    case 'ALL':
      if (count !== undefined) throw fail(`mode ${mode.toUpperCase()} does not accept a count`)
      return { selector: mode.toUpperCase() === 'ANY' ? 'ANY' : 'ALL' }
    case 'EXACT':
      if (count === undefined) throw fail('mode EXACT requires a count, e.g. EXACT:2')
      if (!/^[1-9]\d{0,8}$/.test(count)) throw fail(`invalid count for EXACT mode: want a number from 1 on, got ${quote(count)}`)
      return { selector: 'EXACT', count: Number(count) }
    default:
      throw fail(`invalid service config mode: ${quote(mode)}`)
  }
}
