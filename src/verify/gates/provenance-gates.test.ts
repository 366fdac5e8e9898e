import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../codec/json.ts'
import { answerOf, attestedOf } from '../../testing/sigstore/attested.ts'
import { builderGate } from './builder.ts'
import type { Gate } from './gate.ts'
import { commitGate, sourceGate } from './source.ts'

const builder = 'https://github.com/actions/runner/github-hosted'
const app = 'https://github.com/org/app'
const commit = '0123456789abcdef0123456789abcdef01234567'
const other = 'f'.repeat(40)
const workflowType = 'https://actions.github.io/buildtypes/workflow/v1'

/** SLSA provenance 1 of a GitHub workflow. */
const github = (dependencies: readonly Json[], repository = app, buildType = workflowType) => ({
  buildDefinition: {
    buildType,
    externalParameters: { workflow: { ref: 'refs/heads/main', repository, path: '.github/workflows/release.yml' } },
    resolvedDependencies: dependencies,
  },
  runDetails: { builder: { id: builder } },
})
const main = { uri: `git+${app}@refs/heads/main`, digest: { gitCommit: commit } }
const library = { uri: 'git+https://github.com/org/library@refs/heads/main', digest: { gitCommit: other } }

/** SLSA provenance 0.2, as BuildKit and older builders make it. */
const earlier = (configSource: Json, materials: readonly Json[] = []) => ({
  builder: { id: builder },
  buildType: 'https://mobyproject.org/buildkit@v1',
  invocation: { configSource },
  materials,
})

type Case = { readonly name: string; readonly gate: Gate; readonly predicate: Json; readonly version?: '0.2' | '1' }
const attested = ({ predicate, version = '1' }: Pick<Case, 'predicate' | 'version'>) =>
  attestedOf(`https://slsa.dev/provenance/v${version}`, predicate)

for (const { name, found, ...given } of [
  { name: 'builder, provenance 1', gate: builderGate(builder), predicate: github([main]), found: `"${builder}"` },
  { name: 'builder, provenance 0.2', gate: builderGate(builder), predicate: earlier({}), version: '0.2', found: `"${builder}"` },
  { name: 'source of a workflow', gate: sourceGate(app), predicate: github([main, library]), found: `"git+${app}@refs/heads/main"` },
  { name: 'source at a ref', gate: sourceGate(`${app}@refs/heads/main`), predicate: github([main]), found: `"git+${app}@refs/heads/main"` },
  {
    name: 'source, provenance 0.2',
    gate: sourceGate(app),
    predicate: earlier({ uri: `${app}.git#refs/heads/main`, digest: { sha1: commit } }),
    version: '0.2',
    found: `"${app}.git#refs/heads/main"`,
  },
  {
    name: 'commit of a workflow',
    gate: commitGate(commit, undefined),
    predicate: github([library, main]),
    found: `${commit} of "git+${app}@refs/heads/main"`,
  },
  {
    name: 'commit of the repository asked for',
    gate: commitGate(commit, app),
    predicate: github([main]),
    found: `${commit} of "git+${app}@refs/heads/main"`,
  },
  {
    name: 'commit in capitals, provenance 0.2',
    gate: commitGate(commit, app),
    predicate: earlier({ uri: `${app}.git`, digest: { sha1: commit.toUpperCase() } }),
    version: '0.2',
    found: `${commit} of "${app}.git"`,
  },
] satisfies (Case & { found: string })[])
  test(`passes: ${name}`, async () => assert.equal(await answerOf(given.gate, attested(given)), found))

for (const { name, code, message, ...given } of [
  {
    name: 'another builder',
    gate: builderGate('https://github.com/actions/runner/self-hosted'),
    predicate: github([main]),
    code: 'BUILDER_MISMATCH',
    message: /^it was built by "https:\/\/github\.com\/actions\/runner\/github-hosted"$/,
  },
  {
    name: 'a builder whose name begins as the one asked for',
    gate: builderGate('https://github.com/actions/runner'),
    predicate: github([main]),
    code: 'BUILDER_MISMATCH',
    message: /^it was built by /,
  },
  {
    name: 'no builder',
    gate: builderGate(builder),
    predicate: { ...earlier({}), builder: { id: '' } },
    version: '0.2',
    code: 'BUILDER_MISMATCH',
    message: /^the provenance names no builder$/,
  },
  {
    name: 'another repository',
    gate: sourceGate(app),
    predicate: github([], 'https://github.com/mallory/app'),
    code: 'SOURCE_MISMATCH',
    message: /^it was built from "git\+https:\/\/github\.com\/mallory\/app@refs\/heads\/main"$/,
  },
  {
    name: 'a repository that was only used is not what was built',
    gate: sourceGate(app),
    predicate: github([main], 'https://github.com/mallory/app'),
    code: 'SOURCE_MISMATCH',
    message: /^it was built from "git\+https:\/\/github\.com\/mallory\/app@refs\/heads\/main"$/,
  },
  {
    name: 'a material is not what was built',
    gate: sourceGate(app),
    predicate: earlier({ uri: 'https://github.com/mallory/app' }, [{ uri: app, digest: { sha1: commit } }]),
    version: '0.2',
    code: 'SOURCE_MISMATCH',
    message: /^it was built from "https:\/\/github\.com\/mallory\/app"$/,
  },
  {
    name: 'a build type that does not tell what was built',
    gate: sourceGate(app),
    predicate: github([main], app, 'https://example.com/any-build'),
    code: 'SOURCE_MISMATCH',
    message: /^the provenance does not say what was built, only what was used$/,
  },
  {
    name: 'nor can its commit be told',
    gate: commitGate(commit, undefined),
    predicate: github([main], app, 'https://example.com/any-build'),
    code: 'SOURCE_MISMATCH',
    message: /^the provenance does not say what was built/,
  },
  {
    name: 'another ref',
    gate: sourceGate(`${app}@refs/tags/v1`),
    predicate: github([main]),
    code: 'SOURCE_MISMATCH',
    message: /^it was built from "git\+https:\/\/github\.com\/org\/app@refs\/heads\/main"$/,
  },
  {
    name: 'another commit',
    gate: commitGate(other, app),
    predicate: github([main, library]),
    code: 'COMMIT_MISMATCH',
    message: new RegExp(`^it was built from "${commit}"$`),
  },
  {
    name: 'no commit',
    gate: commitGate(commit, app),
    predicate: github([library]),
    code: 'COMMIT_MISMATCH',
    message: /^the provenance names no commit of "git\+https:\/\/github\.com\/org\/app@refs\/heads\/main"$/,
  },
  {
    name: 'the commit, of another repository',
    gate: commitGate(commit, 'https://github.com/org/library'),
    predicate: github([main, library]),
    code: 'SOURCE_MISMATCH',
    message: /^it was built from "git\+https:\/\/github\.com\/org\/app@/,
  },
  {
    name: 'what is no provenance',
    gate: builderGate(builder),
    predicate: {},
    code: 'PREDICATE_MALFORMED',
    message: /buildDefinition: want an object, got nothing/,
  },
] satisfies (Case & { code: string; message: RegExp })[])
  test(`refuses: ${name}`, async () => assert.rejects(answerOf(given.gate, attested(given)), { code, message }))

for (const gate of [builderGate(builder), sourceGate(app), commitGate(commit, app)])
  for (const type of ['https://cyclonedx.org/bom', 'https://example.com/provenance'])
    test(`step ${gate.step} does not read ${type}`, async () => {
      const predicate = { bomFormat: 'CycloneDX', specVersion: '1.6' }
      const message = new RegExp(`^the statement is of type "${type}", which is not SLSA provenance$`)
      await assert.rejects(answerOf(gate, attestedOf(type, predicate)), { code: 'PREDICATE_TYPE_MISMATCH', message })
    })
