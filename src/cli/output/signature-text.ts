import { quote } from '../../codec/text.ts'
import { certificateLines } from './inspected/certificate.ts'
import { logEntryLines } from './inspected/log-entry.ts'
import { problemLines } from './inspected/part.ts'
import { timestampLines } from './inspected/timestamp.ts'
import type { SignatureDescription } from './signature-description.ts'

const formats = {
  bundle: 'Sigstore bundle',
  'blob-bundle': 'blob bundle of cosign 2',
  'dsse-envelope': 'DSSE envelope',
  'image-signature': 'image signature of the layout of cosign 2',
} as const satisfies Record<SignatureDescription['format'], string>

/** A description for people, lines indented below what they belong to; text from the file is quoted, so that no line of it can pass for ours. */
export function renderDescription(description: SignatureDescription): string {
  const { format, version, mediaType, logEntries, timestamps } = description
  const named = version === null ? formats[format] : `${formats[format]}, version ${version} (${mediaType})`
  return [
    `Format: ${named}`,
    ...contentLines(description.content),
    ...signerLines(description.signer),
    `Log entries: ${logEntries.length}`,
    ...logEntries.flatMap(logEntryLines),
    `Timestamps: ${timestamps.length}`,
    ...timestamps.flatMap(timestampLines),
    '',
  ].join('\n')
}

function contentLines(content: SignatureDescription['content']): readonly string[] {
  const signature = `  signature: ${content.signatureBytes} bytes`
  switch (content.kind) {
    case 'message': {
      const { digest } = content
      const over = digest ? `${digest.algorithm}:${digest.value}` : 'not stated; the signature alone says what it is over'
      return ['Content: signature over a file', `  digest: ${over}`, signature]
    }
    case 'simple-signing':
      return [
        'Content: signature over a simple signing payload',
        `  image: ${content.image}`,
        `  docker-reference: ${quote(content.dockerReference)}`,
        ...Object.entries(content.annotations).map(([name, value]) => `  annotation ${quote(name)}: ${quote(textOf(value))}`),
        signature,
      ]
    case 'dsse':
      return [
        `Content: DSSE envelope, payload type ${quote(content.payloadType)}, ${content.payloadBytes} bytes`,
        ...(content.statement ? statementLines(content.statement) : [`  no in-toto statement: ${content.problem}`]),
        signature,
      ]
    default:
      throw new TypeError(`unhandled content ${content satisfies never}`)
  }
}

type Statement = NonNullable<Extract<SignatureDescription['content'], { kind: 'dsse' }>['statement']>

const shownSubjects = 20

function statementLines({ type, predicateType, subjects }: Statement): readonly string[] {
  const more = subjects.length - shownSubjects
  return [
    `  statement type: ${type}`,
    `  predicate type: ${quote(predicateType)}`,
    ...subjects.slice(0, shownSubjects).map(({ name, digest }) => {
      const digests = Object.entries(digest).map(([algorithm, value]) => quote(`${algorithm}:${value}`))
      return `  subject: ${name === null ? '' : `${quote(name)} `}${digests.join(' ') || 'without digest'}`
    }),
    ...(more > 0 ? [`  and ${more} more subjects; --output json lists them all`] : []),
  ]
}

function signerLines(signer: SignatureDescription['signer']): readonly string[] {
  switch (signer.kind) {
    case 'none':
      return ['Signer: not named']
    case 'public-key':
      return [publicKeyLine(signer), ...problemLines(signer.problem === null ? [] : [signer.problem], '  ')]
    case 'certificate': {
      const issuers = signer.certificates.length - 1
      return [
        `Signer: certificate${issuers > 0 ? ` with ${issuers} of its chain` : ''}`,
        ...signer.certificates.flatMap(certificate => certificateLines(certificate, '  ')),
      ]
    }
    default:
      throw new TypeError(`unhandled signer ${signer satisfies never}`)
  }
}

function publicKeyLine({ hint, keyId }: Extract<SignatureDescription['signer'], { kind: 'public-key' }>): string {
  if (hint !== null) return `Signer: public key with hint ${quote(hint)}`
  return keyId === null ? 'Signer: public key' : `Signer: public key, key id ${keyId}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
