import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { openRemoteKey } from './open-remote-key.ts'

const programs: string[] = []
const effects = providerEffects(async () => assert.fail('fetched'), {
  runProgram: async program => {
    programs.push(program)
    throw new CountersignError('CREDENTIALS_UNAVAILABLE', `${program}: no such program on the PATH`, {
      cause: Object.assign(new Error('spawn'), { code: 'ENOENT' }),
    })
  },
})

for (const scheme of ['awskm', 'constructor', 'toString', 'valueOf'])
  test(`openRemoteKey: ${scheme}:// is a plugin's, which is not there`, async () => {
    const key = await openRemoteKey(scheme, `${scheme}://k?token=s3cret`, effects)
    await assert.rejects(key.current(), {
      code: 'REFERENCE_MALFORMED',
      message: new RegExp(`^(?!.*s3cret).*unrecognized scheme: "${scheme}://"; want .* sigstore-kms-${scheme} on the PATH`),
    })
    assert.equal(programs.at(-1), `sigstore-kms-${scheme}`)
  })

test('openRemoteKey: offline, a plugin is not run', async () => {
  const opening = openRemoteKey('constructor', 'constructor://k', effects, true)
  await assert.rejects(opening, { code: 'KMS_UNAVAILABLE', message: /^offline: want no network/ })
})
