import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { defaultHash } from '../../crypto/algorithm.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { Signer } from '../../crypto/signer.ts'
import { type Bundle, encodeBundle } from '../../formats/bundle.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import type { EntrySigner, LoggedContent } from '../../formats/log/entry-match.ts'
import { logBundleOfEntry } from '../../formats/log/log-bundle.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { encodeSignatureMaterial } from '../../formats/signature-material.ts'
import { encodeSimpleSigning, signatureAnnotation } from '../../formats/simple-signing.ts'
import { encodeSignStatement, statementPayloadType } from '../../formats/statement.ts'
import type { TransparencyLog } from '../../trust/transparency-log.ts'
import { type CertificateAuthority, encodeTrustedRoot, type TrustedRoot } from '../../trust/trusted-root.ts'
import {
  createRoot,
  freshSigner,
  type LeafOptions,
  signingTime,
  type TestAuthority,
  type TestCertificate,
  type TestKeyKind,
} from './certificate-authority.ts'
import { createCtLog, type TestCtLog } from './certificate-log.ts'
import type { Submission } from './submission.ts'
import { type TestTimestampAuthority, type TimestampFlaw, testTimestampAuthority } from './timestamp-authority.ts'
import { type LogFlaw, type TestLog, testLogSigners, testTransparencyLog } from './transparency-log.ts'

/** How something is signed: as Sigstore does it, but for what is told otherwise. */
export type SigningOptions = {
  /** Signs with this key and no certificate. */
  readonly key?: Signer
  /** The certificate, else one for `signer@example.com` by `https://issuer.example`. Its key is fresh unless told. */
  readonly leaf?: LeafOptions
  readonly certificate?: TestCertificate // in place of a fresh one
  /** When it is signed, logged and stamped, `signingTime` unless told. */
  readonly at?: Date
  readonly logs?: readonly ('v1' | 'v2')[] // v1 unless told
  readonly logKind?: Submission['kind']
  readonly logFlaw?: LogFlaw
  readonly stamped?: boolean // v2 alone says no time, so a timestamp comes along with it unless told
  readonly stampedAt?: Date
  readonly timestampFlaw?: TimestampFlaw
  readonly version?: Bundle['version']
}

/** Everything that came of signing: what a bundle, or the older layout, is made of. */
export type SignedParts = {
  readonly signature: Uint8Array
  readonly signer: Signer
  readonly certificate: TestCertificate | undefined
  readonly logEntries: readonly LogEntry[]
  readonly timestamps: readonly Uint8Array[]
}

/** A whole Sigstore in memory, and everybody's private keys with it. */
export type TestSigstore = {
  readonly root: TestAuthority
  readonly authority: TestAuthority // the intermediate that issues to signers
  readonly ctLog: TestCtLog
  readonly logs: Readonly<Record<'v1' | 'v2', TestLog>>
  readonly timestampAuthority: TestTimestampAuthority
  readonly trustedRoot: TrustedRoot
  readonly trustedRootJson: Uint8Array
  readonly sign: (bytes: Uint8Array, content: LoggedContent, options?: SigningOptions) => Promise<SignedParts>
  /** A bundle over an artifact's own bytes. */
  readonly signBlob: (artifact: Uint8Array, options?: SigningOptions) => Promise<Uint8Array>
  /** A bundle over a statement, the one that `sign` makes of an image unless told. */
  readonly signImage: (digest: OciDigest, options?: SigningOptions & { readonly statement?: Uint8Array }) => Promise<Uint8Array>
  /** A layer of the older layout; `optional` are the signer's own claims. */
  readonly signPayload: (
    digest: OciDigest,
    options?: SigningOptions & { readonly optional?: ReadonlyMap<string, string> },
  ) => Promise<{ readonly payload: Uint8Array; readonly annotations: ReadonlyMap<string, string>; readonly parts: SignedParts }>
}

/**
 * Sets one up. Keys are fresh, dates are not: everything is trusted from 2020 to 2045.
 *
 * @param authorityKey - of the root and the intermediate; P-256 unless told, for it signs fastest
 */
export async function createTestSigstore(authorityKey: TestKeyKind = 'p256'): Promise<TestSigstore> {
  const root = await createRoot({ key: authorityKey })
  const authority = await root.issueIntermediate({ key: authorityKey })
  const ctLog = createCtLog(freshSigner())
  const clock = { now: signingTime }
  const now = () => clock.now
  const logs = {
    v1: testTransparencyLog({ rekor: 'v1', now, signer: freshSigner() }),
    v2: testTransparencyLog({ rekor: 'v2', now, signer: testLogSigners.ed25519() }),
  }
  const timestampAuthority = await testTimestampAuthority()
  const trustedRoot = trust(authority, ctLog, Object.values(logs), timestampAuthority)

  const sign: TestSigstore['sign'] = async (bytes, content, options = {}) => {
    const { at = signingTime, logs: chosen = ['v1'], key, logKind, logFlaw, stampedAt = at, timestampFlaw } = options
    const certificate = key
      ? undefined
      : (options.certificate ?? (await authority.issueLeaf({ notBefore: at, ctLogs: [ctLog], ...options.leaf })))
    const signer = key ?? certificate!.signer
    const signature = await signer.sign(bytes)
    const entrySigner: EntrySigner = certificate
      ? { kind: 'certificate', certificate: certificate.certificate }
      : { kind: 'key', key: signer.publicKey }
    const submission = { signature, signer: entrySigner, content, ...(logKind && { kind: logKind }) }
    clock.now = at
    const logEntries: LogEntry[] = []
    for (const log of chosen) logEntries.push(await logs[log].add(submission, logFlaw))
    const isStamped = options.stamped ?? (!chosen.includes('v1') && chosen.length > 0)
    const stamp = { time: stampedAt, ...(timestampFlaw && { flaw: timestampFlaw }) }
    const timestamps = isStamped ? [await timestampAuthority.stamp(signature, stamp)] : []
    return { signature, signer, certificate, logEntries, timestamps }
  }
  const bundle = (parts: SignedParts, content: Bundle['content'], version: Bundle['version'] = '0.3') =>
    encodeBundle({ version, material: materialOf(parts), logEntries: parts.logEntries, timestamps: parts.timestamps, content })

  return {
    root,
    authority,
    ctLog,
    logs,
    timestampAuthority,
    trustedRoot,
    trustedRootJson: encodeTrustedRoot(trustedRoot),
    sign,
    signBlob: async (artifact, options) => {
      const message = messageOfBytes(artifact)
      const parts = await sign(artifact, { kind: 'message', message }, options)
      const hash = parts.signer.hash ?? defaultHash(parts.signer.publicKey)
      const content = { kind: 'message', messageDigest: { hash, digest: message.digest(hash) }, signature: parts.signature } as const
      return bundle(parts, content, options?.version)
    },
    signImage: async (digest, options) => {
      const payload = options?.statement ?? encodeSignStatement(digest, new Map())
      const bytes = preAuthEncoding(statementPayloadType, payload)
      const unsigned = { payloadType: statementPayloadType, payload }
      const content = { kind: 'envelope', envelope: { ...unsigned, signature: new Uint8Array() }, preAuthEncoding: bytes } as const
      const parts = await sign(bytes, content, options)
      return bundle(parts, { kind: 'dsse', envelope: { ...unsigned, signature: parts.signature } }, options?.version)
    },
    signPayload: async (digest, options) => {
      const payload = encodeSimpleSigning({
        dockerReference: 'registry.test/app',
        manifestDigest: digest,
        optional: options?.optional ?? new Map(),
      })
      const parts = await sign(payload, { kind: 'message', message: messageOfBytes(payload) }, options)
      return { payload, annotations: annotationsOf(parts), parts }
    },
  }
}

function trust(authority: TestAuthority, ctLog: TestCtLog, logs: readonly TestLog[], timestamps: TestTimestampAuthority): TrustedRoot {
  const validFor = { start: new Date('2020-01-01T00:00:00Z'), end: new Date('2045-01-01T00:00:00Z') }
  const listed = (uri: string, chain: CertificateAuthority['chain']): CertificateAuthority => ({
    uri,
    subject: { organization: 'example.com', commonName: uri },
    chain,
    validFor,
    operator: 'example.com',
  })
  const ct: TransparencyLog = {
    key: ctLog.key,
    scheme: { scheme: 'ecdsa', hash: 'sha256' },
    logId: ctLog.logId,
    baseUrl: 'https://ct.example',
    validFor,
    operator: 'example.com',
  }
  return {
    certificateAuthorities: [listed('https://ca.example', [authority.certificate, ...authority.chain])],
    timestampAuthorities: [listed('https://timestamps.example', timestamps.chain)],
    transparencyLogs: logs.map(({ logKey }) => ({ ...logKey, validFor, operator: 'example.com' })),
    ctLogs: [ct],
    unusable: [],
  }
}

function materialOf({ certificate, signer }: SignedParts): Bundle['material'] {
  return certificate ? { kind: 'certificate', chain: [certificate.der] } : { kind: 'public-key', hint: encodeBase64(signer.publicKey.id) }
}

function annotationsOf({ signature, certificate, logEntries: [entry], timestamps: [timestamp] }: SignedParts): ReadonlyMap<string, string> {
  const material = encodeSignatureMaterial({
    ...(certificate && { certificate: certificate.der, chain: certificate.chain.map(({ der }) => der) }),
    ...(entry?.inclusionPromise && { logBundle: logBundleOfEntry(entry) }),
    ...(timestamp && { timestamp }),
  })
  return new Map([[signatureAnnotation, encodeBase64(signature)], ...material])
}

/** PEM of certificates one after the other. */
export function pemOf(...certificates: readonly { readonly pem: string }[]): Uint8Array {
  return encodeUtf8(certificates.map(({ pem }) => pem).join(''))
}
