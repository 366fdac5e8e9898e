import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { runOk, tool } from '../peers/harness/command.ts'
import { type AwsRig, type GuardedKms, startAwsRig, startGuardedKms } from './harness/aws-rig.ts'
import { attestingBlobs, type Bench, signingBlobs, testProvider, verifyingBlobs } from './harness/scenarios.ts'

let rig: AwsRig

testProvider(
  'AWS KMS',
  async place => {
    rig = await startAwsRig(place)
    return rig
  },
  bench => {
    const sign = (key: string) => [...attestingBlobs, '--key', key, bench().file('aws', 'aws')]
    testKeys(bench, sign)
    testEndpoints(bench, sign)
    testCosign(bench)
    testCredentials(bench, sign)
  },
)

type Sign = (key: string) => readonly string[]

function testKeys(bench: () => Bench, sign: Sign): void {
  test('to sign takes two requests: one for the key, one for the signature', async () => {
    await rig.create('twice', 'ECC_NIST_P256')
    rig.requests!()
    await bench().good(sign(rig.reference('twice')))
    assert.equal(rig.requests!(), 2)
    await bench().good(['public-key', '--key', rig.reference('twice')])
    assert.ok(rig.requests!() <= 2)
  })

  test('by key id and by ARN; the region of an ARN goes before the one of the environment', async () => {
    const { good } = bench()
    const { KeyMetadata: key } = await rig.ask('CreateKey', { KeySpec: 'ECC_NIST_P384', KeyUsage: 'SIGN_VERIFY' })
    for (const name of [key.KeyId, `arn:aws:kms:eu-west-2:111122223333:key/${key.KeyId}`]) await good(sign(`awskms:///${name}`))
    await good(sign(`awskms:///arn:aws:kms:eu-west-2:111122223333:key/${key.KeyId}`), { env: { AWS_REGION: '' } })
  })

  test('rotation is a new key with the alias of the old one; each verifies by its own name', async () => {
    const { good, refused, file } = bench()
    const [older, newer] = [
      await rig.ask('CreateKey', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
      await rig.ask('CreateKey', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
    ].map(({ KeyMetadata: key }) => key.KeyId) as [string, string]
    await rig.ask('CreateAlias', { AliasName: 'alias/moved', TargetKeyId: older })
    const signs = (blob: string) => good([...signingBlobs, '--key', rig.reference('moved'), '--bundle', `${blob}.bundle`, file(blob, blob)])
    const verifies = (key: string, blob: string) => [...verifyingBlobs, '--key', key, '--bundle', `${blob}.bundle`, blob]
    await signs('older')
    await rig.ask('UpdateAlias', { AliasName: 'alias/moved', TargetKeyId: newer })
    await signs('newer')
    await good(verifies(rig.reference('moved'), 'newer'))
    await refused(verifies(rig.reference('moved'), 'older'), 'KEY_MISMATCH', /which is not the trusted key/)
    await good(verifies(`awskms:///${older}`, 'older'))
  })

  test('keys that no Sigstore client takes, and one that is to be deleted', async () => {
    const { refused } = bench()
    await rig.create('bitcoin', 'ECC_SECG_P256K1')
    await refused(sign(rig.reference('bitcoin')), 'KEY_UNSUPPORTED', /secp256k1, which no Sigstore client takes/)
    const { KeyMetadata: symmetric } = await rig.ask('CreateKey', {})
    await refused(sign(`awskms:///${symmetric.KeyId}`), 'KEY_UNSUPPORTED', /want an asymmetric key that signs/)
    const { KeyMetadata: doomed } = await rig.ask('CreateKey', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
    await rig.ask('ScheduleKeyDeletion', { KeyId: doomed.KeyId, PendingWindowInDays: 7 })
    await refused(sign(`awskms:///${doomed.KeyId}`), 'KEY_DISABLED', /is pending deletion/)
  })

  test('only an alias can be given to a new key', async () => {
    const missing = 'awskms:///1234abcd-12ab-34cd-56ef-1234567890ab'
    await bench().refused(['generate-key-pair', '--kms', missing], 'REFERENCE_MALFORMED', /want an alias to give to a new key/)
  })
}

function testEndpoints(bench: () => Bench, sign: Sign): void {
  test('a host in the reference is reached by https, and its certificate is looked at', async () => {
    const { good, refused } = bench()
    await rig.create('secured', 'ECC_NIST_P256')
    const key = `awskms://${rig.https.host}/alias/secured`
    rig.overHttps()
    await good(sign(key), { env: { SSL_CERT_FILE: rig.https.certificate } })
    assert.equal(rig.overHttps(), 2)
    await refused(sign(key), 'KMS_UNAVAILABLE', /self-signed and not trusted/)
    await good(sign(key), { env: { AWS_TLS_INSECURE_SKIP_VERIFY: '1' } })
  })

  test('elsewhere than on this machine neither http nor an unchecked certificate will do', async () => {
    const { refused } = bench()
    const http = { AWS_ENDPOINT_URL_KMS: 'http://kms.example:4566' }
    await refused(sign(rig.reference('k')), 'USAGE', /want https, or http on this machine, got http:\/\/kms\.example:4566/, { env: http })
    const unchecked = { AWS_TLS_INSECURE_SKIP_VERIFY: '1' }
    await refused(sign('awskms://kms.example/alias/k'), 'USAGE', /AWS_TLS_INSECURE_SKIP_VERIFY=1: want an emulator/, { env: unchecked })
  })

  test('nothing listens there', async () => {
    const env = { AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:1' }
    await bench().refused(sign(rig.reference('k')), 'KMS_UNAVAILABLE', /connection refused, 4 times/, { env })
  })

  test('offline, and without the package', async () => {
    const { refused, file } = bench()
    const offline = [
      'verify-blob',
      '--insecure-ignore-tlog',
      '--offline',
      '--key',
      rig.reference('k'),
      '--bundle',
      'none.bundle',
      file('x', 'x'),
    ]
    await refused(offline, 'KMS_UNAVAILABLE', /offline: want no network, but the key is in AWS KMS/)
    const env = { COUNTERSIGN_PACKAGES: bench().place.folder }
    await refused(sign(rig.reference('k')), 'CAPABILITY_MISSING', /npm install @aws-sdk\/client-kms@/, { env })
  })
}

function testCosign(bench: () => Bench): void {
  const cosignEnvironment = () => ({ ...rig.environment, SSL_CERT_FILE: rig.https.certificate })

  const withoutLog = ['--tlog-upload=false', '--use-signing-config=false', '--yes']

  test('cosign 3 signs with the same key and we verify, and the other way round', async () => {
    const { place, good, file } = bench()
    await rig.create('shared', 'ECC_NIST_P256')
    const [key, env] = [`awskms://${rig.https.host}/alias/shared`, cosignEnvironment()]
    const blob = file('shared.txt', 'shared')
    await runOk(place, tool('cosign-3'), ['sign-blob', ...withoutLog, '--key', key, '--bundle', 'theirs.bundle', blob], { env })
    await good([...verifyingBlobs, '--key', rig.reference('shared'), '--bundle', 'theirs.bundle', blob])
    await good([...signingBlobs, '--key', rig.reference('shared'), '--bundle', 'ours.bundle', blob])
    await runOk(place, tool('cosign-3'), ['verify-blob', '--insecure-ignore-tlog', '--key', key, '--bundle', 'ours.bundle', blob], { env })
  })

  // By the public key alone: cosign itself takes the first algorithm that KMS lists, here PSS, whose salt is not as long at local-kms as at AWS.
  test('cosign 3 verifies what an RSA key signed by PKCS#1 v1.5', async () => {
    const { place, good, file } = bench()
    await rig.create('shared-rsa', 'RSA_2048')
    const blob = file('rsa.txt', 'rsa')
    await good([...signingBlobs, '--key', rig.reference('shared-rsa'), '--bundle', 'rsa.bundle', blob])
    await good(['public-key', '--key', rig.reference('shared-rsa'), '--outfile', 'rsa.pub'])
    await runOk(place, tool('cosign-3'), ['verify-blob', '--insecure-ignore-tlog', '--key', 'rsa.pub', '--bundle', 'rsa.bundle', blob])
  })

  test('cosign 2 and 3 sign and verify an image with the same key, in the older layout', async () => {
    const { place, good, image } = bench()
    await rig.create('shared-image', 'ECC_NIST_P256')
    const key = `awskms://${rig.https.host}/alias/shared-image`
    const env = cosignEnvironment()
    for (const peer of ['cosign-2', 'cosign-3'] as const) {
      const [theirs, ours] = [await image(`by-${peer}`), await image(`for-${peer}`)]
      const layout = peer === 'cosign-3' ? ['--use-signing-config=false', '--new-bundle-format=false'] : []
      await runOk(place, tool(peer), ['sign', '--tlog-upload=false', '--yes', ...layout, '--key', key, theirs], { env })
      await good(['verify', '--insecure-ignore-tlog', '--key', rig.reference('shared-image'), theirs])
      await good([
        ...['sign', '--tlog-upload=false', '--use-signing-config=false', '--yes', '--new-bundle-format=false'],
        ...['--key', rig.reference('shared-image'), ours],
      ])
      await runOk(place, tool(peer), ['verify', '--insecure-ignore-tlog', '--key', key, ours], { env })
    }
  })

  test('cosign makes a key, and we use it', async () => {
    const { place, good } = bench()
    const env = { ...cosignEnvironment(), COSIGN_PASSWORD: '' }
    await runOk(place, tool('cosign-3'), ['generate-key-pair', '--kms', `awskms://${rig.https.host}/alias/theirs`], { env })
    const ended = await good(['generate-key-pair', '--kms', rig.reference('theirs'), '--output-key-prefix', 'theirs'])
    assert.match(ended.stderr, /is there already, and is used/)
  })
}

function testCredentials(bench: () => Bench, sign: Sign): void {
  describe('moto, which looks at who asks', () => {
    const key = 'awskms:///alias/guarded'
    let kms: GuardedKms
    before(async () => {
      kms = await startGuardedKms(bench().place, [['kms:GetPublicKey'], ['kms:CreateKey'], ['kms:GetPublicKey', 'kms:Sign']])
    })
    after(() => kms.stop())

    test('who may read a key may not sign with it', async () => {
      const reader = { ...kms.environment, ...kms.userWith('kms:GetPublicKey') }
      await bench().refused(sign(key), 'KMS_DENIED', /want permission kms:Sign, got none.*user-0/, { env: reader })
    })

    test('each permission that is missing is named', async () => {
      const maker = { ...kms.environment, ...kms.userWith('kms:CreateKey') }
      await bench().refused(sign(key), 'KMS_DENIED', /want permission kms:GetPublicKey, got none/, { env: maker })
      const reader = { ...kms.environment, ...kms.userWith('kms:GetPublicKey') }
      const verifying = ['verify', '--insecure-ignore-tlog', '--key', key, await bench().image('guarded')]
      await bench().refused(verifying, 'KMS_DENIED', /want permission kms:DescribeKey, got none/, { env: reader })
      await bench().refused(
        ['generate-key-pair', '--kms', 'awskms:///alias/new', '--output-key-prefix', 'denied'],
        'KMS_DENIED',
        /want permission kms:CreateKey/,
        {
          env: reader,
        },
      )
    })

    test('an access key that nobody knows, another secret, and none', async () => {
      const user = { ...kms.environment, ...kms.userWith('kms:GetPublicKey', 'kms:Sign') }
      const refuse = (env: Readonly<Record<string, string>>, reason: RegExp) =>
        bench().refused(sign(key), 'KMS_UNAUTHORIZED', reason, { env: { ...user, ...env } })
      await refuse({ AWS_ACCESS_KEY_ID: 'AKIANOBODYKNOWSTHIS0' }, /the access key is not known/)
      await refuse({ AWS_SECRET_ACCESS_KEY: 'another-secret' }, /does not belong to the access key/)
      await refuse({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }, /want credentials of AWS, got none/)
    })

    test('no region', async () => {
      const user = { ...kms.environment, ...kms.userWith('kms:GetPublicKey', 'kms:Sign'), AWS_REGION: '' }
      await bench().refused(sign(key), 'USAGE', /want a region: set AWS_REGION/, { env: user })
    })
  })
}
