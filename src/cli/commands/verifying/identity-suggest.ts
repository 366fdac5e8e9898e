import { CountersignError } from '../../../codec/error.ts'
import { escapeControls } from '../../../codec/text.ts'
import type { CertifiedSigner, VerifiedSignature } from '../../../verify/verify.ts'
import type { CommandFunction } from '../../command.ts'
import type { identitySuggestFlags } from '../../flags/verify.ts'
import { openTargets } from '../../inputs/targets.ts'
import { demandsOfIdentities } from '../../inputs/trust/demands.ts'
import { jsonText } from '../../output/json-document.ts'
import { subjectOf } from './subject.ts'
import { verifyImage } from './verify-image.ts'

const bundlesFirst = {
  allowCertificateChain: false,
  attachmentTagPrefix: '',
  certificate: '',
  experimentalOci11: false,
  newBundleFormat: true,
  payload: '',
  rekorUrl: 'https://rekor.sigstore.dev',
  sct: '',
  signature: '',
} as const

const trustedRootAlone = {
  caIntermediates: '',
  caRoots: '',
  certificateChain: '',
  privateInfrastructure: false,
  timestampCertificateChain: '',
  useSignedTimestamps: false,
} as const

/** `identity suggest`: whom the certificates of an image's signatures name, as flags that would match them and nobody else. */
export const suggestIdentities: CommandFunction<typeof identitySuggestFlags> = async (context, flags, [name]) => {
  const { trust, policy: demanded } = await demandsOfIdentities(context, { ...flags, ...trustedRootAlone }, 'anybody', 'signature')
  const policy = { ...demanded, annotations: new Map(), predicateTypes: 'any', unsafeSkipClaims: false } as const
  const [target] = await openTargets(context, flags, [name!], { willPush: false })
  const subject = subjectOf(target!)
  const search = {
    context,
    flags: { ...flags, ...bundlesFirst },
    of: 'signatures',
    trust,
    policy,
    material: {},
    workersPerImage: 10,
  } as const
  const { digest, verdict } = await verifyImage(search, subject)
  const signers = new Map(verdict.signatures.flatMap(signerOf))
  const [first] = signers
  if (!first) throw new CountersignError('SIGNATURES_NOT_FOUND', `${subject.name}: no signature by a certificate`)
  const suggestions = [...signers.values()].map(suggestionOf)
  if (flags.output === 'json') context.stdout(`${jsonText({ image: name!, digest, suggestions })}\n`)
  else
    for (const { strict, workflow } of suggestions)
      for (const wanted of [strict, workflow]) if (wanted.length > 0) context.stdout(`${wanted.map(shellWords).join(' ')}\n`)
  return 0
}

/** By who signed, so that one who signed twice is named once. */
function signerOf({ certificate }: VerifiedSignature): readonly (readonly [string, CertifiedSigner])[] {
  if (!certificate) return []
  const { subjects, issuer } = certificate.identity
  return [[JSON.stringify([subjects[0]?.value, issuer]), certificate]]
}

/** Flags and their values: who signed, and where that was a build, the build itself. */
function suggestionOf({ identity }: CertifiedSigner) {
  const { subjects, issuer = '', extensions } = identity
  const issuerFlag = ['--certificate-oidc-issuer', issuer] as const
  const strict = [['--certificate-identity', subjects[0]?.value ?? ''] as const, issuerFlag]
  const repository = extensions.get('source-repository-uri')
  const config = extensions.get('build-config-uri')
  const path =
    repository && config?.startsWith(`${repository}/`) ? config.slice(repository.length + 1).split('@')[0] : config?.split('@')[0]
  const build: readonly (readonly [string, string | undefined])[] = [
    ['--repository', repository],
    ['--workflow', path],
    ['--ref', extensions.get('source-repository-ref')],
    ['--trigger', extensions.get('build-trigger')],
  ]
  const known = build.filter((flag): flag is readonly [string, string] => flag[1] !== undefined)
  return { identity: subjects[0]?.value ?? '', issuer, strict, workflow: repository === undefined ? [] : [...known, issuerFlag] }
}

/** A flag and its value as a shell takes them, whatever is in the value: what would not be seen, or would begin a line, is spelled out. */
function shellWords([flag, value]: readonly [string, string]): string {
  if (escapeControls(value) === value) return `${flag} '${value.replaceAll("'", "'\\''")}'`
  return `${flag} $'${[...value].map(spelled).join('')}'`
}

function spelled(character: string): string {
  if (character === '\\' || character === "'") return `\\${character}`
  const isPlain = escapeControls(character) === character
  return isPlain ? character : `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`
}
