import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../src/codec/error.ts'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { setScene, who } from './keyless/scene.ts'

// cosign's variables for a private Sigstore: each decides whom to trust, and says so.
const rig = createRig()
const { cs } = rig
const scene = setScene(rig, await createTestSigstore())
setScene(rig, await createTestSigstore(), 'their-')
const ours = {
  SIGSTORE_ROOT_FILE: 'chain.pem',
  SIGSTORE_REKOR_PUBLIC_KEY: 'rekor.pub',
  SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: 'ctfe.pub',
  SIGSTORE_TSA_CERTIFICATE_FILE: 'tsa.pem',
} as const
const strict = `${who} --use-signed-timestamps`
const targets = [
  { what: 'image', line: async () => `verify ${await scene.image({ stamped: true })}` },
  { what: 'blob', line: async () => `verify-blob ${await scene.blob({ stamped: true })}` },
] as const

for (const { what, line } of targets) {
  test(`${what}: the four variables are all the trust there is, announced one by one, and nobody is asked`, async () => {
    const { stderr, requests } = await good(cs(`${await line()} ${strict}`, { environment: ours }))
    for (const name of Object.keys(ours)) assert.match(stderr, new RegExp(`^WARNING: ${name} is set, which decides whom to trust$`, 'm'))
    assert.deepEqual(
      requests.filter(request => !request.includes('//registry.test/')),
      [],
    )
  })

  for (const { name, theirs, code, message } of [
    {
      name: 'SIGSTORE_ROOT_FILE',
      theirs: 'their-chain.pem',
      code: 'CERTIFICATE_UNTRUSTED',
      message: /not signed by certificate "CN=intermediate 1,/,
    },
    { name: 'SIGSTORE_REKOR_PUBLIC_KEY', theirs: 'their-rekor.pub', code: 'TLOG_UNKNOWN', message: /no trusted log has id/ },
    {
      name: 'SIGSTORE_CT_LOG_PUBLIC_KEY_FILE',
      theirs: 'their-ctfe.pub',
      code: 'SCT_INVALID',
      message: /log [0-9a-f]{16}… is not trusted$/,
    },
    {
      name: 'SIGSTORE_TSA_CERTIFICATE_FILE',
      theirs: 'their-tsa.pem',
      code: 'THRESHOLD_NOT_MET',
      message: /verified signed timestamps: 0 < 1: /,
    },
  ] satisfies { name: keyof typeof ours; theirs: string; code: ErrorCode; message: RegExp }[]) {
    test(`${what}: ${name} of another Sigstore refuses`, async () => {
      const outcome = await cs(`${await line()} ${strict} -o json`, { environment: { ...ours, [name]: theirs } })
      assertRefused(outcome, { exit: 1, code, message })
    })

    test(`${what}: ${name} that cannot be read is an error, and no other trust takes its place`, async () => {
      const outcome = await cs(`${await line()} ${strict} -o json`, { environment: { ...ours, [name]: 'nowhere.pem' } })
      assertRefused(outcome, { exit: 1, code: 'FILE_UNREADABLE', message: /nowhere\.pem/ })
    })
  }

  test(`${what}: --trusted-root is all the trust there is, whatever the variables say`, async () => {
    const environment = Object.fromEntries(Object.entries(ours).map(([name, file]) => [name, `their-${file}`]))
    const { stderr } = await good(cs(`${await line()} ${strict} --trusted-root trusted_root.json`, { environment }))
    assert.doesNotMatch(stderr, /decides whom to trust/)
    const theirs = await cs(`${await line()} ${strict} --trusted-root their-trusted_root.json -o json`, { environment: ours })
    assertRefused(theirs, { exit: 1, code: 'TLOG_UNKNOWN', message: /no trusted log has id/ })
  })

  test(`${what}: what the variables leave out comes from where trust is kept, never from nowhere`, async () => {
    const { SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: _, ...environment } = ours
    const outcome = await cs(`${await line()} ${strict} --offline -o json`, { environment })
    assertRefused(outcome, { exit: 1, code: 'SCT_INVALID', message: /is not trusted$/ })
    assert.match(outcome.stderr, /^WARNING: offline, .*using the trusted root that comes with countersign/m)
    await good(cs(`${await line()} ${strict} --insecure-ignore-sct`, { environment }))
  })
}

test('SIGSTORE_ROOT_FILE wants a root in it, SIGSTORE_TSA_CERTIFICATE_FILE the authority first', async () => {
  const line = `${await targets[1].line()} ${strict} -o json`
  const rootless = await cs(line, { environment: { ...ours, SIGSTORE_ROOT_FILE: 'intermediates.pem' } })
  assertRefused(rootless, {
    exit: 1,
    code: 'MATERIAL_MALFORMED',
    message: /^SIGSTORE_ROOT_FILE intermediates\.pem: want a root among the certificates/,
  })
  const notPem = await cs(line, { environment: { ...ours, SIGSTORE_TSA_CERTIFICATE_FILE: 'rekor.pub' } })
  assertRefused(notPem, { exit: 1, code: 'MATERIAL_UNSUPPORTED', message: /^SIGSTORE_TSA_CERTIFICATE_FILE rekor\.pub: want certificates/ })
})
