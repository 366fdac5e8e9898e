import { CountersignError } from '../../../codec/error.ts'
import type { GoJson } from '../../../codec/go-json.ts'
import { examineRegistry, type WritingOptions } from '../../../oci/doctor/doctor.ts'
import type { ExaminationOptions } from '../../../oci/doctor/examination.ts'
import type { Finding } from '../../../oci/doctor/finding.ts'
import { formatReference, type ImageReference, type Repository, repositoryName } from '../../../oci/reference.ts'
import type { CommandFunction } from '../../command.ts'
import { CommandFailure } from '../../exit-code.ts'
import type { registryDoctorFlags } from '../../flags/registries.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { parseRegistryImage, registryAccess } from '../../inputs/registry.ts'
import { jsonText } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'

/** `registry doctor`: what a registry supports and what these credentials may do there. Fails when verifying or signing cannot work. */
export const examine: CommandFunction<typeof registryDoctorFlags> = async (context, flags, [name]) => {
  const image = parseRegistryImage(name!)
  const repository = signatureRepository(context, image)
  const writing = flags.write ? writingOptions(flags.mountFrom, repository) : undefined
  if (!writing && flags.mountFrom !== '') throw new CountersignError('USAGE', '--mount-from goes with --write: a mount is a write')
  const { world, options: access, locate: locateCredentials } = await registryAccess(context, flags, [image])
  const { maxBytes } = maxAttachmentBytes(context)
  const options: ExaminationOptions = {
    image,
    repository,
    access,
    locateCredentials,
    verifiesTls: !flags.allowInsecureRegistry,
    ...(maxBytes !== undefined && { attachmentBytes: maxBytes }),
  }
  const findings = await examineRegistry(world, options, writing, context.signal)
  const failure = findings.find(({ error }) => error)?.error
  const isJson = flags.output === 'json'
  context.stdout(isJson ? `${jsonText(report(image, repository, findings, failure))}\n` : table(findings))
  if (failure) throw new CommandFailure(failure, isJson ? { isReported: true } : {})
  return 0
}

function writingOptions(mountFrom: string, repository: Repository): WritingOptions {
  if (mountFrom === '') return {}
  const source = parseRegistryImage(mountFrom)
  if (source.registry !== repository.registry || source.repository === repository.repository)
    throw new CountersignError(
      'USAGE',
      `--mount-from: want an image of another repository of ${repository.registry}, got ${formatReference(source)}`,
    )
  return { mountFrom: source }
}

/** The one document of `--output json`, with `error` as in a failure document where the command fails. */
function report(image: ImageReference, repository: Repository, findings: readonly Finding[], failure: CountersignError | undefined) {
  const works = findings.every(({ state }) => state !== 'bad')
  const end = failure ? { error: failureDocument(failure).error as GoJson } : {}
  const shown = findings.map(({ name, state, seen, advice, error }) => ({ name, state, seen, advice, code: error?.code }))
  return { image: formatReference(image), registry: image.registry, signatures: repositoryName(repository), works, findings: shown, ...end }
}

function table(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length))
  const indent = ' '.repeat(9 + width)
  return findings
    .map(
      ({ name, state, seen, advice }) => `${state.padEnd(7)}  ${name.padEnd(width)}  ${seen}\n${advice ? `${indent}  → ${advice}\n` : ''}`,
    )
    .join('')
}
