import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { payloadLimitBytes } from '../../formats/simple-signing.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { fetchEvidence } from '../../oci/attached/image-evidence.ts'
import { signatureTag } from '../../oci/attached/signature-tag.ts'
import { listImageTree } from '../../oci/image-tree.ts'
import { formatReference, type ImageReference, parseImageReference } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { VerificationError } from '../../verify/derivation.ts'
import { type Candidate, detachedPayloadCandidate } from '../../verify/evidence.ts'
import type { Policy, Trust } from '../../verify/policy.ts'
import { derivationJson, renderDerivation } from '../../verify/render.ts'
import { type Verdict, verify } from '../../verify/verify.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { CommandFailure } from '../exit-code.ts'
import type { verifyFlags } from '../flags/verify.ts'
import { demandedAnnotations } from '../inputs/annotations.ts'
import { readFileOrUrl, readSignatureInput } from '../inputs/artifacts.ts'
import { maxAttachmentBytes, signatureRepository } from '../inputs/image-options.ts'
import { openRegistry } from '../inputs/registry.ts'
import { trustFromFlags } from '../inputs/trust-policy.ts'
import { inOrder } from '../output/in-order.ts'
import { writeVerdict } from '../output/verdict.ts'

/** `verify`: proves that each image named carries a signature that the key and the claims ask for. */
export const verifyImages: CommandFunction<typeof verifyFlags> = async (context, flags, args) => {
  checkCombination(flags)
  const { trust, policy: base } = await trustFromFlags(context, flags, 'signature')
  const policy: Omit<Policy, 'artifact'> = {
    ...base,
    annotations: demandedAnnotations(flags.annotations, flags.given.has('annotations')),
    predicateTypes: flags.anyPredicate ? 'any' : [signPredicateType],
    unsafeSkipClaims: !flags.checkClaims,
  }
  const references = args.map(parseImageReference)
  const many = references.length > 1 || flags.recursive
  const client = await openRegistry(context, flags, references, { willPush: false })
  const find = { context, client, flags, policy, workersPerImage: many ? 1 : flags.maxWorkers }
  await inOrder(
    namedImages(find, references),
    flags.maxWorkers,
    async image => ({ image, verdict: await verifyImage(find, image, trust) }),
    ({ image, verdict }) => writeVerdict(context, image.reference, image.digest, verdict, flags.output),
  )
  return 0
}

/** cosign leaves a payload without a signature aside in silence, and takes no workers for as many as it likes. */
function checkCombination({ signature, payload, maxWorkers }: FlagsOf<typeof verifyFlags>): void {
  if (signature === '' && payload !== '')
    throw new CountersignError('USAGE', '--payload goes with --signature, the signature over it; those in the registry have their own')
  if (signature !== '' && payload === '')
    throw new CountersignError('USAGE', '--signature goes with --payload FILE, the payload that was signed')
  if (maxWorkers < 1) throw new CountersignError('USAGE', `--max-workers: want at least 1, got ${maxWorkers}`)
}

type Search = {
  readonly context: CommandContext
  readonly client: RegistryClient
  readonly flags: FlagsOf<typeof verifyFlags>
  readonly policy: Omit<Policy, 'artifact'>
  readonly workersPerImage: number
}

/** An image by its digest, with the name to show for it. */
type NamedImage = { readonly reference: ImageReference; readonly digest: OciDigest }

/** The images that references name, and with `--recursive` those inside them. A digest needs no lookup: only its signatures are fetched. */
async function* namedImages({ context, client, flags }: Search, references: readonly ImageReference[]): AsyncGenerator<NamedImage> {
  for (const reference of references) {
    const { registry, repository, digest } = reference
    if (digest && !flags.recursive) {
      yield { reference, digest }
      continue
    }
    const root = await client.resolve(reference, context.signal)
    yield { reference, digest: root.digest }
    if (!flags.recursive) continue
    const [, ...children] = await listImageTree(client, reference, root, context.signal)
    for (const { descriptor } of children)
      yield { reference: { registry, repository, digest: descriptor.digest }, digest: descriptor.digest }
  }
}

async function verifyImage(search: Search, image: NamedImage, trust: Trust): Promise<Verdict> {
  const candidates = await findCandidates(search, image)
  try {
    return await verify(candidates, trust, { ...search.policy, artifact: { kind: 'image', digest: image.digest } })
  } catch (error) {
    throw error instanceof VerificationError ? explain(error, formatReference(image.reference)) : error
  }
}

async function findCandidates({ context, client, flags, policy, workersPerImage }: Search, { reference, digest }: NamedImage) {
  if (flags.signature !== '') return [await detachedCandidateFromFlags(context, flags)]
  const query = {
    image: digest,
    repository: signatureRepository(context, reference),
    formats: flags.newBundleFormat ? 'bundle-first' : 'legacy',
    tag: signatureTag(digest, 'sig', flags.attachmentTagPrefix),
    legacyReferrers: flags.experimentalOci11,
    predicateTypes: policy.predicateTypes,
    maxWorkers: workersPerImage,
    ...maxAttachmentBytes(context),
  } as const
  return await fetchEvidence(client, query, context.signal)
}

async function detachedCandidateFromFlags(context: CommandContext, { signature, payload, offline }: Search['flags']): Promise<Candidate> {
  const bytes = await readSignatureInput(context, signature, offline)
  return detachedPayloadCandidate(signature, await readFileOrUrl(context, 'payload', payload, payloadLimitBytes, offline), bytes)
}

/** Gives a refusal the words and the exit status that users of cosign know, and its derivation. */
function explain(error: VerificationError, name: string): CommandFailure {
  const { derivation } = error
  const details = {
    derivation: derivationJson(derivation),
    explanation: `Verification of ${name} failed:\n${renderDerivation(derivation)}`,
  }
  const { candidates } = derivation
  const attestations = candidates.filter(({ steps }) => steps.at(-1)?.code === 'PREDICATE_TYPE_MISMATCH').length
  if (attestations > 0 && attestations === candidates.length) {
    const there =
      attestations === 1
        ? 'one attestation is there, which is no signature'
        : `${attestations} attestations are there, which are no signatures`
    const message = `no signatures found: ${there}; check them by verify-attestation, or accept any by --any-predicate`
    return new CommandFailure(new CountersignError('SIGNATURES_NOT_FOUND', message, { cause: error }), details)
  }
  const noneMatched = candidates.some(({ format }) => format === 'simple-signing' || format === 'detached')
  return new CommandFailure(error, { ...details, ...(noneMatched && { noneMatched: true }) })
}
