import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'

/** What a job says of itself: variables of its environment, and the claims of its identity token where it has one. */
export type JobWords = {
  readonly environment: ReadonlyMap<string, string>
  readonly claims: ReadonlyMap<string, string> | undefined
}

/** A fact of a job: the variable that says it, or the claim, or both; and what it must look like. */
export type WantedFact = {
  readonly variable?: string
  readonly claim?: string
  readonly pattern: RegExp
  readonly what: string
  readonly isInEveryToken?: boolean // of a job: a token without it is somebody else's, and vouches for nothing
}

/** A commit: SHA-1 or SHA-256 of Git. */
export const commitPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** A number as CI systems write ids. */
export const numberPattern = /^[0-9]{1,20}$/

/**
 * A fact, by the claim where the token has it: anybody in the job can set a variable, and for a claim its issuer vouches to whoever verifies the
 * token. Nobody does that here: the authority does that certifies the signer, and nobody where a key signs. Where both say it they must agree.
 *
 * @throws CountersignError `VARIABLE_UNSET` where neither says it, `TOKEN_INVALID` where they contradict each other or the token is of no job,
 *   `USAGE` for what does not look like the fact
 */
export function factOf(words: JobWords, { variable, claim, pattern, what, isInEveryToken = false }: WantedFact): string {
  const [stated, vouched] = [variable && words.environment.get(variable), claim && words.claims?.get(claim)]
  if (stated && vouched && stated !== vouched) throw ofAnotherJob(claim!, vouched, variable!, stated)
  if (isInEveryToken && words.claims && stated && !vouched)
    throw new CountersignError(
      'TOKEN_INVALID',
      `identity token: it is of no job: it has no claim ${claim}, and ${variable} is ${quote(stated)}`,
    )
  const fact = vouched || stated
  const source = vouched ? `claim ${claim}` : variable
  if (!fact) throw new CountersignError('VARIABLE_UNSET', `--generate: want ${what}, and ${missing(variable, claim)}`)
  if (!pattern.test(fact)) throw new CountersignError('USAGE', `--generate: ${source}: want ${what}, got ${quote(fact)}`)
  return fact
}

/** That a token says of a job what its environment does not. */
export function ofAnotherJob(claim: string, vouched: string, variable: string, stated: string): CountersignError {
  return new CountersignError(
    'TOKEN_INVALID',
    `identity token: it is not of this job: ${claim} is ${quote(vouched)}, and ${variable} is ${quote(stated)}`,
  )
}

/** A fact that need not be there. @throws CountersignError as `factOf`, but for `VARIABLE_UNSET` */
export function optionalFactOf(words: JobWords, wanted: WantedFact): string | undefined {
  const isThere = [wanted.variable && words.environment.get(wanted.variable), wanted.claim && words.claims?.get(wanted.claim)].some(Boolean)
  return isThere ? factOf(words, wanted) : undefined
}

function missing(variable: string | undefined, claim: string | undefined): string {
  if (variable === undefined) return `the identity token has no claim ${claim}`
  return claim === undefined ? `${variable} is not set` : `neither ${variable} is set nor has the identity token a claim ${claim}`
}
