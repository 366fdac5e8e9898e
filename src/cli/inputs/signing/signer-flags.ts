import { CountersignError } from '../../../codec/error.ts'
import type { SigningAlgorithm } from '../../../sign/keyless/ephemeral-key.ts'
import type { ServiceFlags } from './service-plan.ts'

/** The flags that say who signs, and how a token for that is had. */
export type SignerFlags = ServiceFlags & {
  readonly certificate: string
  readonly certificateChain: string
  readonly fulcioAuthFlow: '' | 'normal' | 'device' | 'token' | 'client_credentials'
  readonly identityToken: string
  readonly insecureSkipVerify: boolean
  readonly oidcClientId: string
  readonly oidcClientSecretFile: string
  readonly oidcDisableAmbientProviders: boolean
  readonly oidcProvider: string
  readonly oidcRedirectUrl: string
  readonly outputCertificate: string
  readonly signingAlgorithm?: SigningAlgorithm
  readonly timestampClientCacert: string
  readonly timestampClientCert: string
  readonly timestampClientKey: string
  readonly timestampServerName: string
  readonly trustedRoot: string
  readonly yes: boolean
}

const tokenFlags = [
  'fulcio-auth-flow',
  'fulcio-url',
  'identity-token',
  'insecure-skip-verify',
  'oidc-client-id',
  'oidc-client-secret-file',
  'oidc-disable-ambient-providers',
  'oidc-issuer',
  'oidc-provider',
  'oidc-redirect-url',
  'signing-algorithm',
] as const

/**
 * Refuses flags that would have no effect beside a key, and those that contradict each other. Variables of the environment are there for
 * other commands too, so only what was typed is refused.
 *
 * @throws CountersignError `USAGE`
 */
export function checkSignerFlags(flags: SignerFlags): void {
  const { key, issueCertificate, identityToken, oidcProvider, oidcDisableAmbientProviders, fulcioAuthFlow, given } = flags
  if (key !== '' && !issueCertificate) {
    const stranger = tokenFlags.find(name => given.get(name) === 'command line')
    if (stranger) throw usage(`--${stranger} is about signing without a key, and --key is given; --issue-certificate has a key certified`)
  }
  for (const name of ['certificate', 'certificate-chain'] as const) {
    if (given.get(name) !== 'command line') continue
    if (key === '') throw usage(`--${name} is about the certificate of a key, and signing without one gets its own; want --key`)
    if (issueCertificate) throw usage(`want one of --${name} and --issue-certificate, got both`)
  }
  if (flags.certificateChain !== '' && flags.certificate === '' && key !== '') throw usage('--certificate-chain goes with --certificate')
  if (flags.outputCertificate !== '' && key !== '' && !issueCertificate && flags.certificate === '')
    throw usage('--output-certificate: a key signs, so there is no certificate to write')
  if (key === '' && issueCertificate) throw usage('--issue-certificate goes with --key: without one a certificate is asked for anyway')
  if (key !== '' && given.get('signing-algorithm') === 'command line')
    throw usage('--signing-algorithm chooses the key that is made for signing without one; with --key that decides')
  if (identityToken !== '' && oidcProvider !== '') throw usage('want one of --identity-token and --oidc-provider, got both')
  if (oidcProvider !== '' && oidcDisableAmbientProviders)
    throw usage('want one of --oidc-provider and --oidc-disable-ambient-providers, got both')
  if (fulcioAuthFlow !== '' && fulcioAuthFlow !== 'token' && identityToken !== '')
    throw usage(`--fulcio-auth-flow ${fulcioAuthFlow} logs somebody in, and --identity-token is given; want one of them`)
}

function usage(message: string): CountersignError {
  return new CountersignError('USAGE', message)
}
