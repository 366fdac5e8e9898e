import { type DerReader, derTag, parseDer } from '../codec/der.ts'
import { CountersignError } from '../codec/error.ts'
import { serializeGoJson } from '../codec/go-json.ts'
import { parseJson, readAs } from '../codec/json.ts'
import { decodePem, encodePem } from '../codec/pem.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { type LogBundle, logBundleJson, readLogBundle } from './log/log-bundle.ts'
import { readTimestampJson, timestampJson } from './timestamp/timestamp-json.ts'

/** What may lie beside a signature of the older layout, as annotations of its layer. Decoded, not checked. Source: formats-and-flows §2.2. */
export type SignatureMaterial = {
  readonly certificate?: Uint8Array // DER of the signer's
  readonly chain?: readonly Uint8Array[] // DER, issuer first and root last
  readonly logBundle?: LogBundle
  readonly timestamp?: Uint8Array // RFC 3161 TimeStampResp, DER
}

/** Layer annotations by what they hold. */
export const materialAnnotations = {
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  logBundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const

const annotationLimit = { bytes: 4 << 20 } // a manifest is no larger
const maxChain = 10

/** The annotations that cosign writes for material. */
export function encodeSignatureMaterial({ certificate, chain, logBundle, timestamp }: SignatureMaterial): ReadonlyMap<string, string> {
  const annotations: readonly (readonly [string, string | undefined])[] = [
    [materialAnnotations.certificate, certificate && encodePem('CERTIFICATE', certificate)],
    [materialAnnotations.chain, chain?.map(der => encodePem('CERTIFICATE', der)).join('')],
    [materialAnnotations.logBundle, logBundle && serializeGoJson(logBundleJson(logBundle))],
    [materialAnnotations.timestamp, timestamp && serializeGoJson(timestampJson(timestamp))],
  ]
  return new Map(annotations.filter((entry): entry is readonly [string, string] => entry[1] !== undefined))
}

/**
 * Reads the material beside a signature; an empty annotation is none, as cosign writes an empty chain.
 *
 * @throws CountersignError `MATERIAL_MALFORMED` or `LIMIT_EXCEEDED`, naming the annotation
 */
export function readSignatureMaterial(annotations: ReadonlyMap<string, string>): SignatureMaterial {
  const { certificate, chain, logBundle, timestamp } = materialAnnotations
  const text = (name: string) => annotations.get(name) || undefined
  const json = (name: string) => parseJson(encodeUtf8(annotations.get(name)!), name, annotationLimit)
  return readAs('MATERIAL_MALFORMED', 'annotation', () => ({
    ...(text(certificate) && { certificate: decodeCertificate(annotations.get(certificate)!, certificate) }),
    ...(text(chain) && { chain: decodeCertificateChain(annotations.get(chain)!, chain) }),
    ...(text(logBundle) && { logBundle: readLogBundle(json(logBundle), logBundle) }),
    ...(text(timestamp) && { timestamp: readTimestampJson(json(timestamp), timestamp) }),
  }))
}

/** DER of the one certificate of a PEM text. @throws CountersignError `MATERIAL_MALFORMED`; `what` begins the message */
export function decodeCertificate(pem: string, what: string): Uint8Array {
  const [certificate, ...others] = decodeCertificateChain(pem, what)
  if (!certificate || others.length > 0) throw malformed(`${what}: want one certificate, got ${others.length + 1}`)
  return certificate
}

/** DER of the certificates of a PEM text, 1 to 10 of them. Only their outermost structure is looked at, RFC 5280 §4.1. */
export function decodeCertificateChain(pem: string, what: string): readonly Uint8Array[] {
  return readAs('MATERIAL_MALFORMED', what, () => {
    const blocks = decodePem(pem, what)
    if (blocks.length === 0 || blocks.length > maxChain)
      throw malformed(`${what}: want 1 to ${maxChain} PEM certificates, got ${blocks.length}`)
    return blocks.map(({ label, bytes }) => {
      if (label !== 'CERTIFICATE') throw malformed(`${what}: want PEM CERTIFICATE, got ${quote(label)}`)
      parseDer(bytes, what, der => der.sequence(readCertificate), 'MATERIAL_MALFORMED')
      return bytes
    })
  })
}

function readCertificate(der: DerReader): void {
  const tags = [der.any().tag, der.any().tag, der.any().tag]
  if (tags[0] !== derTag.sequence || tags[1] !== derTag.sequence || tags[2] !== derTag.bitString)
    throw der.malformed('want a certificate: what is signed, an algorithm and a signature')
}

/** Checks that bytes are one DER SEQUENCE, as a TimeStampResp is, RFC 3161 §2.4.2. @throws CountersignError `MATERIAL_MALFORMED` */
export function parseTimestampFile(bytes: Uint8Array, what: string): Uint8Array {
  return parseDer(
    bytes,
    what,
    der => {
      const { tag } = der.any()
      if (tag !== derTag.sequence) throw der.malformed('want an RFC 3161 response in DER')
      return bytes
    },
    'MATERIAL_MALFORMED',
  )
}

function malformed(message: string): CountersignError {
  return new CountersignError('MATERIAL_MALFORMED', message)
}
