import { test } from 'node:test'
import { type AzureRig, startAzureRig } from './harness/azure-rig.ts'
import { attestingBlobs, signingBlobs, testProvider, verifyingBlobs } from './harness/scenarios.ts'

let rig: AzureRig

testProvider(
  'Azure Key Vault',
  async place => {
    rig = await startAzureRig(place)
    return rig
  },
  bench => {
    const sign = (key: string) => [...attestingBlobs, '--key', key, bench().file('azure', 'azure')]

    test('a key before its time and one past it do not sign', async () => {
      const { refused } = bench()
      await rig.create('early', 'EC P-256')
      await rig.change('early', 1, { nbf: 4_102_444_800 }) // 2100
      await refused(sign(rig.reference('early')), 'KEY_DISABLED', /got one that is from 2100-01-01T00:00:00\.000Z/)
      await rig.create('late', 'EC P-256')
      await rig.change('late', 1, { exp: 946_684_800 }) // 2000
      await refused(sign(rig.reference('late', 1)), 'KEY_DISABLED', /got one that expired at 2000-01-01T00:00:00\.000Z/)
    })

    test('when the newest version is turned off, the one before signs', async () => {
      const { good, file } = bench()
      await rig.create('turned-back', 'EC P-384')
      await rig.rotate!('turned-back')
      await rig.disable!('turned-back', 2)
      await good([...signingBlobs, '--key', rig.reference('turned-back'), '--bundle', 'back.bundle', file('back.txt', 'back')])
      await good([...verifyingBlobs, '--key', rig.reference('turned-back', 1), '--bundle', 'back.bundle', 'back.txt'])
    })

    test('where no token is to be had', async () => {
      await rig.create('tokenless', 'EC P-256')
      const env = { IDENTITY_ENDPOINT: 'http://127.0.0.1:1/' }
      await bench().refused(sign(rig.reference('tokenless')), 'KMS_UNAUTHORIZED', /want a token of Azure, got none: az login/, { env })
    })
  },
)
