import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { runOk } from '../peers/harness/command.ts'
import { type OpenBaoRig, startOpenBaoRig } from './harness/openbao-rig.ts'
import { attestingBlobs, signingBlobs, testProvider, verifyingBlobs } from './harness/scenarios.ts'

let rig: OpenBaoRig

testProvider(
  'OpenBao',
  async place => {
    rig = await startOpenBaoRig(place)
    return rig
  },
  bench => {
    const signs = (key: string, blob: string) => {
      bench().file(blob, blob)
      return [...signingBlobs, '--key', key, '--bundle', `${blob}.bundle`, blob]
    }
    const attests = (key: string) => [...attestingBlobs, '--key', key, bench().file('refused', 'refused')]
    const verifies = (key: string, blob: string) => [...verifyingBlobs, '--key', key, '--bundle', `${blob}.bundle`, blob]
    const p256 = 'ecdsa-p256'

    test('what is asked of the server, request by request', async () => {
      const { good } = bench()
      const asks = async (args: readonly string[]) => {
        rig.requests!()
        await good(args)
        return [...rig.seen()]
      }
      const key = rig.reference('requests')
      const [read, make] = ['GET /v1/transit/keys/requests', 'PUT /v1/transit/keys/requests']
      assert.deepEqual(await asks(['generate-key-pair', '--kms', key, '--output-key-prefix', 'requests']), [read, make, read])
      assert.deepEqual(await asks(['public-key', '--key', key]), [read])
      assert.deepEqual(await asks(signs(key, 'requests')), [read, 'PUT /v1/transit/sign/requests/sha2-256'])
      assert.deepEqual(await asks(verifies(key, 'requests')), [read])
      for (let times = 0; times < 40; times++) await rig.rotate!('requests')
      assert.deepEqual(await asks(verifies(key, 'requests')), [read], 'versions come in one answer')
    })

    test('versions before min_decryption_version count no more; those before min_encryption_version verify and do not sign', async () => {
      const { good, refused } = bench()
      await rig.create('minima', p256)
      await good(signs(rig.reference('minima'), 'first'))
      await rig.rotate!('minima')
      await good(signs(rig.reference('minima'), 'second'))
      await rig.rotate!('minima')
      await rig.ask('POST', 'transit/keys/minima/config', { min_decryption_version: 2, min_encryption_version: 3 })
      await refused(verifies(rig.reference('minima'), 'first'), 'KEY_MISMATCH', /none of the 2 trusted keys/)
      await refused(verifies(rig.reference('minima', 1), 'first'), 'KEY_DISABLED', /want an enabled version, got 1 disabled/)
      await good(verifies(rig.reference('minima'), 'second'))
      await refused(
        attests(rig.reference('minima', 2)),
        'KEY_DISABLED',
        /version 2 does not sign any more: its min_encryption_version is 3/,
      )
      await refused(attests(rig.reference('minima', 4)), 'KEY_NOT_FOUND', /got version 4; the latest is 3/)
      await good(signs(rig.reference('minima'), 'third'))
    })

    test('a derived key, and one that was deleted', async () => {
      const { refused } = bench()
      await rig.ask('POST', 'transit/keys/derived', { type: 'ed25519', derived: true })
      await refused(attests(rig.reference('derived')), 'KEY_UNSUPPORTED', /it is derived: each context has a key of its own/)
      await rig.create('deleted', p256)
      await rig.ask('POST', 'transit/keys/deleted/config', { deletion_allowed: true })
      await rig.ask('DELETE', 'transit/keys/deleted')
      await refused(attests(rig.reference('deleted')), 'KEY_NOT_FOUND', /no such key in the secrets engine at "transit\/"/)
    })

    test('by the names of Vault, and with the token that a login leaves', async () => {
      const { good, place } = bench()
      await rig.create('by-vault', p256)
      const { BAO_ADDR, BAO_TOKEN } = rig.environment as { readonly BAO_ADDR: string; readonly BAO_TOKEN: string }
      await good(signs('hashivault://by-vault', 'by-vault'), {
        env: { BAO_ADDR: '', BAO_TOKEN: '', VAULT_ADDR: BAO_ADDR, VAULT_TOKEN: BAO_TOKEN },
      })
      writeFileSync(place.path('home/.vault-token'), `${BAO_TOKEN}\n`)
      await good(verifies('openbao://by-vault', 'by-vault'), { env: { BAO_TOKEN: '' } })
    })

    test('an engine at a path of its own, and none', async () => {
      const { good, refused } = bench()
      await rig.ask('POST', 'sys/mounts/team/signing', { type: 'transit' })
      await rig.ask('POST', 'sys/policies/acl/team', { policy: 'path "team/signing/*" { capabilities = ["read", "update"] }' })
      const env = { TRANSIT_SECRET_ENGINE_PATH: 'team/signing', BAO_TOKEN: await rig.tokenFor('team') }
      await good(['generate-key-pair', '--kms', 'openbao://mounted', '--output-key-prefix', 'mounted'], { env })
      await good(signs('openbao://mounted', 'mounted'), { env })
      await good(verifies('mounted.pub', 'mounted'))
      await refused(attests('openbao://mounted'), 'KMS_DENIED', /may not read "nowhere\/keys\/mounted"/, {
        env: { TRANSIT_SECRET_ENGINE_PATH: 'nowhere' },
      })
    })

    test('a namespace', async () => {
      const { good } = bench()
      await rig.ask('POST', 'sys/namespaces/team-a')
      await rig.ask('POST', 'team-a/sys/mounts/transit', { type: 'transit' })
      await rig.ask('POST', 'team-a/sys/policies/acl/signer', {
        policy: 'path "transit/*" { capabilities = ["read", "update"] }',
      })
      const { client_token } = await rig.ask('POST', 'team-a/auth/token/create', { policies: ['signer'] })
      const env = { BAO_NAMESPACE: 'team-a', BAO_TOKEN: client_token as string }
      await good(['generate-key-pair', '--kms', 'openbao://namespaced', '--output-key-prefix', 'namespaced'], { env })
      await good(signs('openbao://namespaced', 'namespaced'), { env })
      await good(verifies('namespaced.pub', 'namespaced'))
    })

    test('a token that may sign makes no key; one that has ended is told from one that may not', async () => {
      const { refused, good } = bench()
      const token = await rig.tokenFor('sign')
      const make = ['generate-key-pair', '--kms', rig.reference('not-made')]
      await refused(make, 'KMS_DENIED', /may not update "transit\/keys\/not-made": a policy must grant .*\["update"\]/, {
        env: { BAO_TOKEN: token },
      })
      await rig.create('ended', p256)
      await good(signs(rig.reference('ended'), 'ended'), { env: { BAO_TOKEN: token } })
      await rig.ask('POST', 'auth/token/revoke', { token })
      await refused(attests(rig.reference('ended')), 'KMS_UNAUTHORIZED', /the token in BAO_TOKEN is refused .*log in again/, {
        env: { BAO_TOKEN: token },
      })
    })

    test('over TLS, by an authority of its own', async t => {
      const { good, refused, place } = bench()
      const [key, cert] = [place.path('bao.key'), place.path('bao.crt')]
      await runOk(
        place,
        ['openssl', 'req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2'],
        [...['-subj', '/CN=bao.test', '-addext', 'subjectAltName=DNS:bao.test', '-keyout', key, '-out', cert]],
      )
      const secure = await rig.serveTls({ key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') })
      t.after(secure.stop) // also where the test fails: a server that goes on would keep the run from ending
      await rig.create('secure', p256)
      const env = { BAO_ADDR: secure.url.origin, BAO_CACERT: cert, BAO_TLS_SERVER_NAME: 'bao.test' }
      await good(signs(rig.reference('secure'), 'secure'), { env })
      await refused(attests(rig.reference('secure')), 'KMS_UNAVAILABLE', /certificate/, { env: { ...env, BAO_CACERT: '' } })
      await refused(attests(rig.reference('secure')), 'KMS_UNAVAILABLE', /its certificate is for another name/, {
        env: { ...env, BAO_TLS_SERVER_NAME: '' },
      })
    })

    test('nothing listens there, and a server that is sealed', async () => {
      const { refused } = bench()
      await refused(attests(rig.reference('ended')), 'KMS_UNAVAILABLE', /connection refused, 4 times/, {
        env: { BAO_ADDR: 'http://127.0.0.1:1' },
      })
      await rig.ask('PUT', 'sys/seal') // the last test: nothing unseals it
      await refused(attests(rig.reference('ended')), 'KMS_UNAVAILABLE', /its server is sealed: somebody has to unseal it/)
    })
  },
)
