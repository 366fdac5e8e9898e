import { CountersignError } from '../../../../codec/error.ts'
import type { CipReferences } from './resolve-references.ts'

/** References that ask for each thing once, and keep account of what came of it. */
export type RecordedReferences = {
  readonly references: CipReferences
  /** What was asked for and what came of it: an answer, or the code and message of a failure. In no order that means anything. */
  readonly answers: () => Promise<readonly (readonly [asked: string, answer: unknown])[]>
}

/** Wraps references for the time in which one policy is translated. */
export function recordReferences(references: CipReferences): RecordedReferences {
  const asked = new Map<string, Promise<unknown>>()
  const once = <T>(what: readonly string[], ask: () => Promise<T>): Promise<T> => {
    const name = JSON.stringify(what)
    const answer = (asked.get(name) as Promise<T> | undefined) ?? ask()
    asked.set(name, answer)
    return answer
  }
  return {
    references: {
      secret: (name, signal) => once(['secret', name], () => references.secret(name, signal)),
      configMapText: (name, key, signal) => once(['configMap', name, key], () => references.configMapText(name, key, signal)),
      remoteText: (url, signal) => once(['remote', url.href], () => references.remoteText(url, signal)),
      kmsKeys: (reference, signal) => once(['kms', reference], () => references.kmsKeys(reference, signal)),
      trustRoot: (name, signal) => once(['trustRoot', name], () => references.trustRoot(name, signal)),
      publicGood: signal => once(['publicGood'], () => references.publicGood(signal)),
    },
    answers: async () => await Promise.all([...asked].map(async ([name, answer]) => [name, await answer.catch(describeFailure)] as const)),
  }
}

function describeFailure(failure: unknown): unknown {
  if (!(failure instanceof CountersignError)) throw failure
  return { code: failure.code, message: failure.message }
}
