import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { defaultKeyDetails } from '../../crypto/key-details.ts'
import { encodePublicKeyPem, type PublicKey } from '../../crypto/public-key.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { encodeClientTrustConfig } from '../../trust/client-trust-config.ts'
import { authorityOfChain } from '../../trust/pem-trust.ts'
import { encodeSigningConfig, type SigningConfig, type SigningService } from '../../trust/signing-config.ts'
import { encodeTrustedRoot, type TrustedRoot } from '../../trust/trusted-root.ts'
import type { Validity } from '../../trust/validity.ts'
import type { StackConfig } from './config.ts'

/** Certificates, an authority's own first, its root last. */
export type Chain = readonly [Certificate, ...Certificate[]]

/** What of a stack is public: whom it asks to be trusted. */
export type StackIdentity = {
  readonly authority: Chain // the intermediate that issues first, the root last
  readonly formerAuthorities: readonly Chain[] // that issued before, under the same root
  readonly timestamps: Chain // the one that stamps first, the root last
  readonly logKeys: Readonly<Record<'ct-log' | 'rekor-v1' | 'rekor-v2', PublicKey>>
}

/** Paths of the services below the stack's URL. */
export const servicePaths = { ct: '/ct', timestamps: '/api/v1/timestamp', tuf: '/tuf' } as const

/** The origin of the log of version 2, and the name in version 1's: clients make it of the URL they know the log by. @see services §4.3 */
export function logHost({ url }: Pick<StackConfig, 'url'>): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/**
 * The trusted root of a stack. No operators are named: cosign 2 refuses a file with that member.
 *
 * The certificates of the authorities say themselves from when they are valid; logs are trusted from when the root is.
 */
export function trustedRootOf(config: Pick<StackConfig, 'url'>, identity: StackIdentity): TrustedRoot {
  const { authority, formerAuthorities, timestamps, logKeys } = identity
  const [base, validFor] = [config.url.origin, sinceRoot(authority)]
  return {
    certificateAuthorities: [authority, ...formerAuthorities].map(chain => authorityOfChain(chain, { url: base, validFor: since(chain) })),
    timestampAuthorities: [authorityOfChain(timestamps, { url: `${base}${servicePaths.timestamps}`, validFor: since(timestamps) })],
    transparencyLogs: [
      { ...logKey(logKeys['rekor-v1'], base), validFor, operator: '' },
      { ...rekorV2KeyOf(config, identity), validFor, operator: '' },
    ],
    ctLogs: [{ ...logKey(logKeys['ct-log'], `${base}${servicePaths.ct}`), validFor, operator: '' }],
    unusable: [],
  }
}

/** The log of version 2, as whoever trusts it knows it. */
export function rekorV2KeyOf(config: Pick<StackConfig, 'url'>, { logKeys }: Pick<StackIdentity, 'logKeys'>): LogKey {
  const key = logKeys['rekor-v2']
  return { ...logKey(key, config.url.origin), logId: noteKeyId(logHost(config), key) }
}

/** What clients are told to use: one log, so that all of a mixed fleet understand it, and the timestamps that the log of version 2 lacks. */
export function signingConfigOf({ url, operator, rekor }: StackConfig, { authority }: StackIdentity): SigningConfig {
  const service = (at: string, majorApiVersion: number): SigningService => ({
    url: at,
    majorApiVersion,
    validFor: sinceRoot(authority),
    operator,
  })
  return {
    certificateAuthorities: [service(url.origin, 1)],
    oidcProviders: [service(url.origin, 1)],
    transparencyLogs: [service(url.origin, rekor.signWith === 'v1' ? 1 : 2)],
    transparencyLogSelector: { selector: 'ANY' },
    timestampAuthorities: [service(`${url.origin}${servicePaths.timestamps}`, 1)],
    timestampSelector: { selector: 'ANY' },
  }
}

function since([{ notBefore }]: Chain): Validity {
  return { start: notBefore, end: undefined }
}

/** Since the stack was made: its root stays when its authority is exchanged. */
function sinceRoot(chain: Chain): Validity {
  return { start: chain.at(-1)!.notBefore, end: undefined }
}

function logKey(key: PublicKey, baseUrl: string): LogKey {
  const details = defaultKeyDetails(key)
  if (!details) throw new TypeError(`no log signs with ${key.algorithm}`)
  return { key, scheme: { scheme: details.scheme, hash: details.hash }, logId: key.id, baseUrl }
}

/**
 * Everything that clients are given to trust a stack, by the names that TUF repositories have for them: a trusted root and a signing config
 * for those that read them, and for cosign 2 the keys and certificates one by one. @see services §7
 */
export function trustFilesOf(config: StackConfig, identity: StackIdentity): ReadonlyMap<string, Uint8Array> {
  const { authority, formerAuthorities, timestamps, logKeys } = identity
  const pem = (...chain: readonly Certificate[]) => encodeUtf8(chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''))
  return new Map([
    ['trusted_root.json', encodeTrustedRoot(trustedRootOf(config, identity))],
    ['signing_config.v0.2.json', encodeSigningConfig(signingConfigOf(config, identity))],
    ['fulcio.crt.pem', pem(...authority.slice(-1))],
    ['fulcio_intermediate.crt.pem', pem(...[authority, ...formerAuthorities].flatMap(chain => chain.slice(0, -1)))],
    ['ctfe.pub', encodeUtf8(encodePublicKeyPem(logKeys['ct-log']))],
    ['rekor.pub', encodeUtf8(encodePublicKeyPem(logKeys['rekor-v1']))],
    ['tsa.crt.pem', pem(...timestamps)],
  ])
}

/** The same in one file, for clients that take it whole, as sigstore (Python) does; no TUF repository has it. */
export function clientTrustConfigOf(config: StackConfig, identity: StackIdentity): readonly [name: string, Uint8Array] {
  return ['client_trust_config.v0.1.json', encodeClientTrustConfig(trustedRootOf(config, identity), signingConfigOf(config, identity))]
}
