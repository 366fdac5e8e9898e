import { type Json, type JsonObject, readArray, readAs, readObject, readString } from '../../../codec/json.ts'
import { readMoment, readOptional, readText } from '../fields.ts'
import { readLooseDescriptor, readResourceDescriptor } from '../resource-descriptor.ts'
import { maxSources, type Provenance, type Source } from './provenance.ts'

const what = 'SLSA provenance 1'

/**
 * Reads SLSA provenance 1. What was built is found in the parameters of the build types that are known here, because each has it
 * elsewhere; of others only what the build used is told. Parameters of a build are whatever its author wishes: never guessed at.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`, `LIMIT_EXCEEDED`
 * @see slsa.dev/spec/v1.1/provenance
 */
export function readSlsa1(predicate: Json | undefined): Provenance {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const provenance = readObject(predicate, what)
    const definition = readObject(provenance['buildDefinition'], 'buildDefinition')
    const run = readObject(provenance['runDetails'], 'runDetails')
    const builder = readObject(run['builder'], 'runDetails.builder')
    const metadata = readOptional(run['metadata'], 'runDetails.metadata', readObject) ?? {}
    const buildType = readText(definition['buildType'], 'buildDefinition.buildType')
    const parameters = readObject(definition['externalParameters'], 'buildDefinition.externalParameters')
    const at = 'buildDefinition.resolvedDependencies'
    const dependencies = readOptional(definition['resolvedDependencies'], at, readDependencies) ?? []
    return {
      version: '1',
      builderId: readOptional(builder['id'], 'runDetails.builder.id', readString) ?? '',
      buildType,
      sources: [...readSource(buildType, parameters, dependencies), ...dependencies],
      invocationId: readInvocationId(metadata),
      startedOn: readOptional(metadata['startedOn'], 'runDetails.metadata.startedOn', readMoment),
      finishedOn: readOptional(metadata['finishedOn'], 'runDetails.metadata.finishedOn', readMoment),
    }
  })
}

/** The specification has it end in `Id`, an earlier Go library in `ID`. */
function readInvocationId(metadata: JsonObject): string | undefined {
  return (
    readOptional(metadata['invocationId'], 'runDetails.metadata.invocationId', readString) ??
    readOptional(metadata['invocationID'], 'runDetails.metadata.invocationID', readString)
  )
}

function readDependencies(value: unknown, at: string): Source[] {
  return readArray(value, at, maxSources, (item, path) => {
    const { uri = '', digests } = readResourceDescriptor(item, path)
    return { role: 'dependency' as const, uri, digests }
  })
}

type SourceReader = (value: unknown, at: string) => { readonly uri: string; readonly digests: ReadonlyMap<string, string> }

/** Where builders of a type say what they built. Each is documented at the address that is the type, but for GitLab's runner. */
const sourceParameters: readonly { readonly buildType: RegExp; readonly member: string; readonly read: SourceReader }[] = [
  { buildType: /^https:\/\/actions\.github\.io\/buildtypes\/workflow\/v1$/, member: 'workflow', read: readWorkflow },
  {
    buildType: /^https:\/\/slsa-framework\.github\.io\/github-actions-buildtypes\/workflow\/v1$/,
    member: 'workflow',
    read: readWorkflow,
  },
  {
    buildType: /^https:\/\/cloud\.google\.com\/build\/gcb-buildtypes\/google-worker\/v1$/,
    member: 'buildConfigSource',
    read: readWorkflow,
  },
  { buildType: /^https:\/\/slsa\.dev\/container-based-build\/v0\.1(\?draft)?$/, member: 'source', read: readDescribed },
  {
    buildType: /^https:\/\/github\.com\/moby\/buildkit\/blob\/master\/docs\/attestations\/slsa-definitions\.md$/,
    member: 'configSource',
    read: readDescribed,
  },
  {
    buildType: /^https:\/\/gitlab\.com\/gitlab-org\/gitlab-runner\/-\/blob\/[^/?#]+\/PROVENANCE\.md$/,
    member: 'source',
    read: readAddress,
  },
  {
    buildType: /^https:\/\/docs\.gitlab\.com\/ci\/pipeline_security\/slsa\/(level_3\/)?provenance_v1\/?$/,
    member: 'source',
    read: readAddress,
  },
]

/** What was built; with the digests of the one dependency at the same address, where the parameter has none of its own. */
function readSource(buildType: string, parameters: JsonObject, dependencies: readonly Source[]): readonly Source[] {
  const known = sourceParameters.find(({ buildType: pattern }) => pattern.test(buildType))
  const source = known && readOptional(parameters[known.member], `buildDefinition.externalParameters.${known.member}`, known.read)
  if (!source || (source.uri === '' && source.digests.size === 0)) return []
  if (source.digests.size > 0) return [{ role: 'source', ...source }]
  const same = dependencies.filter(({ uri }) => uri === source.uri)
  return [{ role: 'source', uri: source.uri, digests: same.length === 1 ? same[0]!.digests : new Map() }] // of several none can be told to be it
}

function readDescribed(value: unknown, at: string) {
  const { uri = '', digests } = readLooseDescriptor(value, at)
  return { uri, digests }
}

function readAddress(value: unknown, at: string) {
  return { uri: readString(value, at), digests: new Map<string, string>() }
}

/** A repository and what was taken from it, as one address: as these builders write it among the dependencies. SPDX 2.3 §7.7. */
function readWorkflow(value: unknown, at: string) {
  const workflow = readObject(value, at)
  const repository = readText(workflow['repository'], `${at}.repository`)
  const ref = readOptional(workflow['ref'], `${at}.ref`, readString)
  return {
    uri: `${repository.startsWith('git+') ? '' : 'git+'}${repository}${ref ? `@${ref}` : ''}`,
    digests: new Map<string, string>(),
  }
}
