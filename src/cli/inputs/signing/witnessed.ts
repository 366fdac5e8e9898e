import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import type { Fetch } from '../../../codec/world.ts'
import type { ServiceAccess } from '../../../sign/ask-service.ts'
import { createEphemeralSigner } from '../../../sign/keyless/ephemeral-key.ts'
import type { Signing } from '../../../sign/signing.ts'
import { type SigningServices, type WitnessedOptions, witnessedSigning } from '../../../sign/witnessed-signing.ts'
import { authorityOfChain } from '../../../trust/pem-trust.ts'
import type { CommandContext } from '../../context.ts'
import { signerFromFlag } from '../keys.ts'
import { authoritiesFromFlags } from '../trust/authorities.ts'
import { confirmDisclosure } from './disclosure.ts'
import type { ServicePlan } from './service-plan.ts'
import type { SignerFlags } from './signer-flags.ts'
import { tokenSource } from './token-source.ts'

const pemLimitBytes = 1 << 20

/**
 * Signing with the services of a plan. Trust is the one that signatures are verified by, and is loaded first: what could not be verified is
 * not worth signing. Then a token is had and its disclosure agreed to, before anything is sent to anybody but its issuer.
 *
 * @throws CountersignError `USAGE`, whatever loading trust, reading keys and getting a token throws
 */
export async function witnessed(context: CommandContext, flags: SignerFlags, plan: ServicePlan): Promise<Signing> {
  const { world, signal, stderr } = context
  const { authority, logs, timestampAuthorities } = plan
  const timestampFetch = await timestampConnection(context, flags, plan)
  const brings = flags.key !== '' && flags.certificate !== '' && !authority
  const needs = {
    certificates: authority !== undefined || (brings && flags.certificateChain === ''),
    certificateLogs: authority !== undefined && !flags.insecureSkipVerify,
    logs: logs.length > 0,
    timestamps: timestampAuthorities.length > 0,
  }
  const { authorities: trust } = await authoritiesFromFlags(context, { ...noPemFlags, trustedRoot: flags.trustedRoot }, needs)
  const access = (url: URL, fetch: Fetch = world.fetch): ServiceAccess => ({ world: { ...world, fetch }, url, signal })
  const services = {
    authority: authority && access(authority),
    timestampAuthorities: timestampAuthorities.map(url => access(url, timestampFetch)),
    logs: logs.map(({ url, version }) => ({ access: access(url), version })),
  }
  const clock = world
  const report = (line: string) => stderr(`${line}\n`)
  if (brings) return await witnessedWithCertificate(context, flags, services, { trust, clock, report })
  const key =
    flags.key === ''
      ? () => createEphemeralSigner(flags.signingAlgorithm ?? 'ecdsa-sha2-256-nistp256')
      : await signerFromFlag(context, flags.key)
  const source = tokenSource(context, flags, plan)
  if (authority) await confirmDisclosure(context, flags, plan, await source.first())
  return witnessedSigning(services, { key, token: source.next }, { trust, clock, unsafeSkipSct: flags.insecureSkipVerify, report })
}

/**
 * The same with a certificate that is brought along: by its chain it must verify, where there is one. Whether a certificate log has seen it
 * is its owner's affair: few authorities but Fulcio have one.
 */
async function witnessedWithCertificate(
  context: CommandContext,
  flags: SignerFlags,
  services: SigningServices,
  { trust, ...options }: Omit<WitnessedOptions, 'unsafeSkipSct'>,
): Promise<Signing> {
  const key = await signerFromFlag(context, flags.key)
  const { broughtFromFlags } = await import('./brought.ts')
  const certificate = await broughtFromFlags(context, flags, key.publicKey)
  const [issuer, ...above] = certificate.chain
  const by = issuer ? { ...trust, certificateAuthorities: [authorityOfChain([issuer, ...above])], takesCarriedIntermediates: false } : trust
  const token = () => Promise.reject(new TypeError('a certificate that is there is not asked for'))
  return witnessedSigning(services, { key, token, certificate }, { ...options, trust: by, unsafeSkipSct: true })
}

/** What only verifying commands have flags for. */
const noPemFlags = { caIntermediates: '', caRoots: '', certificateChain: '', offline: false, timestampCertificateChain: '' }

/** The connection that `--timestamp-client-…` and `--timestamp-server-name` describe; the usual one where none of them is given. */
async function timestampConnection(
  context: CommandContext,
  { timestampClientCacert, timestampClientCert, timestampClientKey, timestampServerName }: SignerFlags,
  { timestampAuthorities }: ServicePlan,
): Promise<Fetch> {
  const given = { timestampClientCacert, timestampClientCert, timestampClientKey, timestampServerName }
  if (Object.values(given).every(value => value === '')) return context.world.fetch
  if (timestampAuthorities.length === 0)
    throw new CountersignError(
      'USAGE',
      '--timestamp-client-… and --timestamp-server-name are about a timestamp authority, and none takes part',
    )
  if ((timestampClientCert === '') !== (timestampClientKey === ''))
    throw new CountersignError('USAGE', '--timestamp-client-cert and --timestamp-client-key go together')
  const pem = async (path: string) => decodeUtf8(await context.files.read(path, pemLimitBytes), path)
  return context.connect({
    ...(timestampClientCacert !== '' && { ca: await pem(timestampClientCacert) }),
    ...(timestampClientCert !== '' && {
      clientCertificate: { cert: await pem(timestampClientCert), key: await pem(timestampClientKey) },
    }),
    ...(timestampServerName !== '' && { serverName: timestampServerName }),
  })
}
