import { CountersignError } from '../../codec/error.ts'
import type { FlagsOf } from '../command.ts'
import type { signFlags } from '../flags/sign.ts'
import { checkOutputs } from './outputs.ts'

type SignFlags = FlagsOf<typeof signFlags>

/** In which layouts `sign` stores a signature, in the order they are written: cosign 3 reads a bundle, cosign 2 the legacy tag. */
export type SigningFormats = readonly ('bundle' | 'legacy')[]

/**
 * What `--format` and `--new-bundle-format` ask for together. Both given at one place contradict each other even where they
 * agree today; else the command line decides over the environment.
 *
 * @throws CountersignError `USAGE`
 */
export function signingFormats({ format, newBundleFormat, given }: SignFlags): SigningFormats {
  const [own, cosigns] = [given.get('format'), given.get('new-bundle-format')]
  if (own !== undefined && own === cosigns)
    throw new CountersignError(
      'USAGE',
      'want one of --format and --new-bundle-format, got both: --format=legacy is --new-bundle-format=false',
    )
  if (own === undefined || (cosigns === 'command line' && own === 'environment')) return [newBundleFormat ? 'bundle' : 'legacy']
  return format === 'both' ? ['bundle', 'legacy'] : [format]
}

const legacyOnly = [
  'payload',
  'sign-container-identity',
  'record-creation-timestamp',
  'registry-referrers-mode',
  'attachment-tag-prefix',
] as const

/**
 * Refuses flags that cannot be served together; cosign takes them and drops one in silence.
 *
 * @throws CountersignError `USAGE`
 */
export function checkSignFlags(flags: SignFlags, formats: SigningFormats): void {
  const { bundle, upload, payload, signContainerIdentity, given } = flags
  const { outputCertificate, outputPayload, outputSignature } = flags
  const outputs = {
    bundle,
    'output-certificate': outputCertificate,
    'output-payload': outputPayload,
    'output-signature': outputSignature,
  }
  checkOutputs(outputs, [flags.key, flags.certificate, flags.certificateChain, payload, flags.signingConfig])
  if (formats.length > 1) checkBoth(flags)
  const [hasBundle, hasLegacy] = [formats.includes('bundle'), formats.includes('legacy')]
  const stranger = legacyOnly.find(name => given.has(name))
  if (!hasLegacy && stranger)
    throw usage(`--${stranger} concerns the layout of cosign 2 only; it goes with --format legacy or --new-bundle-format=false`)
  if (hasBundle && !upload && bundle === '')
    throw usage('must enable upload to the OCI registry or specify a local --bundle path with --new-bundle-format')
  if (!hasBundle && bundle !== '')
    throw usage(
      '--bundle does not go with --format legacy or --new-bundle-format=false: the layout of cosign 2 has no bundle; use --output-signature',
    )
  const overruled = (['annotations', 'sign-container-identity'] as const).find(name => given.has(name))
  if (payload !== '' && overruled) throw usage(`--${overruled} does not go with --payload, which is signed as it is`)
  const output = namedOutput(flags)
  if (signContainerIdentity.length > 1 && output)
    throw usage(`--${output} names one file, but each --sign-container-identity makes a signature; sign them one by one`)
}

/** Two signatures are made of each image, about the same claims, for readers that find them in its registry. */
function checkBoth(flags: SignFlags): void {
  const output = namedOutput(flags)
  if (output) throw usage(`--${output} names one file, but --format both makes two signatures; --bundle keeps the bundle`)
  if (flags.payload !== '') throw usage('--payload does not go with --format both: a bundle cannot hold what it says; use --format legacy')
  if (!flags.upload) throw usage('--upload=false does not go with --format both; keep one format at a time')
}

function namedOutput({ given }: SignFlags): 'output-certificate' | 'output-payload' | 'output-signature' | undefined {
  return (['output-certificate', 'output-payload', 'output-signature'] as const).find(name => given.has(name))
}

function usage(message: string): CountersignError {
  return new CountersignError('USAGE', message)
}
