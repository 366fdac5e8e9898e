import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GoogleRig, startGoogleRig } from './harness/google-rig.ts'
import { signingBlobs, testProvider, verifyingBlobs } from './harness/scenarios.ts'

let rig: GoogleRig

testProvider(
  'Google Cloud KMS',
  async place => {
    rig = await startGoogleRig(place)
    return rig
  },
  bench => {
    test('a version is pinned by either spelling', async () => {
      const { good, file } = bench()
      await rig.create('spelt', 'EC_SIGN_P256_SHA256')
      const key = rig.reference('spelt', 1).replace('/cryptoKeyVersions/', '/versions/')
      await good([...signingBlobs, '--key', key, '--bundle', 'spelt.bundle', file('spelt.txt', 'spelt')])
      await good([...verifyingBlobs, '--key', rig.reference('spelt', 1), '--bundle', 'spelt.bundle', 'spelt.txt'])
      assert.equal((await good(['public-key', '--key', key])).stdout, (await good(['public-key', '--key', rig.reference('spelt')])).stdout)
    })

    test('RSA with SHA-512 signs, and verifies where its hash is named', async () => {
      const { good, file } = bench()
      await rig.create('sha512', 'RSA_SIGN_PKCS1_4096_SHA512')
      await good([...signingBlobs, '--key', rig.reference('sha512'), '--bundle', 'sha512.bundle', file('sha512.txt', 'sha512')])
      const verify = [...verifyingBlobs, '--key', rig.reference('sha512'), '--bundle', 'sha512.bundle', 'sha512.txt']
      await good([...verify, '--signature-digest-algorithm', 'sha512'])
    })

    test('of ten versions the tenth signs', async () => {
      const { good, file } = bench()
      await rig.create('ten', 'EC_SIGN_P256_SHA256')
      for (let version = 2; version <= 10; version++) await rig.rotate!('ten')
      await good([...signingBlobs, '--key', rig.reference('ten'), '--bundle', 'ten.bundle', file('ten.txt', 'ten')])
      await good([...verifyingBlobs, '--key', rig.reference('ten', 10), '--bundle', 'ten.bundle', 'ten.txt'])
    })

    test('when the newest version is turned off, the one before signs', async () => {
      const { good, file } = bench()
      await rig.create('turned-back', 'EC_SIGN_P384_SHA384')
      await rig.rotate!('turned-back')
      await rig.disable!('turned-back', 2)
      await good([...signingBlobs, '--key', rig.reference('turned-back'), '--bundle', 'back.bundle', file('back.txt', 'back')])
      await good([...verifyingBlobs, '--key', rig.reference('turned-back', 1), '--bundle', 'back.bundle', 'back.txt'])
    })

    test('a key ring that is missing is made with the key', async () => {
      const reference = rig.reference('first').replace('/keyRings/releases/', '/keyRings/new-ring/')
      await bench().good(['generate-key-pair', '--kms', reference, '--output-key-prefix', 'ring'])
    })

    test('a symmetric key is refused by its purpose, pinned or not', async () => {
      await rig.createAs('secret', 'GOOGLE_SYMMETRIC_ENCRYPTION', 'ENCRYPT_DECRYPT')
      const { refused } = bench()
      await refused(
        ['public-key', '--key', rig.reference('secret')],
        'KEY_UNSUPPORTED',
        /got "GOOGLE_SYMMETRIC_ENCRYPTION": a key for encryption/,
      )
      await refused(['public-key', '--key', rig.reference('secret', 1)], 'KEY_UNSUPPORTED', /want a key of the purpose ASYMMETRIC_SIGN/)
    })

    test('where no token is to be had', async () => {
      await rig.create('tokenless', 'EC_SIGN_P256_SHA256')
      const env = { GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/account.json' }
      await bench().refused(
        ['public-key', '--key', rig.reference('tokenless')],
        'KMS_UNAUTHORIZED',
        /want a token of Google, got none: gcloud auth/,
        { env },
      )
    })
  },
)
