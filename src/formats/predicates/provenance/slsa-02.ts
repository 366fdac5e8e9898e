import { type Json, readArray, readAs, readObject, readString } from '../../../codec/json.ts'
import { readMoment, readOptional, readText } from '../fields.ts'
import { readLooseDescriptor } from '../resource-descriptor.ts'
import { maxSources, type Provenance, type Source } from './provenance.ts'

const what = 'SLSA provenance 0.2'

/**
 * Reads SLSA provenance 0.2: `configSource` is what was built, `materials` is what was used.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`, `LIMIT_EXCEEDED`
 * @see slsa.dev/spec/v0.2/provenance
 */
export function readSlsa02(predicate: Json | undefined): Provenance {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const provenance = readObject(predicate, what)
    const invocation = readOptional(provenance['invocation'], 'invocation', readObject) ?? {}
    const metadata = readOptional(provenance['metadata'], 'metadata', readObject) ?? {}
    const configSource = readOptional(invocation['configSource'], 'invocation.configSource', readSource('source'))
    const materials = readOptional(provenance['materials'], 'materials', (value, at) =>
      readArray(value, at, maxSources, readSource('dependency')),
    )
    return {
      version: '0.2',
      builderId: readOptional(readObject(provenance['builder'], 'builder')['id'], 'builder.id', readString) ?? '',
      buildType: readText(provenance['buildType'], 'buildType'),
      sources: [...(configSource ? [configSource] : []), ...(materials ?? [])].filter(({ uri, digests }) => uri !== '' || digests.size > 0),
      invocationId: readInvocationId(metadata),
      startedOn: readOptional(metadata['buildStartedOn'], 'metadata.buildStartedOn', readMoment),
      finishedOn: readOptional(metadata['buildFinishedOn'], 'metadata.buildFinishedOn', readMoment),
    }
  })
}

/** The specification has it end in `Id`, the Go library that most builders use in `ID`. */
function readInvocationId(metadata: { readonly [member: string]: Json }): string | undefined {
  return (
    readOptional(metadata['buildInvocationId'], 'metadata.buildInvocationId', readString) ??
    readOptional(metadata['buildInvocationID'], 'metadata.buildInvocationID', readString)
  )
}

function readSource(role: Source['role']): (value: unknown, at: string) => Source {
  return (value, at) => {
    const { uri = '', digests } = readLooseDescriptor(value, at)
    return { role, uri, digests }
  }
}
