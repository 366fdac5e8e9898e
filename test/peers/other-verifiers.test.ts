import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { type BundleCase, readBundleCases } from '../conformance/bundle-cases.ts'
import { compare, describe as describeCompared } from '../mutations/compare.ts'
import { isOfClass, leniencies, leniencyOf, strictnesses, strictnessOf } from '../mutations/differences.ts'
import type { ArtifactForm, Judge, Judgement } from '../mutations/judge.ts'
import { countersignJudge } from '../mutations/judges/countersign.ts'
import { commandJudge, cosignJudge, sigstoreGoJudge } from '../mutations/judges/processes.ts'
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
const both: readonly ArtifactForm[] = ['file', 'digest']
/** The others are the same whichever command of ours is under test, and the engine is judged in this process: once is enough. */
const isExecutable = (process.env['COUNTERSIGN'] ?? 'source') !== 'source'
const judges: readonly (readonly [judge: Judge, forms: readonly ArtifactForm[]])[] = isExecutable
  ? [[commandJudge(place), both]]
  : [
      [ours, both],
      [sigstoreGo, both],
      [cosign, both],
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

const seed = Number(process.env['MUTATION_SEED'] ?? 4)
const asksAll = process.env['MUTATIONS'] === 'all'
const mutantsPerCase = 500

/** As many of each case, and some of each class that is listed, so that what is listed is looked at whatever the seed. */
function makeMutants(): readonly Mutant[] {
  const random = createRandom(seed)
  const good = cases.filter(({ isGood }) => isGood)
  const all = good.map(one =>
    mutantsOf(
      one,
      good.filter(other => other !== one),
      random,
    ),
  )
  const listed = leniencies.flatMap(leniency =>
    random.sample(
      all.flat().filter(mutant => isOfClass(mutant, leniency)),
      12,
    ),
  )
  return [...new Set([...all.flatMap(mutants => random.sample(mutants, mutantsPerCase)), ...listed])]
}

/** Everybody is asked about what we accept; cosign, which stands on sigstore-go and takes three times as long, about one mutant of each class. */
function isAsked(): (judge: Judge, mutant: Mutant, judgement: Judgement) => boolean {
  const classes = new Set<string>()
  return (judge, mutant, { outcome }) => {
    if (asksAll) return true
    if (outcome === 'refused') return false
    if (judge !== cosign) return true
    const isFirst = !classes.has(mutant.class)
    classes.add(mutant.class)
    return isFirst
  }
}

/** What is listed must occur. */
function assertAllOccur<Listed extends { readonly reason: string }>(listed: readonly Listed[], occurred: ReadonlySet<unknown>): void {
  assert.deepEqual(
    listed.filter(one => !occurred.has(one)).map(({ reason }) => reason),
    [],
    'listed, and no longer so',
  )
}

describe('verifiers of bundles', { concurrency: 2 }, () => {
  for (const [judge, forms] of judges)
    for (const one of cases)
      test(`${judge.name} ${one.isGood ? 'accepts' : 'refuses'} ${one.name}`, async () => {
        for (const form of forms) await assertJudges(judge, one, form)
      })
})

if (!isExecutable)
  test(`of mutants (seed ${seed}) we accept none that another verifier refuses`, async context => {
    const mutants = makeMutants()
    assert.ok(mutants.length >= 10_000, `${mutants.length} mutants`)
    const compared = await compare(mutants, ours, [sigstoreGo, cosign, sigstoreJs], isAsked())
    const accepted = compared.filter(one => one.ours.outcome === 'accepted')
    const disagreements = accepted.flatMap(one =>
      [...one.others].flatMap(([judge, { outcome }]) => (outcome === 'accepted' ? [] : [{ one, leniency: leniencyOf(one.mutant, judge) }])),
    )
    const lenient = Map.groupBy(disagreements, ({ leniency }) => leniency)
    context.diagnostic(`${mutants.length} mutants of ${new Set(mutants.map(one => one.case)).size} bundles: ${accepted.length} accepted`)
    for (const [leniency, found] of lenient)
      context.diagnostic(`${found.length} refused by another alone: ${leniency?.reason ?? 'unlisted'}`)
    const unlisted = new Set((lenient.get(undefined) ?? []).map(({ one }) => describeCompared(one)))
    assert.deepEqual([...unlisted], [], 'accepted by us, refused by others')
    assertAllOccur(leniencies, new Set(lenient.keys()))
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
