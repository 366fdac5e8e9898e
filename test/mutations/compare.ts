import type { Judge, Judgement } from './judge.ts'
import type { Mutant } from './mutants.ts'

/** A mutant with what we say of it, and what each of the others says that was asked. */
export type Compared = { readonly mutant: Mutant; readonly ours: Judgement; readonly others: ReadonlyMap<Judge['name'], Judgement> }

/**
 * Judges every mutant by us, and by each of the others those that `isAsked` picks: a process takes a hundred times as long as we do.
 *
 * @param atOnce - how many mutants are out with the others at a time
 */
export async function compare(
  mutants: readonly Mutant[],
  ours: Judge,
  others: readonly Judge[],
  isAsked: (judge: Judge, mutant: Mutant, ours: Judgement) => boolean,
  atOnce = 2,
): Promise<readonly Compared[]> {
  const compared: Compared[] = []
  const queue = mutants.values()
  const work = async () => {
    for (const mutant of queue) {
      const judgement = await ours.judge(mutant.case, mutant.bytes, 'file')
      const asked = others.filter(judge => isAsked(judge, mutant, judgement))
      const answers = await Promise.all(
        asked.map(async judge => [judge.name, await judge.judge(mutant.case, mutant.bytes, 'file')] as const),
      )
      compared.push({ mutant, ours: judgement, others: new Map(answers) })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return compared
}

/** Words for a disagreement. */
export function describe({ mutant, ours, others }: Compared): string {
  const said = ({ outcome, ...rest }: Judgement) => ('reason' in rest ? `${outcome}: ${rest.reason}` : outcome)
  return [
    `${mutant.case.name}: ${mutant.class}: countersign ${said(ours)}`,
    ...[...others].map(([name, answer]) => `${name} ${said(answer)}`),
  ].join('; ')
}
