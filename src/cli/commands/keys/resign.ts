import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import type { Signer } from '../../../crypto/signer.ts'
import { describeKeyReference } from '../../../kms/key-reference.ts'
import { parseRepository } from '../../../oci/reference.ts'
import type { Resigning } from '../../../sign/resign/find-missing.ts'
import { listImages, type Place } from '../../../sign/resign/list-images.ts'
import type { Resigner } from '../../../sign/resign/sign-missing.ts'
import type { Signing } from '../../../sign/signing.ts'
import type { TrustedKey } from '../../../trust/key-set.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { resignFlags } from '../../flags/key-rotation.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { publicKeysFromFlag } from '../../inputs/keys.ts'
import { openRegistry, parseRegistryImage } from '../../inputs/registry.ts'
import { openSigning } from '../../inputs/signing/open-signing.ts'
import { plainSignerFlags } from '../../inputs/signing/plain-signer-flags.ts'
import { demandsOfKeys } from '../../inputs/trust/demands.ts'
import { variable } from '../../parsing/environment.ts'
import { isTrue } from '../../parsing/flag-value.ts'
import { ResignRun } from './resign-run.ts'

type Flags = FlagsOf<typeof resignFlags>

const noSigner = { identityToken: '', oidcDisableAmbientProviders: false, oidcProvider: '' } as const

const trustedRootAlone = {
  asOf: '',
  caIntermediates: '',
  caRoots: '',
  certificateChain: '',
  insecureIgnoreSct: false,
  offline: false,
  privateInfrastructure: false,
  timestampCertificateChain: '',
  useSignedTimestamps: false,
} as const

/**
 * `resign`: signs with a new key what an old key has signed, in whole repositories. The images are looked at first, then the plan is shown; what
 * the new key has signed already is left as it is, so a run that ended early is gone on with by running it again.
 */
export const resign: CommandFunction<typeof resignFlags> = async (context, flags, names) => {
  if (flags.from === '' || flags.to === '')
    throw new CountersignError('USAGE', `resign: want --from KEY and --to KEY, got ${flags.from === '' ? 'no --from' : 'no --to'}`)
  if (flags.maxWorkers < 1) throw new CountersignError('USAGE', `--max-workers: want at least 1, got ${flags.maxWorkers}`)
  const places = names.map(placeOf)
  const from = await publicKeysFromFlag(context, flags.from, false)
  const signing = await openSigning(
    context,
    { ...plainSignerFlags, ...noSigner, ...flags, key: flags.to },
    { promise: false, timestamp: false },
  )
  const { key } = signing
  if (!key) throw new TypeError('a key signs, and is not known')
  if (!signing.prove && !flags.insecureIgnoreTlog)
    throw new CountersignError(
      'USAGE',
      'no transparency log takes part in signing, and signatures without an entry in one do not count: name a log in the signing config, or want --insecure-ignore-tlog',
    )
  const resigning = await resigningOf(context, flags, oldKeys(from, key, flags), key)
  const resigner = await resignerOf(context, flags, places, signing)
  const run = new ResignRun(context, resigner, resigning, {
    workers: flags.maxWorkers,
    isJson: flags.output === 'json',
    isDry: flags.dryRun,
  })
  await run.lookAt(place => listImages(resigner.client, place, flags.maxWorkers, context.signal), places)
  run.showPlan()
  if (!flags.dryRun && run.planned > 0) {
    await context.prompts.confirm(`this will add ${run.planned} signatures to ${run.images} images`, { yes: flags.yes, flag: '--yes' })
    await run.sign()
  }
  return run.end()
}

/** A name with a tag or digest is an image, one without is a repository: here nothing means `latest` alone. */
function placeOf(name: string): Place {
  const reference = parseRegistryImage(name)
  const isImage = name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/')
  return isImage ? { kind: 'image', reference } : { kind: 'repository', repository: parseRepository(name) }
}

/** The new key may be the newest version of the old one, as a KMS rotates keys: then its other versions are the old ones. */
function oldKeys(from: readonly TrustedKey[], { publicKey }: Signer, flags: Flags): readonly TrustedKey[] {
  const others = from.filter(({ spki }) => !bytesEqual(spki, publicKey.spki))
  if (others.length === 0)
    throw new CountersignError(
      'USAGE',
      `--from ${describeKeyReference(flags.from)} and --to ${describeKeyReference(flags.to)}: want two keys, got the same key twice`,
    )
  return others
}

async function resigningOf(context: CommandContext, flags: Flags, from: readonly TrustedKey[], to: Signer): Promise<Resigning> {
  const { trust, policy } = await demandsOfKeys(
    context,
    { ...trustedRootAlone, ...flags },
    from,
    flags.attestations ? 'attestation' : 'signature',
  )
  return {
    from: trust,
    to: { ...trust, keys: [to.publicKey] },
    policy: () => ({ ...policy, now: context.world.now() }),
    attestations: flags.attestations,
    place: image => signatureRepository(context, image),
    ...maxAttachmentBytes(context),
  }
}

async function resignerOf(context: CommandContext, flags: Flags, places: readonly Place[], signing: Signing): Promise<Resigner> {
  const references = places.map(place => (place.kind === 'image' ? place.reference : { ...place.repository, tag: 'latest' }))
  const client = await openRegistry(context, flags, references, { willPush: !flags.dryRun })
  const layer = { dockerMediaTypes: isTrue(variable(context.environment, 'DOCKER_MEDIA_TYPES')) }
  return { client, world: context.world, signing, layer }
}
