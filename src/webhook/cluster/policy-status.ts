import { CountersignError, type ErrorCode } from '../../codec/error.ts'
import type { ClusterObject } from './cluster-object.ts'
import type { Enforced, PolicyEntry, Translation } from './policy-entry.ts'
import { policyResource, trustRootResource } from './resources.ts'
import type { TrustRoots } from './trust-roots.ts'

/** What is said of an object in its status. */
export type ObjectStatus = {
  readonly path: string // of the object
  readonly object: ClusterObject
  readonly conditions: readonly Condition[]
}

/** A condition as Knative has it. */
export type Condition = {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

const messageLimit = 1000

/** Failures of the text of a program, and not of whatever is trusted. */
const codesOfPrograms: readonly ErrorCode[] = ['FILE_UNREADABLE', 'DIGEST_MISMATCH', 'POLICY_MALFORMED', 'POLICY_EMPTY']

/** The conditions of a ClusterImagePolicy. @see spec admission §1.7 */
export function statusOfPolicy({ object, cip, fresh }: PolicyEntry, enforced: Enforced): ObjectStatus {
  const failures = fresh?.translated.unusable ?? []
  const isUnread = cip instanceof CountersignError
  const ofPrograms = fresh ? failures.filter(failure => isOfProgram(failure, fresh)) : []
  const parts = isUnread
    ? [unknown('KeysInlined'), unknown('PoliciesInlined')]
    : [
        inlined(
          'KeysInlined',
          failures.filter(failure => !ofPrograms.includes(failure)),
        ),
        inlined('PoliciesInlined', ofPrograms),
      ]
  const conditions = [...parts, enforcement(enforced, cip instanceof CountersignError ? cip : undefined)]
  return { path: pathOf(policyResource, object), object, conditions: [...conditions, ready(conditions)] }
}

/** The conditions of a TrustRoot. @see spec admission §1.9 */
export function statusOfTrustRoot({ object, failure }: ReturnType<TrustRoots['outcomes']>[number]): ObjectStatus {
  const conditions = [
    inlined('KeysInlined', failure ? [failure] : []),
    failure ? no('ConfigMapUpdated', 'Kept', 'what it was when it could be opened last, if ever, is trusted') : yes('ConfigMapUpdated'),
  ]
  return { path: pathOf(trustRootResource, object), object, conditions: [...conditions, ready(conditions)] }
}

function isOfProgram(failure: CountersignError, { ofPrograms, translated }: Translation): boolean {
  const { requirement } = translated.policy
  return (
    ofPrograms.has(failure) || codesOfPrograms.includes(failure.code) || (requirement.kind === 'unusable' && requirement.error === failure)
  )
}

function inlined(type: string, failures: readonly CountersignError[]): Condition {
  return failures.length === 0 ? yes(type) : no(type, failures[0]!.code, failures.map(({ message }) => message).join('; '))
}

function enforcement({ is }: Enforced, unread: CountersignError | undefined): Condition {
  const why = unread ? `${unread.message}; ` : ''
  switch (is) {
    case 'current':
      return yes('ConfigMapUpdated')
    case 'last-good':
      return no('ConfigMapUpdated', 'LastGoodEnforced', `${why}what it was when it was whole last is enforced`)
    case 'refusing':
      return no('ConfigMapUpdated', 'ImagesRefused', `${why}the images that it is for are refused`)
    default:
      throw new TypeError(`unhandled enforcement ${is satisfies never}`)
  }
}

/** What the others say, the worst of them first. */
function ready(conditions: readonly Condition[]): Condition {
  const worst = conditions.find(({ status }) => status === 'False') ?? conditions.find(({ status }) => status === 'Unknown')
  return worst ? { ...worst, type: 'Ready' } : yes('Ready')
}

function yes(type: string): Condition {
  return { type, status: 'True', reason: 'Done', message: '' }
}

function no(type: string, reason: string, message: string): Condition {
  return { type, status: 'False', reason, message: message.slice(0, messageLimit).toWellFormed() }
}

function unknown(type: string): Condition {
  return { type, status: 'Unknown', reason: 'Unread', message: 'the policy cannot be read' }
}

function pathOf({ path }: { readonly path: string }, { name }: ClusterObject): string {
  return `${path}/${encodeURIComponent(name)}`
}
