import type { CountersignError } from '../../../codec/error.ts'
import type { JsonObject } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { signPredicateType } from '../../../formats/statement.ts'
import { repositoryName } from '../../../oci/reference.ts'
import type { Layout } from '../../../sign/resign/find-missing.ts'
import type { FoundImage } from '../../../sign/resign/list-images.ts'
import { jsonText } from '../../output/json-document.ts'

/** A signature that is to be made, or was. */
export type PlannedSignature = { readonly layout: Layout; readonly predicateType: string }

/** What became of an image. */
export type Outcome =
  | { readonly status: 'planned' | 'signed'; readonly signatures: readonly PlannedSignature[] }
  | { readonly status: 'already' }
  | { readonly status: 'left alone'; readonly reason: string }
  | { readonly status: 'failed'; readonly signatures: readonly PlannedSignature[]; readonly error: CountersignError }

type Outcomes = readonly (readonly [FoundImage, Outcome])[]

const titles: readonly (readonly [Outcome['status'], string])[] = [
  ['planned', 'To be signed'],
  ['signed', 'Signed'],
  ['already', 'Signed with the new key already'],
  ['left alone', 'Left alone: not signed with the old key'],
  ['failed', 'Failed'],
]

/** The report for people: how many of each kind, and their names. */
export function reportText(outcomes: Outcomes): string {
  if (outcomes.length === 0) return 'No images\n'
  const parts = titles.flatMap(([status, title]) => {
    const own = outcomes.filter(([, outcome]) => outcome.status === status)
    return own.length === 0 ? [] : [`${title} (${own.length}):`, ...own.map(([image, outcome]) => `  ${outcomeLine(image, outcome)}`)]
  })
  return parts.map(line => `${line}\n`).join('')
}

/** One image in a line: its name, its tags, and what there is to say of it. */
export function outcomeLine({ repository, descriptor, tags }: FoundImage, outcome: Outcome): string {
  const shown = tags.slice(0, 5)
  const named =
    tags.length === 0 ? '' : ` (${shown.join(', ')}${tags.length > shown.length ? ` and ${tags.length - shown.length} more` : ''})`
  return `${repositoryName(repository)}@${descriptor.digest}${named}${remark(outcome)}`
}

function remark(outcome: Outcome): string {
  switch (outcome.status) {
    case 'planned':
    case 'signed':
      return `: ${outcome.signatures.map(describeSignature).join(', ')}`
    case 'already':
      return ''
    case 'left alone':
      return outcome.reason === '' ? '' : `: ${outcome.reason}`
    case 'failed': {
      const before = outcome.signatures.length === 0 ? '' : `; ${outcome.signatures.map(describeSignature).join(', ')} made before that`
      return `: ${outcome.error.code}: ${outcome.error.message}${before}`
    }
    default:
      throw new TypeError(`unhandled outcome ${outcome satisfies never}`)
  }
}

function describeSignature({ layout, predicateType }: PlannedSignature): string {
  const what = predicateType === signPredicateType ? 'signature' : `attestation ${quote(predicateType)}`
  return `${what} in ${layout === 'bundle' ? 'a bundle' : `the layout of cosign 2${layout === 'legacy' ? '' : ', as a referrer'}`}`
}

/** The report as one JSON document, ended by a newline. */
export function reportJson(outcomes: Outcomes, dryRun: boolean): string {
  const countOf = (status: Outcome['status']) => outcomes.filter(([, outcome]) => outcome.status === status).length
  const counts = {
    images: outcomes.length,
    planned: countOf('planned'),
    signed: countOf('signed'),
    already: countOf('already'),
    leftAlone: countOf('left alone'),
    failed: countOf('failed'),
  }
  return `${jsonText({ dryRun, counts, images: outcomes.map(([image, outcome]) => imageJson(image, outcome)) })}\n`
}

function imageJson({ repository, descriptor, tags }: FoundImage, outcome: Outcome): JsonObject {
  const base = { repository: repositoryName(repository), digest: descriptor.digest, tags }
  switch (outcome.status) {
    case 'planned':
    case 'signed':
      return { ...base, status: outcome.status, signatures: outcome.signatures }
    case 'already':
      return { ...base, status: outcome.status }
    case 'left alone':
      return { ...base, status: 'left-alone', reason: outcome.reason }
    case 'failed': {
      const { code, kind, message } = outcome.error
      return { ...base, status: outcome.status, signatures: outcome.signatures, error: { code, kind, message } }
    }
    default:
      throw new TypeError(`unhandled outcome ${outcome satisfies never}`)
  }
}
