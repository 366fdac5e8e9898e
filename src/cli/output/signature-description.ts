import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import type { Json } from '../../codec/json.ts'
import { parsePublicKeyPem } from '../../crypto/public-key.ts'
import { type BlobBundle, envelopeInside } from '../../formats/blob-bundle.ts'
import type { Bundle } from '../../formats/bundle.ts'
import type { DsseEnvelope } from '../../formats/dsse.ts'
import type { LogBundle } from '../../formats/log/log-bundle.ts'
import type { SignatureDocument } from '../../formats/signature-document.ts'
import { parseStatement, statementPayloadType } from '../../formats/statement.ts'
import { type DescribedCertificate, describeCertificate } from './inspected/certificate.ts'
import { type DescribedLogEntry, describeLogBundle, describeLogEntry } from './inspected/log-entry.ts'
import { readPart } from './inspected/part.ts'
import { type DescribedTimestamp, describeTimestamp } from './inspected/timestamp.ts'

/** What `bundle inspect` shows of one signature, as its JSON has it: members are added, never renamed. Nothing of it is verified. */
export type SignatureDescription = {
  readonly format: SignatureDocument['format']
  readonly version: string | null // of a Sigstore bundle
  readonly mediaType: string | null
  readonly content: DescribedContent
  readonly signer: DescribedSigner
  readonly logEntries: readonly DescribedLogEntry[]
  readonly timestamps: readonly DescribedTimestamp[] // RFC 3161
}

type DescribedContent =
  | {
      readonly kind: 'message'
      readonly digest: { readonly algorithm: string; readonly value: string } | null
      readonly signatureBytes: number
    }
  | {
      readonly kind: 'dsse'
      readonly payloadType: string
      readonly payloadBytes: number
      readonly signatureBytes: number
      readonly statement: DescribedStatement | null
      readonly problem: string | null // why there is no statement
    }
  | {
      readonly kind: 'simple-signing'
      readonly image: string
      readonly dockerReference: string
      readonly annotations: { readonly [name: string]: Json }
      readonly signatureBytes: number
    }

type DescribedStatement = {
  readonly type: string
  readonly predicateType: string
  readonly subjects: readonly { readonly name: string | null; readonly digest: { readonly [algorithm: string]: string } }[]
}

type DescribedSigner =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'public-key'
      readonly hint: string | null // as written
      readonly keyId: string | null // of a key that is there
      readonly problem: string | null // why a key that is there cannot be read
    }
  | { readonly kind: 'certificate'; readonly certificates: readonly DescribedCertificate[] } // leaf first

/** Describes one signature. */
export function describeDocument(document: SignatureDocument): SignatureDescription {
  const { format } = document
  const bare = { format, version: null, mediaType: null, logEntries: [], timestamps: [], signer: { kind: 'none' } } as const
  switch (format) {
    case 'bundle': {
      const { version, content, material, logEntries, timestamps } = document.bundle
      return {
        format,
        version,
        mediaType: document.mediaType,
        content: describeContent(content),
        signer:
          material.kind === 'public-key'
            ? { kind: 'public-key', hint: material.hint, keyId: null, problem: null }
            : describeCertificates(material.chain),
        logEntries: logEntries.map((entry, index) => describeLogEntry(entry, `tlogEntries[${index}]`)),
        timestamps: timestamps.map((der, index) => describeTimestamp(der, `rfc3161Timestamps[${index}]`)),
      }
    }
    case 'blob-bundle': {
      const { signature, signer, logBundle } = document.bundle
      const envelope = envelopeInside(document.bundle)
      const bareSignature = { kind: 'message', digest: null, signatureBytes: signature.length } as const
      const content = envelope ? describeEnvelope(envelope) : bareSignature
      return { ...bare, content, signer: describeSigner(signer), logEntries: describeLogBundles(logBundle, 'rekorBundle') }
    }
    case 'dsse-envelope':
      return { ...bare, content: describeEnvelope(document.envelope) }
    case 'image-signature': {
      const { signature, payload, certificates, logBundle, timestamp } = document.signature
      const content = {
        kind: 'simple-signing',
        image: payload.manifestDigest,
        dockerReference: payload.dockerReference,
        annotations: Object.fromEntries(payload.optional),
        signatureBytes: signature.length,
      } as const
      const signer = certificates.length === 0 ? bare.signer : describeCertificates(certificates)
      return {
        ...bare,
        content,
        signer,
        logEntries: describeLogBundles(logBundle, 'Bundle'),
        timestamps: timestamp ? [describeTimestamp(timestamp, 'RFC3161Timestamp')] : [],
      }
    }
    default:
      throw new TypeError(`unhandled document ${document satisfies never}`)
  }
}

function describeContent(content: Bundle['content']): DescribedContent {
  if (content.kind === 'dsse') return describeEnvelope(content.envelope)
  const { messageDigest, signature } = content
  const digest = messageDigest ? { algorithm: messageDigest.hash, value: encodeHex(messageDigest.digest) } : null
  return { kind: 'message', digest, signatureBytes: signature.length }
}

function describeEnvelope({ payloadType, payload, signature }: DsseEnvelope): DescribedContent {
  const common = { kind: 'dsse', payloadType, payloadBytes: payload.length, signatureBytes: signature.length } as const
  if (payloadType !== statementPayloadType)
    return { ...common, statement: null, problem: 'its payload type is not that of in-toto statements' }
  try {
    const { type, predicateType, subjects } = parseStatement(payload)
    const described = subjects.map(({ name, digest }) => ({ name: name ?? null, digest: Object.fromEntries(digest) }))
    return { ...common, statement: { type, predicateType, subjects: described }, problem: null }
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return { ...common, statement: null, problem: error.message }
  }
}

function describeSigner(signer: BlobBundle['signer']): DescribedSigner {
  if (signer.kind === 'certificate') return describeCertificates([signer.der])
  if (signer.kind === 'none') return signer
  const problems: string[] = []
  const keyId = readPart(problems, () => encodeHex(parsePublicKeyPem(signer.pem, 'bundle: cert').id))
  return { kind: 'public-key', hint: null, keyId, problem: problems[0] ?? null }
}

function describeCertificates(certificates: readonly Uint8Array[]): DescribedSigner {
  return {
    kind: 'certificate',
    certificates: certificates.map((der, index) => describeCertificate(der, `certificate ${index + 1}`)),
  }
}

function describeLogBundles(entry: LogBundle | undefined, what: string): readonly DescribedLogEntry[] {
  return entry ? [describeLogBundle(entry, what)] : []
}
