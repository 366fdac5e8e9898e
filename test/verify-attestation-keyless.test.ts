import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import type { ErrorCode } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { preAuthEncoding } from '../src/formats/dsse.ts'
import { logBundleJson, logBundleOfEntry } from '../src/formats/log/log-bundle.ts'
import { materialAnnotations } from '../src/formats/signature-material.ts'
import { statementPayloadType } from '../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../src/sign/bundle.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { signingTime } from '../src/testing/sigstore/certificate-authority.ts'
import { createTestSigstore, type SigningOptions } from '../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../src/testing/test-keys.ts'
import { attestedImage, envelopeOf, type Layout, setAttestations, signEnvelope, statementAbout } from './attestations/scene.ts'
import { type AnnotationEdit, setScene, who, workflowLeaf } from './keyless/scene.ts'

// Attestations by certificates, logs and timestamps: formats-and-flows §5.2 and §5.3, §11 40-48 as they concern attestations.

const rig = createRig()
const { cs } = rig
const sigstore = await createTestSigstore()
setScene(rig, sigstore)
const scene = setAttestations(rig)
const { digest } = attestedImage
const statement = statementAbout(digest)
const strict = `verify-attestation --type cyclonedx ${who} --trusted-root trusted_root.json --offline`
const byKey = 'verify-attestation --type cyclonedx --key team.pub --trusted-root trusted_root.json --offline'
const withWorkflow = (options: SigningOptions = {}): SigningOptions => ({ ...options, leaf: { ...workflowLeaf, ...options.leaf } })
const attested = (layout: Layout, options?: SigningOptions, edit?: AnnotationEdit) =>
  scene.witnessed(layout, sigstore, statement, withWorkflow(options), edit)

const logged = /Existence of the claims in the transparency log was verified offline/
const certified = /The code-signing certificate was verified using trusted certificate authority certificates/

type Case = {
  readonly name: string
  readonly options?: SigningOptions
  readonly layout?: Layout // both unless told
  readonly flags?: string
  readonly code?: ErrorCode
  readonly message?: RegExp
}

const cases: readonly Case[] = [
  { name: 'scenario 40, a log entry is there' },
  { name: 'scenario 40, no log entry', options: { logs: [] }, code: 'TLOG_ENTRY_MISSING', message: /the signature brings no log entry$/ },
  { name: 'an entry of kind intoto 0.0.2', options: { logKind: 'intoto 0.0.2' } },
  { name: 'an entry of kind hashedrekord', options: { logKind: 'hashedrekord' } },
  {
    name: 'an entry of kind intoto 0.0.1, which names no signature, of an envelope whose JSON is not kept',
    options: { logKind: 'intoto 0.0.1' },
    layout: 'bundle',
    code: 'TLOG_ENTRY_MISMATCH',
    message: /it names no signature, and the JSON of the envelope that it is the digest of is not known$/,
  },
  {
    name: 'scenario 41, the log bundle of another attestation',
    options: { logFlaw: 'body of another entry' },
    code: 'TLOG_ENTRY_MISMATCH',
    message: /signature/,
  },
  { name: 'scenario 45, a log of Rekor v2 with a timestamp', options: { logs: ['v2'] }, layout: 'bundle' },
  {
    name: 'scenario 46, a log of Rekor v2 without a timestamp',
    options: { logs: ['v2'], stamped: false },
    layout: 'bundle',
    code: 'TIME_UNPROVEN',
    message: /nobody trusted says when the signature was made/,
  },
  { name: 'scenario 55, a timestamp', options: { logs: [], stamped: true }, flags: '--insecure-ignore-tlog --use-signed-timestamps' },
  {
    name: 'scenario 55, a timestamp of something else',
    options: { stamped: true, timestampFlaw: 'imprint of other bytes' },
    code: 'TIMESTAMP_INVALID',
    message: /imprint/,
  },
  {
    name: 'another workflow',
    options: { leaf: { names: [{ kind: 'uri', value: 'https://github.com/evil/app' }] } },
    code: 'IDENTITY_MISMATCH',
    message: /want identity .* got "https:\/\/github\.com\/evil\/app"/,
  },
  { name: 'without a certificate timestamp', options: { leaf: { ctLogs: [] } }, code: 'SCT_INVALID', message: /0 SCT entries/ },
  {
    name: 'a promise by another key',
    options: { logFlaw: 'promise by another key' },
    code: 'TLOG_PROMISE_INVALID',
    message: /promise|signed entry timestamp/i,
  },
]

for (const { name, options, layout: only, flags = '', code, message } of cases)
  for (const layout of only ? [only] : (['bundle', 'legacy'] as const))
    test(`${name}: ${layout}`, async () => {
      const line = `${strict} ${flags} ${await attested(layout, options)}`
      if (code && message) return assertRefused(await cs(`${line} -o json`), { exit: 1, code, message })
      const { stderr, stdout } = await good(cs(line))
      assert.match(stderr, certified)
      ;(flags.includes('ignore-tlog') ? assert.doesNotMatch : assert.match)(stderr, logged)
      assert.equal(JSON.parse(atob(JSON.parse(stdout).payload)).predicateType, 'https://cyclonedx.org/bom')
    })

test('by a key, and the log has it', async () => {
  for (const layout of ['bundle', 'legacy'] as const)
    assert.match((await good(cs(`${byKey} ${await attested(layout, { key: teamKey.signer() })}`))).stderr, logged)
})

test('an entry of kind intoto 0.0.1 is held to the JSON of the envelope, where that is kept', async () => {
  const { json, parts } = await signEnvelope(sigstore, statement, withWorkflow({ logs: [] }))
  const payload = preAuthEncoding(statementPayloadType, statement)
  const envelope = { payloadType: statementPayloadType, payload: statement, signature: parts.signature }
  const content = { kind: 'envelope', envelope, preAuthEncoding: payload, encoded: json } as const
  const signer = { kind: 'certificate', certificate: parts.certificate!.certificate } as const
  const entry = await sigstore.logs.v1.add({ signature: parts.signature, signer, content, kind: 'intoto 0.0.1' })
  const put = async (layer: Uint8Array) => {
    const name = await attested('legacy', { logs: [], certificate: parts.certificate! }, annotations => ({
      ...Object.fromEntries(annotations),
      [materialAnnotations.logBundle]: JSON.stringify(logBundleJson(logBundleOfEntry(entry))),
    }))
    await replaceLayer(name, layer)
    return name
  }
  await good(cs(`${strict} ${await put(json)}`))
  const spaced = encodeUtf8(` ${new TextDecoder().decode(json)}`) // the same envelope, by other bytes
  assertRefused(await cs(`${strict} -o json ${await put(spaced)}`), {
    exit: 1,
    code: 'TLOG_ENTRY_MISMATCH',
    message: /envelope/,
  })
})

test('a timestamp of a layer may be of the whole envelope, as cosign 2 has it, or of the signature, as cosign 3', async () => {
  const { json, parts } = await signEnvelope(sigstore, statement, withWorkflow({ logs: [] }))
  const stampOf = async (bytes: Uint8Array) => {
    const der = await sigstore.timestampAuthority.stamp(bytes, { time: signingTime })
    const name = await attested('legacy', { logs: [], certificate: parts.certificate! }, annotations => ({
      ...Object.fromEntries(annotations),
      [materialAnnotations.timestamp]: JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(der) }),
    }))
    await replaceLayer(name, json)
    return `${strict} --insecure-ignore-tlog --use-signed-timestamps ${name}`
  }
  await good(cs(await stampOf(json)))
  await good(cs(await stampOf(parts.signature)))
  for (const other of [statement, json.subarray(1)])
    assertRefused(await cs(`${await stampOf(other)} -o json`), {
      exit: 1,
      code: 'TIMESTAMP_INVALID',
      message: /is not its message imprint/,
    })
})

test('one envelope with the certificate, the log entry and the timestamp of another is refused', async () => {
  const [ours, theirs] = [
    await signEnvelope(sigstore, statement, withWorkflow({ stamped: true })),
    await signEnvelope(sigstore, statementAbout(digest, { predicate: {} }), withWorkflow({ stamped: true })),
  ]
  const own = { certificate: ours.parts.certificate!, stamped: true }
  const line = async (swapped: Readonly<Record<string, string>>, json = ours.json) => {
    const name = await attested('legacy', own, annotations => ({
      ...Object.fromEntries(annotations),
      [materialAnnotations.logBundle]: JSON.stringify(logBundleJson(logBundleOfEntry(ours.parts.logEntries[0]!))),
      [materialAnnotations.timestamp]: JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(ours.parts.timestamps[0]!) }),
      ...swapped,
    }))
    await replaceLayer(name, json)
    return `${strict} -o json ${name}`
  }
  const refused = async (running: Promise<string>, code: ErrorCode, message: RegExp) =>
    assertRefused(await cs(await running), { exit: 1, code, message })
  await good(cs(await line({})))
  const entry = JSON.stringify(logBundleJson(logBundleOfEntry(theirs.parts.logEntries[0]!)))
  await refused(line({ [materialAnnotations.logBundle]: entry }), 'TLOG_ENTRY_MISMATCH', /signature is another one/)
  await refused(line({ [materialAnnotations.certificate]: theirs.parts.certificate!.pem }), 'SIGNATURE_INVALID', /./)
  const stamp = JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(theirs.parts.timestamps[0]!) })
  await refused(line({ [materialAnnotations.timestamp]: stamp }), 'TIMESTAMP_INVALID', /imprint/)
  const mixed = encodeUtf8(JSON.stringify(envelopeOf(statement, theirs.parts.signature)))
  await refused(line({}, mixed), 'SIGNATURE_INVALID', /./)
})

test('a certificate beside a signature by a key, and the other way round', async () => {
  const name = await scene.image('bundle', [{ statement, by: teamKey.signer() }])
  const expected = { exit: 1, code: 'MATERIAL_UNSUPPORTED', message: /expected certificate, not key signature$/ } as const
  assertRefused(await cs(`${strict} -o json ${name}`), expected)
  const key = { exit: 1, code: 'MATERIAL_UNSUPPORTED', message: /expected key signature, not certificate$/ } as const
  assertRefused(await cs(`${byKey} -o json ${await attested('bundle')}`), key)
})

test('no bit of a bundle can be turned and the attestation pass as another one', async () => {
  const by = teamKey.signer()
  const bundle = encodeEnvelopeBundle(by, statement, await by.sign(preAuthEncoding(statementPayloadType, statement)))
  const text = new TextDecoder().decode(bundle)
  const [payload] = text.match(/(?<="payload":")[^"]+/)!
  const hand = createHand(rig.registry)
  const name = await scene.image('bundle', [])
  for (const at of [0, 7, 40, 90, payload!.length - 3]) {
    const mutant = `${payload!.slice(0, at)}${payload![at] === 'A' ? 'B' : 'A'}${payload!.slice(at + 1)}`
    await hand.attachBundle(name.slice(`${rigHost}/`.length).split('@')[0]!, attestedImage, encodeUtf8(text.replace(payload!, mutant)))
  }
  const outcome = await cs(`verify-attestation --type cyclonedx --key team.pub --insecure-ignore-tlog -o json ${name}`)
  assert.equal(outcome.code, 1)
  assert.equal(outcome.failure?.derivation instanceof Object, true)
})

/** Puts other bytes in the place of the one layer of an image's attestations; its annotations stay. */
async function replaceLayer(name: string, json: Uint8Array): Promise<void> {
  const hand = createHand(rig.registry)
  const repository = name.slice(`${rigHost}/`.length).split('@')[0]!
  const tag = `${digest.replace(':', '-')}.att`
  const manifest = await hand.manifest(repository, tag)
  const [layer] = manifest['layers'] as [object]
  const replaced = { ...layer, size: json.length, digest: await hand.putBlob(repository, json) }
  await hand.putManifest(repository, tag, { ...manifest, layers: [replaced] })
}
