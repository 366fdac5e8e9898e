import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { assertRefused, createRig, good, type Outcome, type Rig } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import {
  type ClusterSecrets,
  clusterReaderToken,
  clusterToken,
  createClusterSecrets,
  kubeconfigOf,
  status,
} from '../src/testing/kms/cluster-secrets.ts'
import { strangerKey, teamKey, testPassphrase } from '../src/testing/test-keys.ts'
import { keySetMediaType } from '../src/trust/key-set.ts'

// Key pairs in Secrets of a cluster (formats-and-flows §1.3): written whole, read back by one request, never lost or given away.
// test/cluster does the same in a real one.

const environment = { KUBECONFIG: 'kubeconfig' }
const reference = 'k8s://signing/release'
const base64 = (text: string) => encodeBase64(encodeUtf8(text))
const pairOf = ({ encrypted, publicPem }: typeof teamKey, passphrase = testPassphrase) => ({
  'cosign.key': base64(encrypted),
  'cosign.pub': base64(publicPem),
  'cosign.password': base64(passphrase),
})
const held = (data: Readonly<Record<string, string>>, immutable = false) => ({ uid: 'uid-0', resourceVersion: '0', immutable, data })

function clusterRig(token = clusterToken, alter: (cluster: ClusterSecrets) => ClusterSecrets['handle'] = cluster => cluster.handle) {
  const cluster = createClusterSecrets()
  const rig = createRig({ hosts: { 'cluster.test': alter(cluster) } })
  rig.disk.set('kubeconfig', kubeconfigOf(token))
  return { ...rig, secrets: cluster.secrets }
}

function textOf(rig: Pick<Rig, 'disk'>, path: string): string {
  const data = rig.disk.get(path)
  return typeof data === 'string' ? data : new TextDecoder().decode(data)
}

/** Neither token nor passphrase nor private key is ever shown, however it is written. */
function assertSilent({ stdout, stderr }: Outcome): void {
  for (const secret of [
    clusterToken,
    clusterReaderToken,
    testPassphrase,
    base64(testPassphrase),
    'BEGIN ENCRYPTED',
    base64(teamKey.encrypted),
  ])
    assert.ok(!`${stdout}${stderr}`.includes(secret), stderr)
}

test('a key pair is kept in a Secret, whole and immutable, and signs and verifies from there', async () => {
  const rig = clusterRig()
  const made = await good(rig.cs(`generate-key-pair ${reference}`, { environment }))
  assertSilent(made)
  assert.equal(made.stderr, 'Successfully created secret release in namespace signing\nPublic key written to cosign.pub\n')
  assert.deepEqual(made.requests, [
    'GET https://cluster.test/api/v1/namespaces/signing/secrets/release',
    'POST https://cluster.test/api/v1/namespaces/signing/secrets',
  ])
  const secret = rig.secrets.get('signing/release')!
  assert.deepEqual(Object.keys(secret.data).toSorted(), ['cosign.key', 'cosign.password', 'cosign.pub'])
  assert.equal(secret.data['cosign.password'], base64(testPassphrase))
  assert.equal(secret.data['cosign.pub'], base64(textOf(rig, 'cosign.pub')))
  assert.equal(secret.immutable, true)
  assert.equal(rig.modes.get('cosign.pub'), 0o600)

  const name = await rig.push('app', buildImage())
  const signed = await good(rig.cs(`sign --key ${reference} --tlog-upload=false ${name}`, { environment, withoutPassphrase: true }))
  assert.equal(signed.requests.filter(request => request.includes('cluster.test')).length, 1, 'one request reads key and passphrase')
  await good(rig.cs(`verify --key ${reference} --insecure-ignore-tlog ${name}`, { environment }))
  await good(rig.cs(`verify --key cosign.pub --insecure-ignore-tlog ${name}`))
  const { stdout } = await good(rig.cs(`public-key --key ${reference}`, { environment, withoutPassphrase: true }))
  assert.equal(stdout, textOf(rig, 'cosign.pub'))
})

test('attestations and blobs are signed and verified with a key pair in a Secret', async () => {
  const rig = clusterRig()
  rig.secrets.set('signing/release', held(pairOf(teamKey)))
  rig.disk.set('predicate.json', '{"checked":true}')
  rig.disk.set('blob', 'blob')
  const name = await rig.push('app', buildImage())
  const [signing, verifying] = [`--key ${reference} --tlog-upload=false`, `--key ${reference} --insecure-ignore-tlog`]
  for (const line of [
    `attest ${signing} --type custom --predicate predicate.json ${name}`,
    `verify-attestation ${verifying} --type custom ${name}`,
    `sign-blob ${signing} --bundle blob.bundle blob`,
    `verify-blob ${verifying} --bundle blob.bundle blob`,
    `attest-blob ${signing} --type custom --predicate predicate.json --bundle statement.bundle blob`,
    `verify-blob-attestation ${verifying} --type custom --bundle statement.bundle blob`,
  ])
    assertSilent(await good(rig.cs(line, { environment, withoutPassphrase: true })))
  rig.secrets.set('signing/release', held(pairOf(strangerKey)))
  for (const line of [`verify-blob ${verifying} --bundle blob.bundle blob`, `verify-attestation ${verifying} --type custom ${name}`])
    assert.notEqual((await rig.cs(line, { environment })).code, 0)
})

test('an existing Secret is added to when one says so, and keeps what else it holds', async () => {
  const rig = clusterRig()
  const before = { ...held({ other: base64('kept') }), labels: { team: 'a' } }
  rig.secrets.set('signing/release', before)
  const refused = await rig.cs(`generate-key-pair ${reference}`, { environment, keys: ['n\r'] })
  assert.notEqual(refused.code, 0)
  assert.deepEqual(rig.secrets.get('signing/release'), before)
  const { stderr } = await good(rig.cs(`generate-key-pair ${reference}`, { environment, keys: ['y\r'] }))
  assert.match(stderr, /Secret "release" in namespace "signing" already exists\. Add a key pair to it\?/)
  assert.match(stderr, /Successfully updated secret release in namespace signing$/m)
  const secret = rig.secrets.get('signing/release')!
  assert.deepEqual(Object.keys(secret.data).toSorted(), ['cosign.key', 'cosign.password', 'cosign.pub', 'other'])
  assert.deepEqual(secret.labels, { team: 'a' })
  assert.equal(secret.immutable, false)
})

for (const { name, data, immutable, code, message } of [
  {
    name: 'a private key is there',
    data: pairOf(teamKey),
    immutable: false,
    code: 'KEY_EXISTS',
    message: /^Secret "release" in namespace "signing" has cosign\.key: it may be the only copy of that key$/,
  },
  { name: 'it is immutable', data: {}, immutable: true, code: 'KMS_DENIED', message: /is immutable: it takes no key pair/ },
] as const)
  test(`a Secret is not written when ${name}`, async () => {
    const rig = clusterRig()
    rig.secrets.set('signing/release', held(data, immutable))
    const outcome = await rig.cs(`generate-key-pair ${reference} -o json`, { environment, keys: ['y\r'] })
    assertRefused(outcome, { exit: 1, code, message })
    assert.ok(outcome.requests.every(request => request.startsWith('GET ')))
    assert.equal(rig.disk.has('cosign.pub'), false)
  })

for (const { name, namespace, race, code, message } of [
  {
    name: 'made by somebody else meanwhile',
    namespace: 'signing',
    race: (cluster: ClusterSecrets) => cluster.secrets.set('signing/release', held(pairOf(strangerKey))),
    code: 'KEY_EXISTS',
    message: /^Secret "release" in namespace "signing": it is there already, got status 409/,
  },
  {
    name: 'in a namespace that is not there',
    namespace: 'nowhere',
    race: () => {},
    code: 'KEY_NOT_FOUND',
    message: /no such namespace, got status 404, "namespaces \\"nowhere\\" not found"/,
  },
] as const)
  test(`a Secret is not made when it is ${name}`, async () => {
    const rig = clusterRig(clusterToken, cluster => async (request, ...rest) => {
      if (request.method === 'POST') race(cluster)
      return await cluster.handle(request, ...rest)
    })
    const outcome = await rig.cs(`generate-key-pair k8s://${namespace}/release -o json`, { environment })
    assertRefused(outcome, { exit: 1, code, message })
    assertSilent(outcome)
    assert.equal(rig.disk.has('cosign.pub'), false)
  })

test('a Secret that others change between the question and the write is left as they made it', async () => {
  const rig = clusterRig(clusterToken, cluster => async (request, ...rest) => {
    if (request.method === 'PATCH') cluster.secrets.set('signing/release', { ...held({ other: base64('newer') }), resourceVersion: '1' })
    return await cluster.handle(request, ...rest)
  })
  rig.secrets.set('signing/release', held({}))
  const outcome = await rig.cs(`generate-key-pair ${reference} -o json`, { environment, keys: ['y\r'] })
  assertRefused(outcome, { exit: 1, code: 'KMS_UNAVAILABLE', message: /others changed it at the same time, and nothing was written/ })
  assert.deepEqual(Object.keys(rig.secrets.get('signing/release')!.data), ['other'])
})

test('what admission in the cluster alters is found out', async () => {
  const rig = clusterRig(clusterToken, cluster => async (request, ...rest) => {
    const answer = await cluster.handle(request, ...rest)
    if (request.method !== 'POST') return answer
    const object = (await answer.json()) as { data: object }
    return Response.json({ ...object, data: { ...object.data, 'cosign.pub': base64(strangerKey.publicPem) } }, { status: 201 })
  })
  const outcome = await rig.cs(`generate-key-pair ${reference} -o json`, { environment })
  assertRefused(outcome, { exit: 1, code: 'KMS_RESPONSE_MALFORMED', message: /want cosign\.pub as it was sent, got another: admission/ })
  assert.equal(rig.disk.has('cosign.pub'), false)
})

for (const { name, data, line, code, message } of [
  { name: 'no Secret', data: undefined, line: 'public-key', code: 'KEY_NOT_FOUND', message: /namespace "signing": no such Secret$/ },
  {
    name: 'no private key in it',
    data: { 'cosign.pub': base64(teamKey.publicPem) },
    line: 'public-key',
    code: 'KEY_NOT_FOUND',
    message: /has no cosign\.key$/,
  },
  {
    name: 'no public key in it',
    data: { 'cosign.key': base64(teamKey.encrypted) },
    line: 'verify --insecure-ignore-tlog IMAGE',
    code: 'KEY_NOT_FOUND',
    message: /has no cosign\.pub$/,
  },
  {
    name: 'a wrong passphrase beside it',
    data: pairOf(teamKey, 'another'),
    line: 'public-key',
    code: 'PASSPHRASE_WRONG',
    message: /k8s:\/\/signing\/release/,
  },
  {
    name: 'a part that is too large',
    data: { 'cosign.key': encodeBase64(new Uint8Array(70_000)) },
    line: 'public-key',
    code: 'LIMIT_EXCEEDED',
    message: /cosign\.key: want at most \d+ bytes, got 70000$/,
  },
  {
    name: 'a part that is no base64',
    data: { 'cosign.key': '-----BEGIN' },
    line: 'public-key',
    code: 'KMS_RESPONSE_MALFORMED',
    message: /cosign\.key: want .*base64/,
  },
  {
    name: 'a key set that names other keys',
    data: { 'cosign.pub': base64(JSON.stringify({ mediaType: keySetMediaType, keys: [{ name: 'a', ref: 'other.pub' }] })) },
    line: 'verify --insecure-ignore-tlog IMAGE',
    code: 'KEY_MALFORMED',
    message: /keys\[0\]: want publicKey in a key set that comes over the network, got ref$/,
  },
] as const)
  test(`a key in a Secret is refused: ${name}`, async () => {
    const rig = clusterRig()
    const image = await rig.push('app', buildImage())
    if (data) rig.secrets.set('signing/release', held(data))
    const [command, ...rest] = line.replace('IMAGE', image).split(' ')
    const outcome = await rig.cs(`${command} --key ${reference} ${rest.join(' ')} -o json`, { environment, withoutPassphrase: true })
    assertRefused(outcome, { exit: outcome.code, code, message })
    assert.notEqual(outcome.code, 0)
    assertSilent(outcome)
  })

test('the public key may be a key set of keys in PEM: one of them must have signed', async () => {
  const rig = clusterRig()
  const keys = [strangerKey, teamKey].map(({ publicPem }, at) => ({ name: `key ${at}`, publicKey: publicPem }))
  rig.secrets.set(
    'signing/release',
    held({ ...pairOf(teamKey), 'cosign.pub': base64(JSON.stringify({ mediaType: keySetMediaType, keys })) }),
  )
  const name = await rig.push('app', buildImage())
  await good(rig.cs(`sign --key ${reference} --tlog-upload=false ${name}`, { environment, withoutPassphrase: true }))
  await good(rig.cs(`verify --key ${reference} --insecure-ignore-tlog ${name}`, { environment }))
})

test('a passphrase that is not beside the key is asked for', async () => {
  const rig = clusterRig()
  const { 'cosign.password': _, ...without } = pairOf(teamKey)
  rig.secrets.set('signing/release', held(without))
  const { stdout } = await good(rig.cs(`public-key --key ${reference}`, { environment }))
  assert.equal(stdout, teamKey.publicPem)
})

test('an empty passphrase is one', async () => {
  const rig = clusterRig()
  await good(rig.cs(`generate-key-pair ${reference}`, { environment: { ...environment, COSIGN_PASSWORD: '' } }))
  assert.equal(rig.secrets.get('signing/release')!.data['cosign.password'], '')
  await good(rig.cs(`public-key --key ${reference}`, { environment, withoutPassphrase: true }))
})

for (const { name, token, line, code, message } of [
  {
    name: 'credentials that are not known',
    token: 'nobody-s3cret',
    line: `public-key --key ${reference}`,
    code: 'KMS_UNAUTHORIZED',
    message: /its cluster does not know the credentials of context "test", got status 401/,
  },
  {
    name: 'rights to read alone',
    token: clusterReaderToken,
    line: `generate-key-pair ${reference}`,
    code: 'KMS_DENIED',
    message: /context "test" may not create it, got status 403, ".*cannot create resource \\"secrets\\" in the namespace \\"signing\\""$/,
  },
] as const)
  test(`a cluster refuses: ${name}`, async () => {
    const rig = clusterRig(token)
    const outcome = await rig.cs(`${line} -o json`, { environment })
    assertRefused(outcome, { exit: 1, code, message })
    assertSilent(outcome)
    assert.ok(!outcome.stderr.includes('nobody-s3cret'))
  })

test('a cluster that repeats what it was sent is not repeated', async () => {
  const rig = clusterRig(
    clusterToken,
    cluster =>
      async (request, ...rest) =>
        request.method === 'POST' ? status(403, `denied: ${await request.text()}`) : await cluster.handle(request, ...rest),
  )
  const outcome = await rig.cs(`generate-key-pair ${reference} -o json`, { environment })
  assertRefused(outcome, { exit: 1, code: 'KMS_DENIED', message: /may not create it, got status 403$/ })
  assertSilent(outcome)
})

test('offline, no cluster is asked', async () => {
  const rig = clusterRig()
  const image = await rig.push('app', buildImage())
  const outcome = await rig.cs(`verify --offline --key ${reference} --insecure-ignore-tlog ${image} -o json`, { environment })
  assertRefused(outcome, {
    exit: outcome.code,
    code: 'KMS_UNAVAILABLE',
    message: /^offline: want no network, but the key is in Secret "release"/,
  })
  assert.ok(outcome.requests.every(request => !request.includes('cluster.test')))
})
