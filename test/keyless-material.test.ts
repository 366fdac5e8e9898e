import assert from 'node:assert/strict'
import { test } from 'node:test'
import { materialAnnotations } from '../src/formats/signature-material.ts'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { buildIndex } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { signingTime } from '../src/testing/sigstore/certificate-authority.ts'
import { createTestSigstore, pemOf, type SigningOptions } from '../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../src/testing/test-keys.ts'
import { anImage, rekorWith, setScene, who, workflowLeaf } from './keyless/scene.ts'

// What lies beside the signatures of images, wherever it comes from: the registry, a folder, files, the log.
const rig = createRig()
const { cs, disk } = rig
const sigstore = await createTestSigstore()
const scene = setScene(rig, sigstore)
const root = '--trusted-root trusted_root.json'
const strict = `${who} ${root}`
const key = teamKey.signer()
const byKey = `--key team.pub ${root}`
const layouts = [
  { layout: 'bundle', sign: (options?: SigningOptions) => scene.image(options), none: 1 },
  { layout: 'legacy', sign: (options?: SigningOptions) => scene.legacyImage(options), none: 12 },
] as const

test('scenario 34, image, legacy: a detached certificate timestamp', async () => {
  const certificate = await sigstore.authority.issueLeaf(workflowLeaf)
  disk.set('sct.json', await sigstore.ctLog.answer(certificate.certificate, signingTime))
  await good(cs(`verify ${strict} --sct sct.json ${await scene.legacyImage({ certificate })}`))
})

test('scenario 41: the log bundle of another image is refused', async () => {
  let other = ''
  await scene.legacyImage({}, annotations => {
    other = annotations.get(materialAnnotations.logBundle)!
    return Object.fromEntries(annotations)
  })
  const name = await scene.legacyImage({}, annotations => ({ ...Object.fromEntries(annotations), [materialAnnotations.logBundle]: other }))
  assertRefused(await cs(`verify ${strict} -o json ${name}`), { exit: 12, code: 'TLOG_ENTRY_MISMATCH', message: /signature/ })
})

test('a bundle, a certificate and a log entry of three different signatures', async () => {
  const certificate = await sigstore.authority.issueLeaf({ ctLogs: [sigstore.ctLog], ...workflowLeaf })
  const name = await scene.legacyImage({}, annotations => ({
    ...Object.fromEntries(annotations),
    [materialAnnotations.certificate]: certificate.pem,
  }))
  assertRefused(await cs(`verify ${strict} -o json ${name}`), { exit: 12, code: 'SIGNATURE_INVALID', message: /does not verify/ })
})

test('exit status 10: an image that nobody signed, whoever is asked for', async () => {
  for (const flags of [strict, byKey])
    assertRefused(await cs(`verify ${flags} -o json ${await scene.bareImage()}`), {
      exit: 10,
      code: 'SIGNATURES_NOT_FOUND',
      message: /^no signatures found$/,
    })
})

test('an identity is asked for and a key signed, and the other way round', async () => {
  for (const { layout, sign, none } of layouts) {
    const message = layout === 'bundle' ? /expected certificate, not key signature$/ : /no certificate found on signature$/
    assertRefused(await cs(`verify ${strict} -o json ${await sign({ key })}`), { exit: none, code: 'MATERIAL_UNSUPPORTED', message })
  }
  const refusal = { exit: 1, code: 'MATERIAL_UNSUPPORTED', message: /expected key signature, not certificate$/ } as const
  assertRefused(await cs(`verify ${byKey} -o json ${await scene.image()}`), refusal)
  assertRefused(await cs(`verify ${byKey} -o json ${await scene.legacyImage()}`), {
    exit: 12,
    code: 'SIGNATURE_INVALID',
    message: /does not verify/,
  })
})

test('scenario 63 and 64, keyless: what is saved verifies in its folder, without any network', async () => {
  for (const { layout, sign } of layouts) {
    await good(cs(`save --dir ${layout} ${await sign({ stamped: true })}`))
    const { requests } = await good(cs(`verify ${strict} --local-image ${layout}`))
    assert.deepEqual(requests, [])
    assert.equal((await cs(`verify ${strict.replace('org/app', 'org/other')} --local-image ${layout}`)).code, layout === 'bundle' ? 1 : 12)
  }
})

test('scenario 66: certificate, chain, timestamp and log entry that were attached are what it verifies by', async () => {
  const name = await scene.bareImage()
  const { payload, annotations, parts } = await sigstore.signPayload(anImage.digest, { leaf: workflowLeaf, stamped: true })
  disk.set('payload.json', payload)
  disk.set('signature', annotations.get('dev.cosignproject.cosign/signature')!)
  disk.set('leaf.pem', pemOf(parts.certificate!))
  disk.set('reply.tsr', parts.timestamps[0]!)
  disk.set('log.json', annotations.get(materialAnnotations.logBundle)!)
  const attach = 'attach signature --signature signature --payload payload.json --certificate leaf.pem --certificate-chain chain.pem'
  await good(cs(`${attach} --tsr reply.tsr --rekor-response log.json ${name}`))
  await good(cs(`verify ${strict} --use-signed-timestamps ${name}`))
  const other = await scene.bareImage()
  await good(cs(`${attach} ${other}`))
  assertRefused(await cs(`verify ${strict} --offline -o json ${other}`), {
    exit: 12,
    code: 'TLOG_ENTRY_MISSING',
    message: /brings no log entry$/,
  })
})

test('scenario 39: offline, with every service down and nothing kept, a bundle and a trusted root are enough', async () => {
  for (const { sign } of layouts) {
    const { requests } = await good(cs(`verify ${strict} --offline ${await sign()}`))
    assert.deepEqual(
      requests.filter(request => !request.includes('//registry.test/')),
      [],
    )
  }
})

test('scenario 22, keyless: a detached signature with its payload and certificate, and with what the log has of it', async () => {
  const { payload, annotations, parts } = await sigstore.signPayload(anImage.digest, { leaf: workflowLeaf })
  disk.set('detached.json', payload)
  disk.set('detached.sig', annotations.get('dev.cosignproject.cosign/signature')!)
  disk.set('detached.pem', pemOf(parts.certificate!))
  rig.hosts.set('rekor.test', rekorWith(sigstore, parts.logEntries))
  const name = await scene.bareImage()
  const line = `verify ${strict} --signature detached.sig --payload detached.json --rekor-url https://rekor.test`
  await good(cs(`${line} --certificate detached.pem ${name}`))
  assertRefused(await cs(`${line} -o json ${name}`), {
    exit: 12,
    code: 'MATERIAL_UNSUPPORTED',
    message: /no certificate found on signature$/,
  })
})

test('a certificate at a URL is fetched once for all images', async () => {
  const certificate = await sigstore.authority.issueLeaf({ ctLogs: [sigstore.ctLog], ...workflowLeaf })
  rig.hosts.set('files.test', async () => new Response(certificate.pem))
  const bare = ({ [materialAnnotations.certificate]: _, [materialAnnotations.chain]: __, ...rest }: Readonly<Record<string, string>>) =>
    rest
  const images = [1, 2].map(() => scene.legacyImage({ certificate }, annotations => bare(Object.fromEntries(annotations))))
  const line = `verify ${strict} --certificate https://files.test/leaf.pem ${(await Promise.all(images)).join(' ')}`
  const { requests } = await good(cs(line))
  assert.deepEqual(
    requests.filter(request => request.includes('files.test')),
    ['GET https://files.test/leaf.pem'],
  )
  const offline = await cs(`${line} --offline -o json`)
  assertRefused(offline, { exit: 1, code: 'SERVICE_UNAVAILABLE', message: /offline: want no network, but the certificate is at a URL$/ })
})

test('--via-index takes the signature of an index by a certificate, and asks the log about one that brings no entry along', async () => {
  const index = buildIndex([anImage])
  const name = await rig.push('via', index)
  const image = name.replace(/@.*/, `@${anImage.digest}`)
  const hand = createHand(rig.registry)
  const { payload, annotations, parts } = await sigstore.signPayload(index.digest, { leaf: workflowLeaf })
  const {
    'dev.cosignproject.cosign/signature': signature = '',
    [materialAnnotations.logBundle]: _,
    ...rest
  } = Object.fromEntries(annotations)
  await hand.putSignatures('via', index.digest, [{ payload, signature, annotations: rest }])
  rig.hosts.set('rekor.test', rekorWith(sigstore, parts.logEntries))
  const line = `verify ${strict} --rekor-url https://rekor.test`
  assert.equal((await cs(`${line} ${image}`)).code, 10)
  await good(cs(`${line} --via-index ${name} ${image}`))
  await hand.attachBundle('via', index, await sigstore.signImage(index.digest, { leaf: workflowLeaf }))
  const { requests } = await good(cs(`${line} --via-index ${name} ${image}`))
  assert.deepEqual(
    requests.filter(request => request.includes('rekor.test')),
    [],
  )
})
