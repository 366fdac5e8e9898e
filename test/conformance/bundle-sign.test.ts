import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { good } from '../../src/testing/command-rig.ts'
import { issuer, setSigningScene, signer, tokenOf } from '../keyless-sign/scene.ts'
import { ourCommandLine } from './bundle-protocol.ts'

// The public client conformance suite's `sign-bundle`, by its own protocol, against a Sigstore in memory; `verify-bundle` reads what comes.

const { cs, disk } = await setSigningScene()

for (const config of ['v1.json', 'v1-stamped.json', 'v2.json'])
  test(`sign-bundle, then verify-bundle: ${config}`, async () => {
    const services = ['--trusted-root', 'root.json', '--signing-config', config]
    const signing = ['sign-bundle', '--identity-token', tokenOf(), '--bundle', 'out.json', ...services, 'blob']
    await good(cs(ourCommandLine(signing)))
    const who = ['--certificate-identity', signer, '--certificate-oidc-issuer', issuer]
    await good(cs(ourCommandLine(['verify-bundle', '--bundle', 'out.json', ...who, '--trusted-root', 'root.json', 'blob'])))
  })

for (const config of ['v1.json', 'v2.json'])
  test(`sign-bundle --in-toto, then verify-bundle: ${config}`, async () => {
    const hex = createHash('sha256').update(disk.get('blob')!).digest('hex')
    const subject = [{ name: 'blob', digest: { sha256: hex } }]
    const type = { _type: 'https://in-toto.io/Statement/v1', predicateType: 'https://example.com/reviewed' }
    disk.set('statement.json', JSON.stringify({ ...type, subject, predicate: { by: 'somebody' } }))
    const services = ['--trusted-root', 'root.json', '--signing-config', config]
    const signing = ['sign-bundle', '--identity-token', tokenOf(), '--in-toto', '--bundle', 'out.json', ...services, 'statement.json']
    await good(cs(ourCommandLine(signing)))
    const { dsseEnvelope } = JSON.parse(new TextDecoder().decode(disk.get('out.json') as Uint8Array))
    assert.equal(atob(dsseEnvelope.payload), disk.get('statement.json'))
    const who = ['--certificate-identity', signer, '--certificate-oidc-issuer', issuer]
    const verifying = ['verify-bundle', '--bundle', 'out.json', ...who, '--trusted-root', 'root.json']
    for (const artifact of ['blob', `sha256:${hex}`]) await good(cs(ourCommandLine([...verifying, artifact])))
    assert.equal((await cs(ourCommandLine([...verifying, 'statement.json']))).code, 1)
  })

test('only sign-bundle takes --in-toto, and takes it once', () => {
  for (const argv of [
    ['verify-bundle', '--in-toto', '--bundle', 'b', 'blob'],
    ['sign-bundle', '--in-toto', '--in-toto', '--bundle', 'b', 'blob'],
  ])
    assert.throws(() => ourCommandLine(argv), /want each of .* once, got --in-toto/)
})
