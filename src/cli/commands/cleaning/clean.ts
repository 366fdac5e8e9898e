import type { OciDigest } from '../../../formats/oci-digest.ts'
import { type CleaningPlan, planCleaning } from '../../../oci/collect/plan-cleaning.ts'
import { type Kept, nameOfRemoval, type Removal } from '../../../oci/collect/removal.ts'
import { removeAttached, requireDeletes } from '../../../oci/collect/remove-attached.ts'
import { formatReference, type Repository, repositoryName } from '../../../oci/reference.ts'
import type { CommandFunction } from '../../command.ts'
import type { cleanFlags } from '../../flags/contents/cleaning.ts'
import { signatureRepository } from '../../inputs/image-options.ts'
import { openRegistry, parseRegistryImage } from '../../inputs/registry.ts'
import { jsonText } from '../../output/json-document.ts'

/** `clean`: removes what is attached to an image, once the plan was shown. Source: formats-and-flows §10. */
export const cleanImage: CommandFunction<typeof cleanFlags> = async (context, flags, [image]) => {
  const reference = parseRegistryImage(image!)
  const client = await openRegistry(context, flags, [reference], { willPush: false })
  const digest = reference.digest ?? (await client.resolve(reference, context.signal)).digest // an image that is gone can be cleaned up after
  const repository = signatureRepository(context, reference)
  const plan = await planCleaning(client, repository, digest, { type: flags.type, prefix: flags.attachmentTagPrefix }, context.signal)
  const name = `${repositoryName(reference)}@${digest}`
  const isText = flags.output === 'text'
  const show = flags.dryRun && isText ? context.stdout : context.stderr
  show(planText(repository, name, plan))
  if (!flags.dryRun && plan.removals.length > 0) {
    await context.prompts.confirm(warnings[flags.type], { yes: flags.force, flag: '--force' })
    const tell = (removal: Removal) => context.stderr(`Removed ${nameOfRemoval(repository, removal)} from ${name}\n`)
    await requireDeletes(client, context.world, repository, context.signal)
    await removeAttached(client, context.world, repository, plan.removals, tell, context.signal)
  }
  if (!isText) context.stdout(`${jsonText(report(repository, formatReference(reference), digest, flags.dryRun, plan))}\n`)
  return 0
}

/** cosign's own words. */
const warnings = {
  all: 'this will remove all signatures, SBOMs and attestations from the image',
  signature: 'this will remove all signatures from the image',
  attestation: 'this will remove all attestations from the image',
  referrer: 'this will remove all referrer attestations and/or signatures from the image',
  sbom: 'this will remove all SBOMs from the image',
} as const

function planText(repository: Repository, name: string, { removals, kept }: CleaningPlan): string {
  const pinned = ({ tag, digest }: Removal) => (tag === undefined ? '' : ` (${digest})`)
  const lines = removals.map(removal => `  ${removal.kind}: ${nameOfRemoval(repository, removal)}${pinned(removal)}`)
  return [
    lines.length === 0 ? `Nothing to remove from ${name}` : `To be removed from ${name}:`,
    ...lines,
    ...(kept.length === 0 ? [] : ['Kept:']),
    ...kept.map(item => `  ${nameOfRemoval(repository, item)}: ${item.reason}`),
    '',
  ].join('\n')
}

function report(repository: Repository, image: string, digest: OciDigest, dryRun: boolean, { removals, kept }: CleaningPlan) {
  const item = (removal: Removal) => ({ kind: removal.kind, name: nameOfRemoval(repository, removal), digest: removal.digest })
  return {
    image,
    digest,
    repository: repositoryName(repository),
    dryRun,
    [dryRun ? 'planned' : 'removed']: removals.map(item),
    kept: kept.map((one: Kept) => ({ ...item(one), reason: one.reason })),
  }
}
