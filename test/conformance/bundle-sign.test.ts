import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good } from '../../src/testing/command-rig.ts'
import { issuer, setSigningScene, signer, tokenOf } from '../keyless-sign/scene.ts'
import { ourCommandLine } from './bundle-protocol.ts'

// The public client conformance suite's `sign-bundle`, by its own protocol, against a Sigstore in memory; `verify-bundle` reads what comes.

const { cs } = await setSigningScene()

for (const config of ['v1.json', 'v1-stamped.json', 'v2.json'])
  test(`sign-bundle, then verify-bundle: ${config}`, async () => {
    const services = ['--trusted-root', 'root.json', '--signing-config', config]
    const signing = ['sign-bundle', '--identity-token', tokenOf(), '--bundle', 'out.json', ...services, 'blob']
    await good(cs(ourCommandLine(signing)))
    const who = ['--certificate-identity', signer, '--certificate-oidc-issuer', issuer]
    await good(cs(ourCommandLine(['verify-bundle', '--bundle', 'out.json', ...who, '--trusted-root', 'root.json', 'blob'])))
  })

test('sign-bundle --in-toto is refused by name', () => {
  assert.throws(
    () => ourCommandLine(['sign-bundle', '--in-toto', '--identity-token', 't', '--bundle', 'b', 'blob']),
    /--in-toto: attestations/,
  )
})
