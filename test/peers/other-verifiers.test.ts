import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { type BundleCase, readBundleCases } from '../conformance/bundle-cases.ts'
import { compare, describe as describeCompared } from '../mutations/compare.ts'
import { leniencies, leniencyOf, strictnesses, strictnessOf } from '../mutations/differences.ts'
import type { ArtifactForm, Judge } from '../mutations/judge.ts'
import { countersignJudge } from '../mutations/judges/countersign.ts'
import { cosignJudge, sigstoreGoJudge } from '../mutations/judges/processes.ts'
import { sigstoreJsJudge } from '../mutations/judges/sigstore-js.ts'
import { type Mutant, mutantsOf } from '../mutations/mutants.ts'
import { createRandom } from '../mutations/random.ts'
import { createPlace } from './harness/place.ts'

// The verifiers of the field beside ours: first on the public conformance cases, so that each is known to answer, then on mutants
// of every good one. What any of them refuses we refuse, but for the classes that are listed with a reason.
// MUTATION_SEED chooses other mutants; MUTATIONS=all asks every judge about every mutant, which takes a quarter of an hour.

const place = createPlace()
after(place.remove)

const cases = readBundleCases()
const [sigstoreGo, cosign, sigstoreJs, ours] = [sigstoreGoJudge(place), cosignJudge(place), sigstoreJsJudge(), countersignJudge()]
const judges: readonly (readonly [judge: Judge, forms: readonly ArtifactForm[]])[] = [
  [ours, ['file', 'digest']],
  [sigstoreGo, ['file', 'digest']],
  [cosign, ['file', 'digest']],
  [sigstoreJs, ['file']],
]

/** What a verifier gets wrong, by its name and the case's, and why. */
const known: ReadonlyMap<string, string> = new Map([
  ['sigstore-js trust-root-tlog-missing-validity-start_fail', 'it takes a key without a start for one of all times before its end'],
])

async function assertJudges(judge: Judge, one: BundleCase, form: ArtifactForm): Promise<void> {
  const judgement = await judge.judge(one, readFileSync(one.bundle), form)
  const isRight = (judgement.outcome === 'accepted') === one.isGood
  const reason = known.get(`${judge.name} ${one.name}`)
  assert.equal(isRight, reason === undefined, `by ${form}: ${JSON.stringify(judgement)}${reason ? `; listed because ${reason}` : ''}`)
}

const defaultSeed = 4
const seed = Number(process.env['MUTATION_SEED'] ?? defaultSeed)
const asksAll = process.env['MUTATIONS'] === 'all'
const mutantsPerCase = 500

function makeMutants(): readonly Mutant[] {
  const random = createRandom(seed)
  const good = cases.filter(({ isGood }) => isGood)
  return good.flatMap(one =>
    random.sample(
      mutantsOf(
        one,
        good.filter(other => other !== one),
        random,
      ),
      mutantsPerCase,
    ),
  )
}

/** What is listed must occur, as long as the mutants are those that it was listed for. */
function assertAllOccur<Listed extends { readonly reason: string }>(listed: readonly Listed[], occurred: ReadonlySet<unknown>): void {
  if (seed !== defaultSeed) return
  assert.deepEqual(
    listed.filter(one => !occurred.has(one)).map(({ reason }) => reason),
    [],
    'listed, and no longer so',
  )
}

describe('other verifiers', { concurrency: 2 }, () => {
  for (const [judge, forms] of judges)
    for (const one of cases)
      test(`${judge.name} ${one.isGood ? 'accepts' : 'refuses'} ${one.name}`, async () => {
        for (const form of forms) await assertJudges(judge, one, form)
      })
})

test(`of mutants (seed ${seed}) we accept none that another verifier refuses`, async context => {
  const mutants = makeMutants()
  assert.ok(mutants.length >= 10_000, `${mutants.length} mutants`)
  const compared = await compare(mutants, ours, [sigstoreGo, cosign, sigstoreJs], ({ outcome }) => asksAll || outcome === 'accepted')
  const accepted = compared.filter(one => one.ours.outcome === 'accepted')
  const occurred = new Map<unknown, number>()
  const unlisted = accepted.filter(one =>
    [...one.others].some(([judge, { outcome }]) => {
      if (outcome === 'accepted') return false
      const leniency = leniencyOf(one.mutant, judge)
      occurred.set(leniency, (occurred.get(leniency) ?? 0) + 1)
      return leniency === undefined
    }),
  )
  context.diagnostic(`${mutants.length} mutants of ${new Set(mutants.map(one => one.case)).size} bundles: ${accepted.length} accepted`)
  for (const leniency of leniencies) context.diagnostic(`${occurred.get(leniency) ?? 0} accepted by us alone: ${leniency.reason}`)
  assert.deepEqual(unlisted.map(describeCompared), [], 'accepted by us, refused by others')
  assertAllOccur(leniencies, new Set(occurred.keys()))
  if (!asksAll) return
  const alone = compared.filter(
    one => one.ours.outcome === 'refused' && [...one.others.values()].some(({ outcome }) => outcome === 'accepted'),
  )
  const strict = Map.groupBy(alone, one => strictnessOf('reason' in one.ours ? one.ours.reason : ''))
  context.diagnostic(`${alone.length} refused by us that another accepts`)
  for (const [strictness, found] of strict) context.diagnostic(`${found.length} refused by us: ${strictness?.reason ?? 'unlisted'}`)
  assert.deepEqual((strict.get(undefined) ?? []).map(describeCompared), [], 'refused by us for no listed reason, accepted by others')
  assertAllOccur(strictnesses, new Set(strict.keys()))
})
