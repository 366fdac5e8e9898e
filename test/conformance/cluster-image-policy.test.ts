import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { CountersignError } from '../../src/codec/error.ts'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { parseYamlDocuments } from '../../src/formats/kubernetes-manifest/yaml-documents.ts'
import { readClusterImagePolicy } from '../../src/policy/dialects/cip/read/read-cluster-image-policy.ts'
import { readTrustRoot } from '../../src/policy/dialects/cip/trust-root/read-trust-root.ts'
import { parseCertificatesPem } from '../../src/trust/pem-trust.ts'

// The policies of policy-controller's own suites, as they are: each that must be valid is read, and each that must not is refused in the
// words that its comments state. Those in CUE or Rego are refused for that, and for nothing else.

const folder = join(import.meta.dirname, '../../../shared/upstream/policy-controller')

/** Files of a folder by name. @throws when there are fewer than there were */
function files(name: string, least: number): readonly { readonly name: string; readonly text: string }[] {
  const path = join(folder, name)
  if (!existsSync(path)) throw new Error(`${path} is missing: third-party cases are run from there`)
  const names = readdirSync(path).filter(file => file.endsWith('.yaml'))
  if (names.length < least) throw new Error(`${path}: want at least ${least} files, got ${names.length}`)
  return names.sort().map(file => ({ name: file, text: readFileSync(join(path, file), 'utf8') }))
}

function read(text: string) {
  const objects = parseYamlDocuments(text).filter(value => value !== null)
  assert.equal(objects.length, 1)
  return readClusterImagePolicy(objects[0], { systemNamespace: 'cosign-system' })
}

function isInOtherLanguage(text: string): boolean {
  return /^\s*type: *"?(cue|rego)"?\s*$/m.test(text)
}

function readsAsItShould(text: string): void {
  if (!isInOtherLanguage(text)) {
    assert.ok(read(text).images.length > 0)
    return
  }
  assert.throws(() => read(text), { code: 'CAPABILITY_MISSING', message: /policies in CUE and Rego are not run here/ })
  const inCel = text.replaceAll(/^(\s*type:) *"?(?:cue|rego)"?\s*$/gm, '$1 cel')
  assert.ok(read(inCel).images.length > 0, 'nothing else is wrong with it')
}

describe('valid', () => {
  for (const { name, text } of files('valid', 8)) test(name, () => readsAsItShould(text))
})

describe('e2e', () => {
  const policies = files('e2e', 22).filter(({ text }) => text.includes('kind: ClusterImagePolicy'))
  for (const { name, text } of policies) test(name, () => readsAsItShould(text))
})

describe('invalid', () => {
  for (const { name, text } of files('invalid', 21))
    test(name, () => {
      const stated = [...text.matchAll(/^# ERROR: ?(.*)$/gm)].map(([, error]) => error!)
      assert.ok(stated.length > 0)
      assert.throws(
        () => read(text),
        (error: CountersignError) => {
          assert.equal(error.code, 'POLICY_MALFORMED')
          for (const part of stated) assert.ok(error.message.includes(part), `${error.message}\nshould say\n${part}`)
          return true
        },
      )
    })
})

describe('trust roots', () => {
  const [{ text } = { text: '' }] = files('trustroot/valid', 1)
  const golden = (name: string) => readFileSync(join(folder, 'trustroot/golden', name))
  const trustRoot = readTrustRoot(parseYamlDocuments(text).find(value => value !== null))

  test('valid-sigstore-keys.yaml', () => {
    assert.ok(trustRoot.kind === 'keys')
    const { certificateAuthorities = [], timestampAuthorities = [], transparencyLogs = [], ctLogs = [] } = trustRoot.trust
    assert.deepEqual(
      [certificateAuthorities, timestampAuthorities, transparencyLogs, ctLogs].map(({ length }) => length),
      [1, 1, 1, 1],
    )
    assert.deepEqual(certificateAuthorities[0]?.chain.at(-1)?.der, parseCertificatesPem(golden('fulcio.crt.pem'), 'golden').at(-1)?.der)
    assert.deepEqual(timestampAuthorities[0]?.chain.at(-1)?.der, parseCertificatesPem(golden('tsa.crt.pem'), 'golden').at(-1)?.der)
    assert.deepEqual(transparencyLogs[0]?.key.spki, parsePublicKeyPem(golden('rekor.pem'), 'golden').spki)
    assert.deepEqual(ctLogs[0]?.key.spki, parsePublicKeyPem(golden('ctfe.pem'), 'golden').spki)
  })
})
