import { CountersignError } from '../../../../codec/error.ts'
import { describeKey, describeTrust } from './fingerprint.ts'
import type { CipReferences } from './resolve-references.ts'

/** References that ask for each thing once, and keep account of what came of it. */
export type RecordedReferences = {
  readonly references: CipReferences
  /** What was asked for, and what in the answer decides; of a failure its code and message. */
  readonly answers: () => Promise<ReadonlyMap<string, unknown>>
}

/** Wraps references for the time in which one policy is translated. */
export function recordReferences(references: CipReferences): RecordedReferences {
  const asked = new Map<string, () => Promise<unknown>>()
  const once = <T>(kind: string, describe: (answer: T) => unknown) => {
    const answers = new Map<string, Promise<T>>()
    return (what: readonly string[], ask: () => Promise<T>): Promise<T> => {
      const name = JSON.stringify([kind, ...what])
      const answer = answers.get(name) ?? ask()
      answers.set(name, answer)
      asked.set(name, async () => await answer.then(describe, describeFailure))
      return answer
    }
  }
  const [secret, configMap, remote] = [
    once('secret', itself),
    once('configMap', itself<string | undefined>),
    once('remote', itself<Uint8Array>),
  ]
  const kms = once('kms', (keys: Awaited<ReturnType<CipReferences['kmsKeys']>>) => keys.map(describeKey))
  const trust = once('trust', (answer: Awaited<ReturnType<CipReferences['trustRoot']>>) => answer && describeTrust(answer))
  const publicGood = once('publicGood', describeTrust)
  return {
    references: {
      secret: (name, signal) => secret([name], () => references.secret(name, signal)),
      configMapText: (name, key, signal) => configMap([name, key], () => references.configMapText(name, key, signal)),
      remoteText: (url, signal) => remote([url.href], () => references.remoteText(url, signal)),
      kmsKeys: (reference, signal) => kms([reference], () => references.kmsKeys(reference, signal)),
      trustRoot: (name, signal) => trust([name], () => references.trustRoot(name, signal)),
      publicGood: signal => publicGood([], () => references.publicGood(signal)),
    },
    answers: async () => new Map(await Promise.all([...asked].map(async ([name, answer]) => [name, await answer()] as const))),
  }
}

function itself<T = ReadonlyMap<string, Uint8Array> | undefined>(answer: T): T {
  return answer
}

function describeFailure(failure: unknown): unknown {
  if (!(failure instanceof CountersignError)) throw failure
  return { code: failure.code, message: failure.message }
}
