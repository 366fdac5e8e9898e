import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { signPredicateType, statementPayloadType } from '../../formats/statement.ts'
import { isSorted, statementsOf } from './attested-statement.ts'
import { readGivenStatement } from './given-statement.ts'
import { shapePredicate } from './predicate-shape.ts'

const now = new Date('2026-01-02T03:04:05.678Z')
const hex = '98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4'
const subject = { name: 'blob.txt', sha256: hex }
const about = `"subject":[{"name":"blob.txt","digest":{"sha256":"${hex}"}}]`
const statement = (uri: string, predicate: string) =>
  `{"_type":"https://in-toto.io/Statement/v0.1",${about},"predicateType":"${uri}","predicate":${predicate}}`

const [slsa02, slsa1, vuln, link] = [
  'https://slsa.dev/provenance/v0.2',
  'https://slsa.dev/provenance/v1',
  'https://cosign.sigstore.dev/attestation/vuln/v1',
  'https://in-toto.io/Link/v1',
]
const anything = '{"z":1.0,"a":{"big":12345678901234567890,"<b>":"\\u2028\\u00e9"},"n":null,"e":[],"o":{}}'
const sorted = '{"a":{"<b>":"\u2028é","big":12345678901234567000},"e":[],"n":null,"o":{},"z":1}'
const wholeLink =
  '{"_type":"link","name":"build","command":["make","<x>"],"materials":{"z":{"sha256":"aa"},"a":{"sha256":"bb"}},"products":{},"byproducts":{"return-value":0},"environment":null'

// What cosign 3.1.1 `attest-blob --bundle` made of the same predicates, to the byte; test/peers/attest.test.ts asks it again.
for (const { type, text, wanted, leftOut = [] } of [
  { type: 'cyclonedx', text: anything, wanted: statement('https://cyclonedx.org/bom', sorted) },
  { type: 'spdxjson', text: anything, wanted: statement('https://spdx.dev/Document', sorted) },
  { type: 'openvex', text: anything, wanted: statement('https://openvex.dev/ns', sorted) },
  { type: 'https://example.com/t', text: anything, wanted: statement('https://example.com/t', sorted) },
  {
    type: 'custom',
    text: 'hello <b> & \n text é',
    wanted: statement('https://cosign.sigstore.dev/attestation/v1', '{"Data":"hello <b> & \\n text é","Timestamp":"2026-01-02T03:04:05Z"}'),
  },
  {
    type: 'spdx',
    text: 'SPDXVersion: SPDX-2.3\nDataLicense: <CC0>\n',
    wanted: `{"_type":"https://in-toto.io/Statement/v0.1","predicate":"SPDXVersion: SPDX-2.3\\nDataLicense: \\u003cCC0\\u003e\\n","predicateType":"https://spdx.dev/Document",${about}}`,
  },
  {
    type: 'slsaprovenance',
    text: '{"buildType":"https://x/y","builder":{"id":"https://b/1","extra":1},"unknown":{"z":1},"invocation":{"configSource":{"uri":"git+https://g/r","digest":{"sha1":"abc"},"entryPoint":""},"parameters":{"z":1,"a":[2.50]},"environment":null},"buildConfig":{"steps":[]},"metadata":{"buildStartedOn":"2024-01-02T03:04:05.120+02:00","completeness":{"parameters":true,"materials":false},"reproducible":false},"materials":[{"uri":"","digest":{}}]}',
    wanted: statement(
      slsa02,
      '{"buildConfig":{"steps":[]},"buildType":"https://x/y","builder":{"id":"https://b/1"},"invocation":{"configSource":{"digest":{"sha1":"abc"},"uri":"git+https://g/r"},"parameters":{"a":[2.5],"z":1}},"materials":[{}],"metadata":{"buildStartedOn":"2024-01-02T01:04:05.120Z","completeness":{"parameters":true}}}',
    ),
    leftOut: ['predicate.builder.extra', 'predicate.unknown'],
  },
  {
    type: 'slsaprovenance02',
    text: '{"metadata":{"buildInvocationId":"7","buildFinishedOn":null,"reproducible":true},"materials":[],"builder":{},"buildType":"x","invocation":{"environment":{}}}',
    wanted: statement(
      slsa02,
      '{"buildType":"x","builder":{},"invocation":{"environment":{}},"metadata":{"buildInvocationId":"7","reproducible":true}}',
    ),
  },
  {
    type: 'slsaprovenance1',
    text: '{"runDetails":{"builder":{"id":"https://b/1","version":{"z":"1","a":"2"},"builderDependencies":[{"uri":"x","digest":{"sha256":"aa"},"content":"_-8","annotations":{"z":1,"a":2}}]},"metadata":{"invocationID":"9","startedOn":"2024-01-02T03:04:05Z"},"byproducts":[{"name":"log"}]},"buildDefinition":{"buildType":"https://x/y","externalParameters":{"b":1,"a":"<&>"},"internalParameters":{"k":null},"resolvedDependencies":[{"digest":{"gitCommit":"abc"}}],"more":1}}',
    wanted: statement(
      slsa1,
      '{"buildDefinition":{"buildType":"https://x/y","externalParameters":{"a":"<&>","b":1},"internalParameters":{"k":null},"resolvedDependencies":[{"digest":{"gitCommit":"abc"}}]},"runDetails":{"builder":{"builderDependencies":[{"annotations":{"a":2,"z":1},"content":"/+8=","digest":{"sha256":"aa"},"uri":"x"}],"id":"https://b/1","version":{"a":"2","z":"1"}},"byproducts":[{"name":"log"}],"metadata":{"invocationId":"9","startedOn":"2024-01-02T03:04:05Z"}}}',
    ),
    leftOut: ['predicate.buildDefinition.more'],
  },
  {
    type: 'link',
    text: `${wholeLink},"extra":1}`,
    wanted: statement(
      link,
      '{"_type":"link","byproducts":{"return-value":0},"command":["make","<x>"],"environment":null,"materials":{"a":{"sha256":"bb"},"z":{"sha256":"aa"}},"name":"build","products":{}}',
    ),
    leftOut: ['predicate.extra'],
  },
  {
    type: 'vuln',
    text: '{}',
    wanted: statement(
      vuln,
      '{"invocation":{"builder.id":"","event_id":"","parameters":null,"uri":""},"metadata":{"scanFinishedOn":"0001-01-01T00:00:00Z","scanStartedOn":"0001-01-01T00:00:00Z"},"scanner":{"db":{"uri":"","version":""},"result":null,"uri":"","version":""}}',
    ),
  },
  {
    type: 'vuln',
    text: '{"invocation":{"parameters":["a"],"event_id":"1","x":1},"scanner":{"db":{"uri":"u","lastUpdate":"t"},"result":{"z":1,"a":[]}},"metadata":{"scanStartedOn":"2024-01-02T03:04:05.120000+02:00","scanFinishedOn":"2024-01-02T03:04:06+00:00"}}',
    wanted: statement(
      vuln,
      '{"invocation":{"builder.id":"","event_id":"1","parameters":["a"],"uri":""},"metadata":{"scanFinishedOn":"2024-01-02T03:04:06Z","scanStartedOn":"2024-01-02T03:04:05.12+02:00"},"scanner":{"db":{"uri":"u","version":""},"result":{"a":[],"z":1},"uri":"","version":""}}',
    ),
    leftOut: ['predicate.invocation.x', 'predicate.scanner.db.lastUpdate'],
  },
])
  test(`the statement of ${type}: ${JSON.stringify(text.slice(0, 40))}`, () => {
    const shaped = shapePredicate(type, encodeUtf8(text), now)
    assert.equal(new TextDecoder().decode(statementsOf(shaped)(subject)), wanted)
    assert.deepEqual(shaped.leftOut, leftOut)
  })

test('text that is JSON, and the URI of custom, are text for it all the same', () => {
  for (const type of ['custom', 'https://cosign.sigstore.dev/attestation/v1'])
    assert.deepEqual(shapePredicate(type, encodeUtf8('{"a":1}'), now).predicate, { Data: '{"a":1}', Timestamp: '2026-01-02T03:04:05Z' })
  assert.equal(shapePredicate('spdx', encodeUtf8('{"a":1}'), now).predicate, '{"a":1}')
  const { predicate } = shapePredicate('https://spdx.dev/Document', encodeUtf8('{ "a":1 }'), now)
  assert.ok(isSorted(predicate))
  assert.equal(new TextDecoder().decode(predicate.sorted), '{"a":1}')
})

test('the first statement lies around its predicate, others are copies, and before each is what a signature covers before it', () => {
  const shaped = shapePredicate('cyclonedx', encodeUtf8('{"b":1,"a":2}'), now)
  assert.ok(isSorted(shaped.predicate))
  const about = statementsOf(shaped)
  const subjects = ['a', 'b'.repeat(2000), 'c'.repeat(5000)].map(name => ({ name, sha256: hex }))
  const statements = subjects.map(about)
  assert.equal(statements[0]!.buffer, shaped.predicate.sorted.buffer)
  assert.equal(new Set(statements.map(({ buffer }) => buffer)).size, 3)
  for (const [index, bytes] of statements.entries()) {
    assert.deepEqual(bytes, statementsOf({ ...shaped, predicate: { a: 2, b: 1 } })(subjects[index]!))
    const covered = preAuthEncoding(statementPayloadType, bytes)
    assert.equal(covered.buffer, bytes.buffer)
    assert.deepEqual(covered, preAuthEncoding(statementPayloadType, Uint8Array.from(bytes)))
  }
  const longName = { name: 'd'.repeat(5000), sha256: hex } // more than there is room for
  assert.deepEqual(statementsOf(shapePredicate('cyclonedx', encodeUtf8('{"b":1,"a":2}'), now))(longName), about(longName))
})

test('nothing of a predicate is lost for want of a name', () => {
  const spelled = '{"buildType":"x","builder":{},"metadata":{"buildInvocationID":"7"}}' // Go's types write so, and cosign 3.1.1 drops it
  assert.deepEqual(shapePredicate('slsaprovenance', encodeUtf8(spelled), now).predicate, {
    buildType: 'x',
    builder: {},
    metadata: { buildInvocationId: '7' },
  })
})

const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const provenance = (more: string) => `{"buildType":"x","builder":{},${more}}`

for (const { type, name, text, code = 'PREDICATE_MALFORMED', message } of [
  {
    type: 'openvex',
    name: 'no JSON',
    text: 'SPDX',
    message: /^invalid JSON payload for predicate type "https:\/\/openvex\.dev\/ns": predicate: not JSON/,
  },
  {
    type: 'https://e.com/t',
    name: 'more than one document',
    text: '{}{}',
    message: /^invalid JSON payload for predicate type "https:\/\/e\.com\/t": predicate: not JSON/,
  },
  { type: 'cyclonedx', name: 'nothing', text: '', message: /predicate: not JSON/ },
  { type: 'cyclonedx', name: 'a list', text: '[1]', message: /predicate: want an object, got a list$/ },
  { type: 'cyclonedx', name: 'text', text: '"x"', message: /predicate: want an object, got text$/ },
  { type: 'cyclonedx', name: 'null, of which cosign makes an empty SBOM', text: 'null', message: /predicate: want an object, got null$/ },
  {
    type: 'cyclonedx',
    name: 'a member twice, of which cosign takes the second',
    text: '{"a":1,"b":{"c":1,"c":2}}',
    message: /member "c" appears twice/,
  },
  { type: 'spdxjson', name: 'half a surrogate pair', text: '{"a":"\\ud800"}', message: /half a surrogate pair/ },
  { type: 'spdxjson', name: 'too deep', text: deep(127), code: 'LIMIT_EXCEEDED', message: /at most 126 levels deep/ },
  { type: 'slsaprovenance', name: 'without a builder', text: '{"buildType":"x"}', message: /predicate: required field builder missing$/ },
  {
    type: 'slsaprovenance1',
    name: 'without run details',
    text: '{"buildDefinition":{}}',
    message: /predicate: required field runDetails missing$/,
  },
  {
    type: 'slsaprovenance',
    name: 'another type',
    text: '{"builder":{},"buildType":5}',
    message: /predicate\.buildType: want a string, got "5"/,
  },
  {
    type: 'slsaprovenance',
    name: 'parameters that are text',
    text: provenance('"invocation":{"parameters":"s"}'),
    message: /predicate\.invocation\.parameters: want an object/,
  },
  {
    type: 'slsaprovenance',
    name: 'a time that is none',
    text: provenance('"metadata":{"buildStartedOn":"yesterday"}'),
    message: /predicate\.metadata\.buildStartedOn: want an RFC 3339 time, got "yesterday"/,
  },
  {
    type: 'slsaprovenance',
    name: 'a time that no calendar has',
    text: provenance('"metadata":{"buildStartedOn":"2024-02-30T00:00:00Z"}'),
    message: /want an RFC 3339 time, got "2024-02-30T00:00:00Z"/,
  },
  {
    type: 'slsaprovenance',
    name: 'a time before the year 1',
    text: provenance('"metadata":{"buildStartedOn":"0001-01-01T00:00:00+01:00"}'),
    message: /want an RFC 3339 time, got "0001-01-01T00:00:00\+01:00"/,
  },
  {
    type: 'slsaprovenance',
    name: 'a truth that is none',
    text: provenance('"metadata":{"reproducible":"true"}'),
    message: /predicate\.metadata\.reproducible: want true or false, got "\\"true\\""/,
  },
  {
    type: 'slsaprovenance',
    name: 'a digest that is no text',
    text: provenance('"materials":[{"digest":{"sha1":1}}]'),
    message: /predicate\.materials\[0\]\.digest\["sha1"\]: want a string/,
  },
  {
    type: 'slsaprovenance1',
    name: 'an id in two spellings',
    text: '{"buildDefinition":{},"runDetails":{"metadata":{"invocationID":"7","invocationId":"8"}}}',
    message: /predicate\.runDetails\.metadata: invocationId is there twice, also as "invocationId"/,
  },
  {
    type: 'slsaprovenance1',
    name: 'content that is no base64',
    text: '{"buildDefinition":{},"runDetails":{"byproducts":[{"content":"a"}]}}',
    message: /predicate\.runDetails\.byproducts\[0\]\.content/,
  },
  { type: 'link', name: 'without a type', text: '{"name":"build"}', message: /predicate: required field _type missing$/ },
  {
    type: 'link',
    name: 'a name that is a number',
    text: `${wholeLink.replace('"build"', '5')}}`,
    message: /predicate\.name: want a string, got "5"/,
  },
  {
    type: 'link',
    name: 'a digest that is a number',
    text: `${wholeLink.replace('"bb"', '5')}}`,
    message: /predicate\.materials\["a"\]\["sha256"\]: want a string/,
  },
  {
    type: 'link',
    name: 'a command that is text',
    text: `${wholeLink.replace('["make","<x>"]', '"make"')}}`,
    message: /predicate\.command: want an array/,
  },
  {
    type: 'vuln',
    name: 'a time that is none',
    text: '{"metadata":{"scanFinishedOn":"2024-01-02t03:04:05z"}}',
    message: /predicate\.metadata\.scanFinishedOn: want an RFC 3339 time/,
  },
  {
    type: 'vuln',
    name: 'a scanner that is text',
    text: '{"scanner":"trivy"}',
    message: /predicate\.scanner: want an object, got "\\"trivy\\""/,
  },
  {
    type: 'cvss',
    name: 'no type',
    text: '{}',
    code: 'USAGE',
    message: /^invalid predicate type: "cvss": want one of custom, cyclonedx, link/,
  },
] as const)
  test(`a predicate of ${type} is refused: ${name}`, () =>
    assert.throws(() => shapePredicate(type, encodeUtf8(text), now), { name: 'CountersignError', code, message }))

for (const type of ['custom', 'spdx', 'cyclonedx'])
  test(`a predicate of ${type} is refused: no UTF-8`, () =>
    assert.throws(() => shapePredicate(type, Uint8Array.of(0x22, 0xff, 0x22), now), { code: 'PREDICATE_MALFORMED', message: /UTF-8/ }))

test('a statement that would be a signature is made of no predicate, and taken from nobody', () => {
  const refusal = {
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /is the type of signatures, and no attestation: want sign or sign-blob$/,
  } as const
  assert.throws(() => shapePredicate(signPredicateType, encodeUtf8('{}'), now), refusal)
  const subject = [{ digest: { sha256: '00'.repeat(32) } }]
  const given = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType: signPredicateType, predicate: {} }
  assert.throws(() => readGivenStatement(encodeUtf8(JSON.stringify(given)), undefined), refusal)
})

test('a gigantic predicate is refused by its size alone', () => {
  const huge = new Uint8Array((95 << 20) + 1)
  for (const type of ['custom', 'cyclonedx'])
    assert.throws(() => shapePredicate(type, huge, now), { code: 'LIMIT_EXCEEDED', message: /want at most 99614720 bytes, got 99614721/ })
})

for (const member of ['materials', 'products'])
  test(`a predicate of link is refused: more than 100,000 ${member}`, () => {
    const artifacts = Object.fromEntries(Array.from({ length: 100_001 }, (_, at) => [at, {}]))
    const text = JSON.stringify({ ...JSON.parse(`${wholeLink}}`), [member]: artifacts })
    assert.throws(() => shapePredicate('link', encodeUtf8(text), now), {
      code: 'LIMIT_EXCEEDED',
      message: /predicate\.\w+: want at most 100000 artifacts, got 100001$/,
    })
  })
