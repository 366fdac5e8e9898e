import { CountersignError } from '../../../codec/error.ts'
import { collectOrphans } from '../../../oci/collect/collect-orphans.ts'
import { type CollectionPlan, type CollectionQuery, planCollection } from '../../../oci/collect/plan-collection.ts'
import { type Kept, nameOfRemoval, type Removal } from '../../../oci/collect/removal.ts'
import { requireDeletes } from '../../../oci/collect/remove-attached.ts'
import { parseRepository, repositoryName } from '../../../oci/reference.ts'
import type { CommandFunction } from '../../command.ts'
import type { gcFlags } from '../../flags/contents/cleaning.ts'
import { openRegistry } from '../../inputs/registry.ts'
import { jsonText } from '../../output/json-document.ts'

/** `gc`: collects what is attached to images that are gone, once the plan was shown. */
export const collectGarbage: CommandFunction<typeof gcFlags> = async (context, flags, [place, ...others]) => {
  if (flags.plan && flags.yes) throw new CountersignError('USAGE', 'want one of --plan, which deletes nothing, and --yes, got both')
  const repository = parseRepository(place!)
  const images = others.map(parseRepository)
  const query: CollectionQuery = { repository, images, prefix: flags.attachmentTagPrefix, exclusive: flags.exclusive }
  const client = await openRegistry(context, flags, [repository, ...images], { willPush: false })
  const plan = await planCollection(client, query, context.signal)
  const isText = flags.output === 'text'
  const show = flags.plan && isText ? context.stdout : context.stderr
  show(planText(query, plan))
  const removed: Removal[] = []
  const kept: Kept[] = [...plan.kept]
  if (!flags.plan && plan.orphans.length > 0) {
    await context.prompts.confirm(`this will delete ${plan.orphans.length} of these for good`, { yes: flags.yes, flag: '--yes' })
    await requireDeletes(client, context.world, repository, context.signal)
    const onRemoved = (removal: Removal) => {
      removed.push(removal)
      context.stderr(`Removed ${nameOfRemoval(repository, removal)}\n`)
    }
    const onKept = (item: Kept) => {
      kept.push(item)
      context.stderr(`Kept ${nameOfRemoval(repository, item)}: ${item.reason}\n`)
    }
    await collectOrphans(client, context.world, query, plan.orphans, { onRemoved, onKept }, context.signal)
  }
  if (!isText) context.stdout(`${jsonText(report(query, plan, removed, kept))}\n`)
  return 0
}

function planText({ repository, images }: CollectionQuery, { tags, subjects, orphans, kept }: CollectionPlan): string {
  const places = [repository, ...images].map(repositoryName).join(', ')
  return [
    `${repositoryName(repository)}: ${tags} tags; something is attached to ${subjects} images, which were looked for in ${places}`,
    orphans.length === 0 ? 'Nothing to collect' : `To be deleted (${orphans.length}):`,
    ...orphans.map(orphan => `  ${orphan.kind}: ${nameOfRemoval(repository, orphan)}: ${orphan.reason}`),
    ...(kept.length === 0 ? [] : [`Kept, though the image was not found (${kept.length}):`]),
    ...kept.map(item => `  ${item.kind}: ${nameOfRemoval(repository, item)}: ${item.reason}`),
    '',
  ].join('\n')
}

function report({ repository, images }: CollectionQuery, plan: CollectionPlan, removed: readonly Removal[], kept: readonly Kept[]) {
  const item = (one: Removal & { readonly reason?: string }) => ({
    kind: one.kind,
    name: nameOfRemoval(repository, one),
    digest: one.digest,
    subject: one.subject,
    reason: one.reason,
  })
  return {
    repository: repositoryName(repository),
    lookedIn: [repository, ...images].map(repositoryName),
    counts: { tags: plan.tags, subjects: plan.subjects, planned: plan.orphans.length, removed: removed.length, kept: kept.length },
    planned: plan.orphans.map(item),
    removed: removed.map(item),
    kept: kept.map(item),
  }
}
