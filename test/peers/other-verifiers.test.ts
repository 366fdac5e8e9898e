import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { type BundleCase, readBundleCases } from '../conformance/bundle-cases.ts'
import type { ArtifactForm, Judge } from '../mutations/judge.ts'
import { cosignJudge, sigstoreGoJudge } from '../mutations/judges/processes.ts'
import { sigstoreJsJudge } from '../mutations/judges/sigstore-js.ts'
import { createPlace } from './harness/place.ts'

// The verifiers of the field beside ours, on the public conformance cases: what they say must be known before it is
// compared with what we say of mutants.

const place = createPlace()
after(place.remove)

const cases = readBundleCases()
const judges: readonly (readonly [judge: Judge, forms: readonly ArtifactForm[]])[] = [
  [sigstoreGoJudge(place), ['file', 'digest']],
  [cosignJudge(place), ['file', 'digest']],
  [sigstoreJsJudge(), ['file']],
]

/** What a verifier gets wrong, by its name and the case's, and why. */
const known: ReadonlyMap<string, string> = new Map([
  ['sigstore-js trust-root-tlog-missing-validity-start_fail', 'it takes a key without a start for one of all times before its end'],
])

describe('other verifiers', { concurrency: 2 }, () => {
  for (const [judge, forms] of judges)
    for (const one of cases)
      test(`${judge.name} ${one.isGood ? 'accepts' : 'refuses'} ${one.name}`, async () => {
        for (const form of forms) await assertJudges(judge, one, form)
      })
})

async function assertJudges(judge: Judge, one: BundleCase, form: ArtifactForm): Promise<void> {
  const judgement = await judge.judge(one, readFileSync(one.bundle), form)
  const isRight = (judgement.outcome === 'accepted') === one.isGood
  const reason = known.get(`${judge.name} ${one.name}`)
  assert.equal(isRight, reason === undefined, `by ${form}: ${JSON.stringify(judgement)}${reason ? `; listed because ${reason}` : ''}`)
}
