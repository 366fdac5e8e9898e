import type { Shape } from './proto-shape.ts'

const named = (members: Readonly<Record<string, Shape>>) => new Map(Object.entries(members))

const material: Shape = { members: named({ uri: 'string', digest: 'strings' }) }

/** SLSA provenance 0.2. Its own documents write `buildInvocationId`; tools that follow Go's types, and cosign 2, `buildInvocationID`. */
export const slsaProvenance02 = {
  members: named({
    builder: { members: named({ id: 'string' }) },
    buildType: 'string',
    invocation: {
      members: named({
        configSource: { members: named({ uri: 'string', digest: 'strings', entryPoint: 'string' }) },
        parameters: 'object',
        environment: 'object',
      }),
    },
    buildConfig: 'object',
    metadata: {
      members: named({
        buildInvocationId: 'string',
        buildStartedOn: 'time',
        buildFinishedOn: 'time',
        completeness: { members: named({ parameters: 'boolean', environment: 'boolean', materials: 'boolean' }) },
        reproducible: 'boolean',
      }),
      spellings: new Map([['buildInvocationID', 'buildInvocationId']]),
    },
    materials: { list: material },
  }),
} as const satisfies Shape

const resource: Shape = {
  members: named({
    name: 'string',
    uri: 'string',
    digest: 'strings',
    content: 'base64',
    downloadLocation: 'string',
    mediaType: 'string',
    annotations: 'object',
  }),
}

/** SLSA provenance 1. */
export const slsaProvenance1 = {
  members: named({
    buildDefinition: {
      members: named({
        buildType: 'string',
        externalParameters: 'object',
        internalParameters: 'object',
        resolvedDependencies: { list: resource },
      }),
    },
    runDetails: {
      members: named({
        builder: { members: named({ id: 'string', version: 'strings', builderDependencies: { list: resource } }) },
        metadata: {
          members: named({ invocationId: 'string', startedOn: 'time', finishedOn: 'time' }),
          spellings: new Map([['invocationID', 'invocationId']]),
        },
        byproducts: { list: resource },
      }),
    },
  }),
} as const satisfies Shape
