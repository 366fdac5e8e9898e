import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import type { Json } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import type { HashName } from '../crypto/digest.ts'
import { type Message, messageOfDigests } from '../crypto/message.ts'
import { sha256Of } from '../formats/oci-digest.ts'
import type { Statement, Subject } from '../formats/statement.ts'
import type { Found } from './derivation.ts'
import type { SignedContent } from './evidence.ts'
import type { Artifact } from './policy.ts'
import type { Signed } from './signer.ts'

/** An artifact as messages name it. */
export function describeArtifact(artifact: Artifact): string {
  return artifact.kind === 'image' ? artifact.digest : artifact.name
}

/** The artifact as a message that somebody may have signed. An image is known by its SHA-256 alone. */
export function artifactMessage(artifact: Artifact): Message {
  return artifact.kind === 'blob' ? artifact.message : messageOfDigests(new Map([['sha256', sha256Of(artifact.digest)]]))
}

/**
 * Step `artifact`, before the signature: a bundle that declares a digest must declare this artifact's, and the message then
 * says what was signed rather than that something was not.
 *
 * @throws CountersignError `ARTIFACT_MISMATCH`
 */
export function checkDeclaredDigest(
  declared: { readonly hash: HashName; readonly digest: Uint8Array },
  artifact: Artifact,
): Found<undefined> {
  const actual = artifactMessage(artifact).digest(declared.hash)
  if (!bytesEqual(actual, declared.digest))
    throw mismatch(`${declared.hash}:${encodeHex(declared.digest)}`, `${declared.hash}:${encodeHex(actual)}`)
  return { value: undefined, found: () => `the signature is over ${declared.hash}:${encodeHex(actual)}` }
}

/**
 * Step `artifact`, after the signature: what was signed is about this artifact. Returns what the signer said of it: the
 * annotations of the payload, or those of each subject that is the artifact.
 *
 * @throws CountersignError `ARTIFACT_MISMATCH`
 */
export function checkSubject({ content }: Signed, artifact: Artifact): Found<readonly Annotations[]> {
  switch (content.kind) {
    case 'artifact':
      return { value: [new Map()], found: 'the signature is over it' }
    case 'payload':
      return checkPayloadDigest(content, artifact)
    case 'statement':
      return checkStatementSubjects(content.statement, artifact)
    default:
      throw new TypeError(`unhandled content ${content satisfies never}`)
  }
}

export type Annotations = ReadonlyMap<string, Json>

/** What a signer said, whatever it is about: for a policy that does not compare. */
export function annotationsOf(content: SignedContent): readonly Annotations[] {
  switch (content.kind) {
    case 'artifact':
      return [new Map()]
    case 'payload':
      return [content.payload.optional]
    case 'statement':
      return content.statement.subjects.map(subject => subject.annotations)
    default:
      throw new TypeError(`unhandled content ${content satisfies never}`)
  }
}

function checkPayloadDigest({ payload }: Extract<SignedContent, { kind: 'payload' }>, artifact: Artifact): Found<readonly Annotations[]> {
  if (artifact.kind !== 'image' || payload.manifestDigest !== artifact.digest)
    throw mismatch(payload.manifestDigest, describeArtifact(artifact))
  return { value: [payload.optional], found: payload.manifestDigest }
}

/**
 * The same of a statement, whoever signed it or did not: what each subject says that is the artifact.
 *
 * @param what - what it is called: a statement that nobody has signed yet is no signature
 * @throws CountersignError `ARTIFACT_MISMATCH`
 */
export function checkStatementSubjects(
  { subjects }: Pick<Statement, 'subjects'>,
  artifact: Artifact,
  what: 'signature' | 'statement' = 'signature',
): Found<readonly Annotations[]> {
  const about = subjects.filter(subject => isAbout(subject, artifact))
  if (about.length === 0) throw mismatch(describeSubjects(subjects), describeArtifact(artifact), what)
  return { value: about.map(subject => subject.annotations), found: () => describeSubjects(about) }
}

/** A subject may name several digests: the artifact must have every one that is known of it, and at least one. in-toto Statement v1, "subject". */
function isAbout(subject: Subject, artifact: Artifact): boolean {
  const message = artifactMessage(artifact)
  const named = (['sha256', 'sha384', 'sha512'] as const).filter(hash => subject.digest.has(hash))
  const comparable = named.flatMap(hash => {
    const known = digestIfKnown(message, hash)
    return known ? [{ known, stated: subject.digest.get(hash) }] : []
  })
  return comparable.length > 0 && comparable.every(({ known, stated }) => encodeHex(known) === stated)
}

/** Of an image, and of a file that is known by its digest, there is no other. */
function digestIfKnown(message: Message, hash: HashName): Uint8Array | undefined {
  try {
    return message.digest(hash)
  } catch (error) {
    if (error instanceof CountersignError && error.code === 'MATERIAL_UNSUPPORTED') return undefined
    throw error
  }
}

function describeSubjects(subjects: readonly Subject[]): string {
  const [first, ...others] = subjects.map(({ name, digest }) => {
    const [algorithm, hex] = [...digest][0] ?? ['no digest', '']
    return `${name === undefined ? '' : `${quote(name)} `}${quote(`${algorithm}:${hex}`).slice(1, -1)}`
  })
  return `${first}${others.length > 0 ? ` and ${others.length} more` : ''}`
}

function mismatch(signed: string, wanted: string, what = 'signature'): CountersignError {
  return new CountersignError('ARTIFACT_MISMATCH', `the ${what} is about ${signed}, not ${wanted}`)
}
