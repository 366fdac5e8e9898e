import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256 } from '../src/crypto/digest.ts'
import { parseTimestampResponse } from '../src/formats/timestamp/timestamp-response.ts'
import { assertRefused, good, type Refusal, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { setSigningScene, tokenOf, who } from './keyless-sign/scene.ts'

// Attesting, as formats-and-flows §6 and §11 49-57 tell it: what is written, in both layouts, and what is never published. Flags on their
// own: flags.test.ts. That the real clients verify it: peers/attest.test.ts.

const image = buildImage()
const { cs, disk, hosts, push, registry, sigstore, intercept } = await setSigningScene()
const hand = createHand(registry)
let images = 0
const fresh = () => push(`app-${++images}`, image)
const repositoryOf = (name: string) => name.slice(`${rigHost}/`.length).replace(/[@:].*/, '')
const attTag = `${image.digest.replace(':', '-')}.att`
const older = '--new-bundle-format=false'
const keyed = '--key team.key --tlog-upload=false'
const keyless = '--yes --identity-token token --trusted-root root.json'
const trusting = '--key team.pub --insecure-ignore-tlog'
disk.set('sbom.json', '{"bomFormat":"CycloneDX","components":[]}')
const sbom = '--type cyclonedx --predicate sbom.json'

const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const statementOf = (name: string) =>
  `{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"${rigHost}/${repositoryOf(name)}","digest":{"sha256":"${image.digest.slice(7)}"}}],"predicateType":"https://cyclonedx.org/bom","predicate":{"bomFormat":"CycloneDX","components":[]}}`

type Layer = { readonly mediaType: string; readonly digest: string; readonly annotations: Readonly<Record<string, string>> }

async function layersOf(name: string): Promise<readonly Layer[]> {
  return (await hand.manifest(repositoryOf(name), attTag))['layers'] as Layer[]
}

async function bundlesOf(name: string) {
  return Promise.all(
    (await hand.referrers(repositoryOf(name), image.digest)).map(async listed => {
      const manifest = await hand.manifest(repositoryOf(name), String(listed['digest']))
      const [{ digest }] = manifest['layers'] as [Layer]
      return { manifest, bundle: JSON.parse(utf8(await hand.blob(repositoryOf(name), digest))) }
    }),
  )
}

test('the layout of cosign 3, byte for byte', async () => {
  const name = await fresh()
  await good(cs(`attest ${keyed} ${sbom} ${name}`))
  const [{ manifest, bundle }] = (await bundlesOf(name)) as [Awaited<ReturnType<typeof bundlesOf>>[number]]
  assert.deepEqual(manifest['annotations'], {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': 'https://cyclonedx.org/bom',
    'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
  })
  assert.deepEqual(manifest['subject'], { mediaType: image.mediaType, size: image.manifest.length, digest: image.digest })
  assert.deepEqual(Object.keys(bundle.dsseEnvelope), ['payload', 'payloadType', 'signatures'])
  assert.equal(atob(bundle.dsseEnvelope.payload), statementOf(name))
  await good(cs(`verify-attestation ${trusting} --type cyclonedx ${name}`))
})

test('the layout of cosign 2, byte for byte', async () => {
  const name = await fresh()
  await good(cs(`attest ${keyed} ${older} ${sbom} ${name}`))
  const [layer, ...others] = await layersOf(name)
  assert.deepEqual(others, [])
  assert.equal(layer?.mediaType, 'application/vnd.dsse.envelope.v1+json')
  assert.deepEqual(Object.entries(layer?.annotations ?? {}), [
    ['dev.cosignproject.cosign/signature', ''],
    ['predicateType', 'https://cyclonedx.org/bom'],
  ])
  const envelope = utf8(await hand.blob(repositoryOf(name), layer!.digest))
  assert.match(
    envelope,
    /^\{"payloadType":"application\/vnd\.in-toto\+json","payload":"[\w+/=]+","signatures":\[\{"keyid":"","sig":"[\w+/=]+"\}\]\}$/,
  )
  assert.equal(atob(JSON.parse(envelope).payload), statementOf(name))
  await good(cs(`verify-attestation ${trusting} --type cyclonedx ${name}`))
})

for (const { name, config, flags, verifying = '' } of [
  { name: 'bundle, Rekor v1', config: 'v1.json', flags: '' },
  { name: 'bundle, Rekor v1, stamped', config: 'v1-stamped.json', flags: '', verifying: '--use-signed-timestamps' },
  { name: 'bundle, Rekor v2, stamped', config: 'v2.json', flags: '', verifying: '--use-signed-timestamps' },
  { name: 'legacy, Rekor v1', config: 'v1.json', flags: older },
  { name: 'legacy, Rekor v1, stamped', config: 'v1-stamped.json', flags: older, verifying: '--use-signed-timestamps' },
  { name: 'legacy, Rekor v1, intoto', config: 'v1.json', flags: `${older} --rekor-entry-type intoto` },
])
  test(`attested without a key, and verifies: ${name}`, async () => {
    const image = await fresh()
    await good(cs(`attest ${keyless} --signing-config ${config} ${flags} ${sbom} ${image}`))
    const { stdout } = await good(cs(`verify-attestation ${who} --type cyclonedx ${verifying} ${image}`))
    assert.equal(atob(JSON.parse(stdout).payload), statementOf(image))
    assertRefused(await cs(`verify-attestation ${who.replace('dev@', 'other@')} --type cyclonedx -o json ${image}`), {
      exit: 1,
      code: 'IDENTITY_MISMATCH',
      message: /dev@example\.com/,
    })
  })

test('in the layout of cosign 2 certificate, chain, log bundle and timestamp are annotations, and the timestamp is of the whole envelope', async () => {
  const name = await fresh()
  await good(cs(`attest ${keyless} --signing-config v1-stamped.json ${older} ${sbom} ${name}`))
  const [{ annotations, digest }] = (await layersOf(name)) as [Layer]
  assert.deepEqual(Object.keys(annotations), [
    'dev.cosignproject.cosign/signature',
    'dev.sigstore.cosign/bundle',
    'dev.sigstore.cosign/certificate',
    'dev.sigstore.cosign/chain',
    'dev.sigstore.cosign/rfc3161timestamp',
    'predicateType',
  ])
  const stamp = JSON.parse(annotations['dev.sigstore.cosign/rfc3161timestamp']!).SignedRFC3161Timestamp
  const der = Uint8Array.from(atob(stamp), character => character.charCodeAt(0))
  const envelope = await hand.blob(repositoryOf(name), digest)
  assert.deepEqual(parseTimestampResponse(der, 'timestamp').info.imprint.digest, sha256(envelope))
})

test('a statement is signed unchanged, line end and all', async () => {
  const name = await fresh()
  const digest = { sha256: image.digest.slice(7) }
  const subject = [
    { name: 'other', digest: { sha256: 'ab'.repeat(32) } },
    { name: 'it', digest },
  ]
  const given = `${JSON.stringify({ predicateType: 'https://example.com/t', _type: 'https://in-toto.io/Statement/v1', subject, predicate: { b: 1e2 } }, null, 2)}\n`
  disk.set('statement.json', given)
  await good(cs(`attest ${keyed} --statement statement.json ${name}`))
  await good(cs(`attest ${keyed} ${older} --statement - ${name}`, { stdin: given }))
  const [{ bundle }] = (await bundlesOf(name)) as [Awaited<ReturnType<typeof bundlesOf>>[number]]
  assert.equal(atob(bundle.dsseEnvelope.payload), given)
  const [layer] = await layersOf(name)
  assert.equal(layer?.annotations['predicateType'], 'https://example.com/t')
  assert.equal(atob(JSON.parse(utf8(await hand.blob(repositoryOf(name), layer!.digest))).payload), given)
})

test('without --replace both stay; with it those of the same type go, whoever made them, and the others stay', async () => {
  const name = await fresh()
  const attest = (key: string, type: string, flags = '') =>
    good(cs(`attest --key ${key}.key --tlog-upload=false ${older} --type ${type} --predicate sbom.json ${flags} ${name}`))
  for (const [key, type] of [
    ['team', 'cyclonedx'],
    ['team', 'openvex'],
    ['stranger', 'cyclonedx'],
  ] as const)
    await attest(key, type)
  const digests = (await layersOf(name)).map(({ digest }) => digest)
  assert.equal(digests.length, 3)
  const { stderr } = await attest('team', 'cyclonedx', '--replace')
  assert.deepEqual(stderr.match(/^(Not r|R)eplacing attestation predicate: .*$/gm), [
    'Replacing attestation predicate: https://cyclonedx.org/bom',
    'Not replacing attestation predicate: https://openvex.dev/ns',
    'Replacing attestation predicate: https://cyclonedx.org/bom',
  ])
  const left = (await layersOf(name)).map(({ digest }) => digest)
  assert.equal(left.length, 2)
  assert.ok(!digests.includes(left[0]!))
  assert.equal(left[1], digests[1])
})

test('--replace goes by what is signed, not by what its annotation says, and leaves alone what it cannot read', async () => {
  const name = await fresh()
  await good(cs(`attest ${keyed} ${older} ${sbom} ${name}`))
  const { layers, ...manifest } = (await hand.manifest(repositoryOf(name), attTag)) as { layers: readonly Layer[] }
  const junk = await hand.putBlob(repositoryOf(name), new TextEncoder().encode('junk'))
  const relabelled = layers.map(layer => ({ ...layer, annotations: { ...layer.annotations, predicateType: 'https://openvex.dev/ns' } }))
  await hand.putManifest(repositoryOf(name), attTag, {
    ...manifest,
    layers: [...relabelled, { ...layers[0]!, digest: junk, size: 4, annotations: { predicateType: 'https://cyclonedx.org/bom' } }],
  })
  await good(cs(`attest ${keyed} ${older} ${sbom} --replace ${name}`))
  const left = await layersOf(name)
  assert.equal(left.length, 2)
  assert.equal(left[1]?.digest, junk)
})

test('--replace on an image without attestations creates one', async () => {
  const name = await fresh()
  await good(cs(`attest ${keyed} ${older} ${sbom} --replace ${name}`))
  assert.equal((await layersOf(name)).length, 1)
})

test('COSIGN_REPOSITORY keeps attestations elsewhere, in both layouts', async () => {
  const name = await fresh()
  const environment = { COSIGN_REPOSITORY: `${rigHost}/attestations` }
  for (const flags of ['', older]) {
    await good(cs(`attest ${keyed} ${flags} ${sbom} ${name}`, { environment }))
    await good(cs(`verify-attestation ${trusting} ${flags} --type cyclonedx ${name}`, { environment }))
    assert.equal((await cs(`verify-attestation ${trusting} ${flags} --type cyclonedx ${name}`)).code, 1)
  }
})

test('an image in a folder is attested to there, without the name of a repository', async () => {
  await good(cs(`save --dir saved ${await fresh()}`))
  for (const flags of ['', older]) {
    await good(cs(`attest ${keyed} ${flags} ${sbom} oci:saved`))
    const { stdout } = await good(cs(`verify-attestation ${trusting} ${flags} --type cyclonedx oci:saved`))
    assert.deepEqual(JSON.parse(atob(JSON.parse(stdout.split('\n')[0]!).payload)).subject, [{ digest: { sha256: image.digest.slice(7) } }])
  }
})

test('an image that is named by its tag is attested to as it is now, with a warning', async () => {
  const name = await fresh()
  const { stderr } = await good(cs(`attest ${keyed} ${sbom} ${name.replace(/@.*/, ':v1')}`))
  assert.match(stderr, /uses a tag, not a digest, to identify the image to sign/)
  await good(cs(`verify-attestation ${trusting} --type cyclonedx ${name}`))
})

test('what a log answers that nobody could verify is not published, in either layout', async () => {
  for (const flags of ['', older]) {
    const name = await fresh()
    intercept(async request => {
      if (!request.url.endsWith('/api/v1/log/entries')) return undefined
      const answer = (await (await sigstore.handler(request)).json()) as Record<string, Record<string, unknown>>
      for (const entry of Object.values(answer)) entry['logID'] = 'ab'.repeat(32)
      return Response.json(answer, { status: 201 })
    })
    try {
      const refusal: Refusal = { exit: 1, code: 'TLOG_UNKNOWN', message: /does not verify, and was not published/ }
      assertRefused(await cs(`attest ${keyless} --signing-config v1.json ${flags} ${sbom} -o json ${name}`), refusal)
    } finally {
      intercept(undefined)
    }
    assert.deepEqual(await hand.tags(repositoryOf(name)), ['v1'])
    assert.deepEqual(await bundlesOf(name), [])
  }
})

const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`
const statement = (edit: object) =>
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'it', digest: { sha256: image.digest.slice(7) } }],
    predicateType: 'https://example.com/t',
    predicate: {},
    ...edit,
  })

for (const { name, flag = '--type openvex --predicate', text, code = 'PREDICATE_MALFORMED', message } of [
  { name: 'a predicate that is no object', text: '[1]', message: /predicate: want an object/ },
  { name: 'a predicate that is no JSON', text: 'hello', message: /predicate: not JSON/ },
  { name: 'a predicate that is no UTF-8', text: Uint8Array.of(0x22, 0xff, 0x22), message: /UTF-8/ },
  { name: 'a predicate with a member twice', text: '{"a":1,"a":2}', message: /member "a" appears twice/ },
  { name: 'a predicate that is too deep', text: deep, code: 'LIMIT_EXCEEDED', message: /at most 126 levels deep/ },
  { name: 'a gigantic predicate', text: new Uint8Array(100 << 20), code: 'LIMIT_EXCEEDED', message: /99614720 bytes/ },
  { name: 'a predicate that is not there', text: undefined, code: 'FILE_UNREADABLE', message: /"given\.json"/ },
  {
    name: 'a statement about another image',
    flag: '--statement',
    text: statement({ subject: [{ digest: { sha256: 'ab'.repeat(32) } }] }),
    code: 'ARTIFACT_MISMATCH',
    message: /the statement is about sha256:abab\w+, not sha256:/,
  },
  {
    name: 'a statement that names the image by a weaker digest alone',
    flag: '--statement',
    text: statement({ subject: [{ digest: { sha1: 'ab'.repeat(20) } }] }),
    code: 'ARTIFACT_MISMATCH',
    message: /the statement is about sha1:abab/,
  },
  {
    name: 'a statement of an unknown type',
    flag: '--statement',
    text: statement({ _type: 'https://in-toto.io/Statement/v2' }),
    code: 'STATEMENT_MALFORMED',
    message: /_type: want one of .*, got "https:\/\/in-toto\.io\/Statement\/v2"/,
  },
  {
    name: 'a statement about nothing',
    flag: '--statement',
    text: statement({ subject: [] }),
    code: 'STATEMENT_MALFORMED',
    message: /subject: want at least one/,
  },
  {
    name: 'a statement whose predicate is a list',
    flag: '--statement',
    text: statement({ predicate: [] }),
    code: 'STATEMENT_MALFORMED',
    message: /predicate: want an object/,
  },
] as const satisfies readonly {
  name: string
  text: string | Uint8Array | undefined
  flag?: string
  code?: Refusal['code']
  message: RegExp
}[])
  test(`nothing is signed of ${name}`, async () => {
    const target = await fresh()
    if (text === undefined) disk.delete('given.json')
    else disk.set('given.json', text)
    for (const flags of ['', older]) {
      const outcome = await cs(`attest ${keyed} ${flags} ${flag} given.json -o json ${target}`)
      assertRefused(outcome, { exit: 1, code, message })
      assert.ok(outcome.requests.every(request => request.startsWith('GET ') || request.startsWith('HEAD ')))
    }
    assert.deepEqual(await hand.tags(repositoryOf(target)), ['v1'])
  })

test('provenance that a job of GitHub makes of itself, signed by its token, passes the gates on builder, source and commit', async () => {
  const name = await fresh()
  const commit = 'ab'.repeat(20)
  const claims = {
    iss: 'https://token.actions.githubusercontent.com',
    repository: 'acme/app',
    workflow_ref: 'acme/app/.github/workflows/release.yml@refs/heads/main',
    job_workflow_ref: 'acme/app/.github/workflows/release.yml@refs/heads/main',
    sha: commit,
    ref: 'refs/heads/main',
    ...{
      run_id: '7',
      run_attempt: '1',
      event_name: 'push',
      repository_id: '1',
      repository_owner_id: '2',
      runner_environment: 'github-hosted',
    },
  }
  const environment = {
    GITHUB_ACTIONS: 'true',
    GITHUB_SERVER_URL: 'https://github.com',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret',
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://actions.test/token?v=1',
  }
  hosts.set('actions.test', async () => Response.json({ value: tokenOf(claims) }))
  const services = '--yes --trusted-root root.json --signing-config v1.json'
  await good(cs(`attest ${services} --type slsaprovenance1 --generate ${name}`, { environment }))
  const workflow = `https://github.com/${claims.workflow_ref}`
  const gates = (sha: string) => `--require-builder ${workflow} --require-source https://github.com/acme/app --require-commit ${sha}`
  const signer = `--certificate-identity ${workflow} --certificate-oidc-issuer ${claims.iss} --trusted-root root.json`
  const verifying = `verify-attestation ${signer} --type slsaprovenance1`
  await good(cs(`${verifying} ${gates(commit)} ${name}`))
  assert.equal((await cs(`${verifying} ${gates('cd'.repeat(20))} ${name}`)).code, 1)
  const by = async (flags: string) =>
    (await good(cs(`attest ${flags} --type slsaprovenance1 --generate ${await fresh()}`, { environment }))).stderr
  const unverified = /nobody verifies the identity token that this provenance is made of: --key signs it without one/
  const untold = /the identity token does not tell whether the job is of a reusable workflow/
  assert.doesNotMatch(await by(services), unverified)
  assert.match(await by(keyed), unverified)
  assert.doesNotMatch(await by(keyed), untold)
  const { job_workflow_ref: _, ...others } = claims
  hosts.set('actions.test', async () => Response.json({ value: tokenOf(others) }))
  assert.match(await by(keyed), untold)
  hosts.set('actions.test', async () => Response.json({ value: tokenOf({ ...claims, iss: 'https://issuer.test' }) }))
  assertRefused(await cs(`attest ${keyed} --type slsaprovenance1 --generate -o json ${await fresh()}`, { environment }), {
    exit: 1,
    code: 'TOKEN_INVALID',
    message: /^identity token: it is not by GitHub: .*, got "https:\/\/issuer\.test"$/,
  })
})

test('a large predicate: bundle, file and printed envelope, byte for byte what a short one would be', async () => {
  const components = Array.from({ length: 20_000 }, (_, at) => ({ version: `1.${at}`, name: `name-${at}`, 'bom-ref': at }))
  disk.set('large.json', JSON.stringify({ specVersion: '1.5', components }))
  const inOrder = components.map(({ version, name, 'bom-ref': ref }) => ({ 'bom-ref': ref, name, version }))
  const name = await fresh()
  const expected = `${statementOf(name).replace(/"predicate":.*/, '')}"predicate":${JSON.stringify({ components: inOrder, specVersion: '1.5' })}}`
  const large = `${keyed} --type cyclonedx --predicate large.json`
  await good(cs(`attest ${large} --bundle large.bundle ${name}`))
  await good(cs(`attest ${large} ${older} ${name}`))
  const { stdout } = await good(cs(`attest ${large} ${older} --no-upload ${name}`))
  const [{ digest }] = (
    await hand.manifest(repositoryOf(name), String((await hand.referrers(repositoryOf(name), image.digest))[0]!['digest']))
  )['layers'] as [Layer]
  const bundle = utf8(await hand.blob(repositoryOf(name), digest))
  const [layer] = await layersOf(name)
  assert.ok(utf8(disk.get('large.bundle') as Uint8Array) === bundle)
  for (const envelope of [
    JSON.parse(bundle).dsseEnvelope,
    JSON.parse(utf8(await hand.blob(repositoryOf(name), layer!.digest))),
    JSON.parse(stdout),
  ])
    assert.ok(atob(envelope.payload) === expected)
  await good(cs(`verify-attestation ${trusting} --type cyclonedx ${name}`))
})
