import { CountersignError } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { Signer } from '../crypto/signer.ts'
import { encodeDsseEnvelope } from '../formats/dsse.ts'
import type { EntrySigner, LoggedContent } from '../formats/log/entry-match.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import { challengeOf, type IdentityToken } from '../identity/token-claims.ts'
import type { Trust } from '../verify/policy.ts'
import type { ServiceAccess } from './ask-service.ts'
import type { BroughtCertificate } from './brought-certificate.ts'
import { type IssuedCertificate, requestCertificate } from './fulcio/request-certificate.ts'
import { proveSigned } from './prove-signed.ts'
import { type LogService, logSignature } from './rekor/log-signature.ts'
import { type SignedParts, type Signing, signedBytes, type ToSign } from './signing.ts'
import { requestTimestamp } from './timestamp/request-timestamp.ts'

/** The services that take part in signing. */
export type SigningServices = {
  readonly authority: ServiceAccess | undefined // Fulcio; a key that is known needs none
  readonly timestampAuthorities: readonly ServiceAccess[]
  readonly logs: readonly LogService[]
}

/** Who signs. */
export type SignerSource = {
  /** The key that is known, or one made for the occasion each time a certificate is asked for. */
  readonly key: Signer | (() => Promise<Signer>)
  /** An ID token to ask an authority with. Asked for as often as a certificate is. */
  readonly token: () => Promise<IdentityToken>
  /** Of the key that is known; then no authority is asked for one. */
  readonly certificate?: BroughtCertificate
}

/** By what a signature must verify before anybody gets it. */
export type WitnessedOptions = {
  readonly trust: Omit<Trust, 'keys'> // by which the result must verify
  readonly clock: Pick<World, 'now'>
  readonly unsafeSkipSct: boolean
  /** Told of each step in a few words, for people. */
  readonly report: (line: string) => void
}

/** A certificate is not used in the last seconds of its ten minutes: it must be valid when logs and authorities get to the signature. */
const marginMs = 60_000

/**
 * Signing that is witnessed: by an authority that certifies the key, by timestamp authorities, by logs, in this order, each as far as
 * `services` names any. One certificate serves all signatures until it is about to expire. What comes back was checked to be about the
 * signature it came for, and `prove` holds the whole against trust.
 *
 * @throws (from `sign`) CountersignError as `requestCertificate`, `requestTimestamp` and `logSignature`; `SCT_INVALID` where the authority
 *   keeps the certificate log's word apart, which no bundle can hold
 * @see formats-and-flows §4, "Order when building"
 */
export function witnessedSigning(services: SigningServices, source: SignerSource, options: WitnessedOptions): Signing {
  const { authority, timestampAuthorities, logs } = services
  const { trust, clock, unsafeSkipSct, report } = options
  const isCertified = authority !== undefined || source.certificate !== undefined
  let current: Credentials | undefined
  const credentials = async (): Promise<Credentials> => {
    const expires = current?.issued?.certificate.notAfter.getTime() ?? Number.POSITIVE_INFINITY
    if (!current || expires - clock.now().getTime() < marginMs) current = await obtainCredentials(authority, source, options)
    return current
  }
  const witnesses = {
    certificate: isCertified,
    logs: logs.length,
    timestampAuthorities: timestampAuthorities.length,
    unsafeSkipSct,
  }
  return {
    key: typeof source.key === 'function' || source.certificate ? undefined : source.key,
    sign: async content => {
      const { issued, ...known } = await credentials()
      const signer = signerFor(known.signer, content, logs)
      const signature = await signer.sign(signedBytes(content))
      const certificate = issued?.certificate
      const timestamps: Uint8Array[] = []
      for (const access of timestampAuthorities) timestamps.push(await requestTimestamp(access, stampedBytes(content, signature)))
      const logEntries: LogEntry[] = []
      const entrySigner: EntrySigner = certificate ? { kind: 'certificate', certificate } : { kind: 'key', key: signer.publicKey }
      for (const log of logs) {
        const submission = {
          signature,
          signer: entrySigner,
          hash: signer.hash,
          content: loggedContent(content, signature),
          ...(content.kind === 'envelope' && content.entryKind && { envelopeKind: content.entryKind }),
        }
        const entry = await logSignature(log, submission, trust.transparencyLogs ?? [])
        report(`tlog entry created with index: ${entry.logIndex}`)
        logEntries.push(entry)
      }
      return { signer, signature, certificate, chain: issued?.chain ?? [], logEntries, timestamps } satisfies SignedParts
    },
    prove: async (candidate, artifact, predicateTypes) => {
      const keys = isCertified ? {} : { keys: [(await credentials()).signer.publicKey] }
      await proveSigned(candidate, artifact, { ...trust, ...keys }, { ...witnesses, ...(predicateTypes && { predicateTypes }) }, clock)
    },
  }
}

type Credentials = { readonly signer: Signer; readonly issued: Pick<IssuedCertificate, 'certificate' | 'chain'> | undefined }

async function obtainCredentials(
  authority: ServiceAccess | undefined,
  { key, token, certificate }: SignerSource,
  { unsafeSkipSct, report }: WitnessedOptions,
): Promise<Credentials> {
  if (!authority) return { signer: typeof key === 'function' ? await key() : key, issued: certificate }
  const identity = await token() // before a key is made: it may be refused, or take as long as somebody needs to log in
  if (typeof key === 'function') report('Generating ephemeral keys...')
  const signer = typeof key === 'function' ? await key() : key
  report('Retrieving signed certificate...')
  const issued = await requestCertificate(authority, { token: identity.literal, challenge: challengeOf(identity), signer })
  if (issued.sct === 'detached' && !unsafeSkipSct)
    throw new CountersignError(
      'SCT_INVALID',
      `${authority.url.origin} gives the certificate log's timestamp apart from the certificate, where no bundle has a place for it`,
    )
  return { signer, issued }
}

/**
 * Ed25519 signs a message as it is, or its digest. A log that is given the digest alone can check but the second; Rekor v1 is given
 * envelopes whole, and checks the first of them alone.
 */
function signerFor(signer: Signer, content: ToSign, logs: readonly LogService[]): Signer {
  if (!signer.prehashed || logs.length === 0) return signer
  const isGivenWhole = content.kind === 'envelope' && logs.every(({ version }) => version === 1)
  return isGivenWhole ? signer : signer.prehashed
}

function stampedBytes(content: ToSign, signature: Uint8Array): Uint8Array {
  if (content.kind !== 'envelope' || content.stamped !== 'envelope') return signature
  return encodeDsseEnvelope({ ...content, signature })
}

function loggedContent(content: ToSign, signature: Uint8Array): LoggedContent {
  if (content.kind === 'message') return { kind: 'message', message: messageOfBytes(content.bytes) }
  const { payloadType, payload } = content
  return { kind: 'envelope', envelope: { payloadType, payload, signature }, preAuthEncoding: signedBytes(content) }
}
