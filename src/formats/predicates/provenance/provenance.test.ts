import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../../codec/json.ts'
import { testMembers } from '../../../testing/documents/refused-members.ts'
import { readSlsa1 } from './slsa-1.ts'
import { readSlsa02 } from './slsa-02.ts'

const commit = '15bf79ea9c89fffbf5dd02c6b5b686b291bfcbd2'
const repository = 'git+https://github.com/example/app@refs/heads/main'

/** As the generator of GitHub's builders writes it. */
const slsa02 = {
  builder: {
    id: 'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.0.0',
  },
  buildType: 'https://github.com/slsa-framework/slsa-github-generator/container@v1',
  invocation: { configSource: { uri: repository, digest: { sha1: commit }, entryPoint: '.github/workflows/release.yml' }, parameters: {} },
  metadata: { buildInvocationID: '2387611653-1', completeness: { parameters: true }, buildStartedOn: '2026-11-30T10:00:00.25Z' },
  materials: [{ uri: repository, digest: { sha1: commit } }, { uri: 'pkg:docker/alpine@3.20' }],
}

/** As GitHub's own attestations have it. */
const slsa1 = {
  buildDefinition: {
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    externalParameters: {
      workflow: { ref: 'refs/heads/main', repository: 'https://github.com/example/app', path: '.github/workflows/ci.yml' },
    },
    internalParameters: { github: { event_name: 'push' } },
    resolvedDependencies: [
      { uri: repository, digest: { gitCommit: commit } },
      { uri: 'https://example.com/tool.tgz', digest: { sha256: 'ab'.repeat(32) }, name: 'tool' },
    ],
  },
  runDetails: {
    builder: { id: 'https://github.com/example/app/.github/workflows/ci.yml@refs/heads/main' },
    metadata: { invocationId: 'https://github.com/example/app/actions/runs/1/attempts/1', finishedOn: '2026-11-30T12:00:00+01:00' },
  },
}

test('readSlsa02: who built, what was built, what was used', () =>
  assert.deepEqual(readSlsa02(slsa02), {
    version: '0.2',
    builderId: slsa02.builder.id,
    buildType: slsa02.buildType,
    sources: [
      { role: 'source', uri: repository, digests: new Map([['sha1', commit]]) },
      { role: 'dependency', uri: repository, digests: new Map([['sha1', commit]]) },
      { role: 'dependency', uri: 'pkg:docker/alpine@3.20', digests: new Map() },
    ],
    invocationId: '2387611653-1',
    startedOn: new Date('2026-11-30T10:00:00.250Z'),
    finishedOn: undefined,
  }))

test('readSlsa02: what BuildKit writes of a folder, with nothing to name', () => {
  const { builderId, sources, finishedOn } = readSlsa02({
    builder: { id: '' },
    buildType: 'https://mobyproject.org/buildkit@v1',
    invocation: { configSource: { entryPoint: 'Dockerfile' }, environment: { platform: 'linux/amd64' } },
    materials: null,
    metadata: { buildInvocationId: 'x', buildFinishedOn: '0001-01-01T00:00:00Z' },
  })
  assert.deepEqual({ builderId, sources, finishedOn }, { builderId: '', sources: [], finishedOn: undefined })
})

test('readSlsa1: who built, what was built, what was used', () =>
  assert.deepEqual(readSlsa1(slsa1), {
    version: '1',
    builderId: slsa1.runDetails.builder.id,
    buildType: slsa1.buildDefinition.buildType,
    sources: [
      { role: 'source', uri: repository, digests: new Map([['gitCommit', commit]]) },
      { role: 'dependency', uri: repository, digests: new Map([['gitCommit', commit]]) },
      { role: 'dependency', uri: 'https://example.com/tool.tgz', digests: new Map([['sha256', 'ab'.repeat(32)]]) },
    ],
    invocationId: slsa1.runDetails.metadata.invocationId,
    startedOn: undefined,
    finishedOn: new Date('2026-11-30T11:00:00Z'),
  }))

type Built = {
  readonly name: string
  readonly buildType: string
  readonly externalParameters: Json
  readonly built?: { uri: string; digests?: object }
}
const own = { uri: 'https://github.com/example/app.git#main', digest: { sha1: commit } }
const built: readonly Built[] = [
  {
    name: 'BuildKit',
    buildType: 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
    externalParameters: { configSource: { ...own, path: 'Dockerfile' } },
    built: { uri: own.uri, digests: { sha1: commit } },
  },
  {
    name: 'BuildKit, of a folder',
    buildType: 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
    externalParameters: { configSource: { path: 'Dockerfile' } },
  },
  {
    name: "GitLab's runner",
    buildType: 'https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v18.1.0/PROVENANCE.md',
    externalParameters: { source: 'https://gitlab.com/example/app', entryPoint: 'build' },
    built: { uri: 'https://gitlab.com/example/app', digests: { gitCommit: 'cd'.repeat(20) } },
  },
  {
    name: "GitLab's pipelines",
    buildType: 'https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1',
    externalParameters: { source: 'https://gitlab.com/example/app', entryPoint: 'build' },
    built: { uri: 'https://gitlab.com/example/app', digests: { gitCommit: 'cd'.repeat(20) } },
  },
  {
    name: 'Cloud Build',
    buildType: 'https://cloud.google.com/build/gcb-buildtypes/google-worker/v1',
    externalParameters: {
      buildConfigSource: { ref: 'refs/heads/main', repository: 'git+https://github.com/example/app', path: 'cloudbuild.yaml' },
    },
    built: { uri: repository, digests: { gitCommit: commit } },
  },
  {
    name: 'a container that builds',
    buildType: 'https://slsa.dev/container-based-build/v0.1',
    externalParameters: { source: own },
    built: { uri: own.uri, digests: { sha1: commit } },
  },
  {
    name: 'a type that is not known',
    buildType: 'https://example.com/mine',
    externalParameters: { source: own, configSource: own, workflow: own },
  },
  {
    name: 'a type that only begins like a known one',
    buildType: 'https://actions.github.io/buildtypes/workflow/v1/../mine',
    externalParameters: slsa1.buildDefinition.externalParameters,
  },
  {
    name: 'a repository that several dependencies could be',
    buildType: slsa1.buildDefinition.buildType,
    externalParameters: { workflow: { repository: 'https://example.com/twice' } },
    built: { uri: 'git+https://example.com/twice', digests: {} },
  },
]
for (const { name, buildType, externalParameters, built: wanted } of built)
  test(`readSlsa1: what was built, by ${name}`, () => {
    const resolvedDependencies = [
      { uri: repository, digest: { gitCommit: commit } },
      { uri: 'https://gitlab.com/example/app', digest: { gitCommit: 'cd'.repeat(20) } },
      { uri: 'git+https://example.com/twice', digest: { gitCommit: commit } },
      { uri: 'git+https://example.com/twice', digest: { gitCommit: 'cd'.repeat(20) } },
    ]
    const { sources } = readSlsa1({ ...slsa1, buildDefinition: { buildType, externalParameters, resolvedDependencies } })
    assert.deepEqual(
      sources.filter(({ role }) => role === 'source').map(({ uri, digests }) => ({ uri, digests: Object.fromEntries(digests) })),
      wanted ? [wanted] : [],
    )
  })

testMembers('readSlsa02', readSlsa02, slsa02, [
  { at: [], message: /^SLSA provenance 0\.2: want an object/ },
  { at: ['builder'], message: /: builder: want an object/ },
  { at: ['builder', 'id'], isOptional: true, message: /: builder\.id: want a string/ },
  { at: ['buildType'], message: /: buildType: want a string/ },
  { at: ['materials'], isOptional: true, message: /: materials: want an array/ },
  { at: ['materials', 1, 'uri'], isOptional: true, message: /: materials\[1\]\.uri: want a string/ },
  { at: ['materials', 0, 'digest', 'sha1'], isOptional: true, message: /: materials\[0\]\.digest\["sha1"\]: want a string/ },
  { at: ['invocation', 'configSource', 'uri'], isOptional: true, message: /: invocation\.configSource\.uri: want a string/ },
  { at: ['metadata', 'buildStartedOn'], isOptional: true, message: /: metadata\.buildStartedOn: want a string/ },
  { at: ['metadata', 'buildInvocationID'], isOptional: true, message: /: metadata\.buildInvocationID: want a string/ },
])

testMembers('readSlsa1', readSlsa1, slsa1, [
  { at: [], message: /^SLSA provenance 1: want an object/ },
  { at: ['buildDefinition'], message: /: buildDefinition: want an object/ },
  { at: ['buildDefinition', 'buildType'], message: /: buildDefinition\.buildType: want a string/ },
  { at: ['buildDefinition', 'externalParameters'], message: /: buildDefinition\.externalParameters: want an object/ },
  {
    at: ['buildDefinition', 'externalParameters', 'workflow', 'repository'],
    message: /: buildDefinition\.externalParameters\.workflow\.repository: want a string/,
  },
  { at: ['buildDefinition', 'resolvedDependencies'], isOptional: true, message: /resolvedDependencies: want an array/ },
  { at: ['buildDefinition', 'resolvedDependencies', 1], message: /resolvedDependencies\[1\]: want an object/ },
  { at: ['runDetails'], message: /: runDetails: want an object/ },
  { at: ['runDetails', 'builder', 'id'], isOptional: true, message: /: runDetails\.builder\.id: want a string/ },
  { at: ['runDetails', 'metadata', 'finishedOn'], isOptional: true, message: /finishedOn: want a string/ },
])

for (const { name, read, message } of [
  {
    name: 'a time that is none',
    read: () => readSlsa02({ ...slsa02, metadata: { buildStartedOn: 'yesterday' } }),
    message: /want an RFC 3339 time, got "yesterday"/,
  },
  {
    name: 'a dependency of nothing',
    read: () => readSlsa1({ ...slsa1, buildDefinition: { ...slsa1.buildDefinition, resolvedDependencies: [{ name: 'x' }] } }),
    message: /resolvedDependencies\[0\]: want a uri, a digest or content/,
  },
  {
    name: 'a build of no type',
    read: () => readSlsa02({ ...slsa02, buildType: '' }),
    message: /buildType: want a string that is not empty/,
  },
])
  test(`provenance with ${name} is refused`, () => assert.throws(read, { code: 'PREDICATE_MALFORMED', message }))

test('provenance of more dependencies than any build has is refused', () => {
  const materials = Array.from({ length: 100_001 }, () => ({}))
  assert.throws(() => readSlsa02({ ...slsa02, materials }), { code: 'LIMIT_EXCEEDED', message: /materials: want at most 100000 items/ })
})
