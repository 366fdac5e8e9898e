import { quote } from '../../codec/text.ts'
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
    `Timestamps: ${timestamps}`,
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
      return [
        signer.keyId === null ? `Signer: public key with hint ${quote(signer.hint ?? '')}` : `Signer: public key, key id ${signer.keyId}`,
      ]
    case 'certificate':
      return [
        `Signer: certificate${signer.certificates.length > 1 ? ` with ${signer.certificates.length - 1} of its chain` : ''} (whom it names is not read yet)`,
        ...signer.certificates.map(({ bytes, sha256 }) => `  ${bytes} bytes, SHA-256 fingerprint ${sha256}`),
      ]
    default:
      throw new TypeError(`unhandled signer ${signer satisfies never}`)
  }
}

function logEntryLines(entry: SignatureDescription['logEntries'][number]): readonly string[] {
  const { logIndex, logId, kind, version, integratedTime, inclusionPromise, inclusionProof } = entry
  const proof = inclusionProof
    ? `inclusion proof of ${inclusionProof.hashes} hashes in a tree of ${inclusionProof.treeSize}${inclusionProof.checkpoint ? '' : ', without checkpoint'}`
    : 'no inclusion proof'
  return [
    `  index ${logIndex}${kind === null ? '' : `, ${quote(`${kind} ${version}`)}`}, integrated ${integratedTime ?? 'at no stated time'}`,
    `    log id: ${logId}`,
    `    ${inclusionPromise ? 'inclusion promise' : 'no inclusion promise'}, ${proof}`,
  ]
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
