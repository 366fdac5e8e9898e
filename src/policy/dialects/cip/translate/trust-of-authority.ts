import { authoritiesOfFile } from '../../../../trust/pem-trust.ts'
import type { TransparencyLog } from '../../../../trust/transparency-log.ts'
import type { Trust } from '../../../../verify/policy.ts'
import type { Authority } from '../../../model.ts'
import type { KeylessSigner, KeySigner, SigningAuthority } from '../cluster-image-policy.ts'
import { type CipReferences, resolveCertificates, resolveKeys, resolveTrustRoot } from './resolve-references.ts'

/** Whose word counts for an authority, and what must prove it. */
export type AuthorityTrust = Pick<Authority, 'trust' | 'demands' | 'askedLog'>

/**
 * Makes out whom an authority trusts, and whether it asks for a log entry or a timestamp.
 *
 * @throws CountersignError where what it refers to cannot be had or is not what it should be
 * @see spec admission §1.4
 */
export async function trustOfAuthority(
  authority: SigningAuthority,
  references: CipReferences,
  signal: AbortSignal,
): Promise<AuthorityTrust> {
  const { signer } = authority
  const isKey = signer.kind === 'key'
  const signers = isKey ? await trustOfKey(signer, authority, references, signal) : await trustOfIdentities(signer, references, signal)
  const evidence = await trustOfEvidence(authority, references, signal)
  return {
    trust: { ...signers.trust, ...evidence.trust },
    demands: { annotations: new Map(), ...signers.demands, ...evidence.demands },
    ...(evidence.askedLog && { askedLog: evidence.askedLog }),
  }
}

/** One part of it. */
type Part = { readonly trust: Trust; readonly demands: Partial<Authority['demands']> }

/** Without a word on it the older layout is signed with SHA-256, as upstream holds it to; a bundle with what is usual for the key. */
async function trustOfKey(
  { key, hash }: KeySigner,
  { format }: SigningAuthority,
  references: CipReferences,
  signal: AbortSignal,
): Promise<Part> {
  const keys = await resolveKeys(key, references, signal)
  const hashes = hash ?? (format === 'legacy' ? 'sha256' : undefined)
  return { trust: { keys }, demands: hashes ? { hashes: [hashes] } : {} }
}

/** Certificates of its own take the place of the authorities, not of the logs that have seen what they issue (D5). */
async function trustOfIdentities(signer: KeylessSigner, references: CipReferences, signal: AbortSignal): Promise<Part> {
  const base = await rootOf(signer.trustRootRef, references, signal)
  const own = signer.authorities && (await resolveCertificates(signer.authorities, references, signal))
  return {
    trust: {
      certificateAuthorities: own ? authoritiesOfFile(own, signer.authorities!.path) : (base.certificateAuthorities ?? []),
      ctLogs: base.ctLogs ?? [],
      timestampAuthorities: base.timestampAuthorities ?? [],
    },
    demands: { identities: signer.identities, ...(signer.ignoresSct && { unsafeSkipSct: true }) },
  }
}

/** A timestamp takes the place of log entries; an authority that asks for neither is held to what it asks for. */
async function trustOfEvidence(
  authority: SigningAuthority,
  references: CipReferences,
  signal: AbortSignal,
): Promise<Part & Pick<AuthorityTrust, 'askedLog'>> {
  const { timestampTrustRootRef, ctlog } = authority
  if (timestampTrustRootRef !== undefined) {
    const { timestampAuthorities = [] } = await resolveTrustRoot(timestampTrustRootRef, references, signal)
    return { trust: { timestampAuthorities }, demands: { unsafeSkipTlog: true, timestampThreshold: 1 } }
  }
  if (!asksLog(authority)) return { trust: {}, demands: { unsafeSkipTlog: true } }
  const { transparencyLogs = [] } = await rootOf(ctlog?.trustRootRef ?? ownRootRef(authority), references, signal)
  const askedLog = ctlog && addressOf(ctlog, transparencyLogs)
  return { trust: { transparencyLogs }, demands: {}, ...(askedLog && { askedLog }) }
}

/** Of a bundle one trusted root decides; in the older layout a log that is named by its address alone is one of the public instance. */
function ownRootRef({ signer, ctlog, format }: SigningAuthority): string | undefined {
  return signer.kind === 'keyless' && (format !== 'legacy' || ctlog?.url === undefined) ? signer.trustRootRef : undefined
}

/** The table of spec admission §1.4, which is of the older layout; a bundle by an identity is held to a log as every client holds it. */
function asksLog({ signer, ctlog, format }: SigningAuthority): boolean {
  if (ctlog?.url !== undefined || ctlog?.trustRootRef !== undefined) return true
  if (signer.kind === 'key') return false
  return format !== 'legacy' || (!ctlog && signer.trustRootRef === undefined)
}

/** Of a TrustRoot the last log's address is asked, else the one that the policy has. */
function addressOf({ url, trustRootRef }: NonNullable<SigningAuthority['ctlog']>, logs: readonly TransparencyLog[]): URL | undefined {
  const last = trustRootRef === undefined ? undefined : logs.at(-1)?.baseUrl
  return (last !== undefined && URL.parse(last)) || url
}

async function rootOf(trustRootRef: string | undefined, references: CipReferences, signal: AbortSignal): Promise<Trust> {
  return trustRootRef === undefined ? await references.publicGood(signal) : await resolveTrustRoot(trustRootRef, references, signal)
}
