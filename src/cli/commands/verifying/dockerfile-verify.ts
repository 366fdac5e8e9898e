import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { dockerfileLimitBytes, findImages, type NamedImages } from '../../../formats/dockerfile/named-images.ts'
import type { CommandFunction, FlagSource, FlagsOf } from '../../command.ts'
import type { dockerfileVerifyFlags } from '../../flags/documents.ts'
import type { verifyFlags } from '../../flags/verify.ts'
import { readDocument, tellImages } from '../../inputs/documents.ts'
import { verifyImages } from './verify.ts'

/** `dockerfile verify`: verifies every image that building a Dockerfile fetches. */
export const verifyDockerfile: CommandFunction<typeof dockerfileVerifyFlags> = async (context, flags, args) => {
  const [path = ''] = args
  const text = await readDocument(context, 'Dockerfile', path, dockerfileLimitBytes)
  const found = findImages(text, context.environment)
  for (let times = 0; times < found.scratch; times++) context.stderr('- scratch image ignored\n')
  if (found.syntax !== undefined) context.stderr(`- syntax image ${quote(found.syntax)} ignored: it builds, and is not built on\n`)
  for (const name of found.fromEnvironment) context.stderr(`- variable ${name} is set by the environment\n`)
  const images = flags.baseImageOnly ? baseOf(found) : found.images
  return await verifyImages(context, withoutOwn(flags), tellImages(context, 'Dockerfile', images))
}

function baseOf({ base, images }: NamedImages): readonly string[] {
  if (base !== undefined) return [base]
  if (images.length === 0) return []
  throw new CountersignError('DOCUMENT_WITHOUT_IMAGES', 'no base image found in Dockerfile: its last stage is built on scratch')
}

/** The flags as `verify` has them. */
function withoutOwn({ baseImageOnly, given, ...flags }: FlagsOf<typeof dockerfileVerifyFlags>): FlagsOf<typeof verifyFlags> {
  const shared = new Map<keyof typeof verifyFlags, FlagSource>()
  for (const [name, source] of given) if (name !== 'base-image-only') shared.set(name, source)
  return { ...flags, given: shared }
}
