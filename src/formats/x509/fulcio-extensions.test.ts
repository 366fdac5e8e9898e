import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeBase64 } from '../../codec/base64.ts'
import { encodeDerText } from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { createRoot } from '../../testing/sigstore/certificate-authority.ts'
import { parseCertificate } from './certificate.ts'
import type { NewExtension } from './extension-writer.ts'
import { type FulcioExtensionName, fulcioExtensionKinds, readFulcioExtensions, unknownFulcioExtensions } from './fulcio-extensions.ts'

const arc = '1.3.6.1.4.1.57264.1.'
const extension = (number: number, value: Uint8Array): NewExtension => ({ oid: `${arc}${number}`, critical: false, value })
const utf8 = (text: string) => encodeDerText('utf8String', text)

/** What is read of a certificate that has these extensions of the arc alone. */
function read(...extensions: readonly NewExtension[]) {
  return { extensions: new Map(extensions.map(({ oid, ...rest }) => [oid, rest])) }
}

for (const { name, extensions, values, error } of [
  { name: 'none', extensions: [], values: {} },
  { name: 'the issuer, as bare text', extensions: [extension(1, encodeUtf8('i'))], values: { issuer: 'i' } },
  { name: 'the issuer, as DER', extensions: [extension(8, utf8('i'))], values: { issuer: 'i' } },
  { name: 'the issuer in both forms', extensions: [extension(8, utf8('i')), extension(1, encodeUtf8('i'))], values: { issuer: 'i' } },
  {
    name: 'two issuers',
    extensions: [extension(1, encodeUtf8('i')), extension(8, utf8('j'))],
    error: /its two issuer extensions disagree: "i" and "j"/,
  },
  {
    name: 'an issuer that is DER where bare text belongs',
    extensions: [extension(1, utf8('i')), extension(8, utf8('i'))],
    error: /disagree/,
  },
  {
    name: 'bare text where DER belongs',
    extensions: [extension(9, encodeUtf8('x'))],
    error: /extension 1\.3\.6\.1\.4\.1\.57264\.1\.9 \(build-signer-uri\): want a UTF8String/,
  },
  { name: 'a string of another type', extensions: [extension(9, encodeDerText('ia5String', 'x'))], error: /want a UTF8String/ },
  { name: 'bytes after the string', extensions: [extension(9, new Uint8Array([...utf8('x'), 0]))], error: /1 bytes after the end/ },
  { name: 'no UTF-8', extensions: [extension(2, Uint8Array.of(0xff))], error: /\(github-workflow-trigger\): want UTF-8 text/ },
  { name: 'an empty text', extensions: [extension(23, utf8(''))], values: { 'deployment-environment': '' } },
  { name: 'unknown numbers', extensions: [extension(99, Uint8Array.of(1)), extension(7, Uint8Array.of(1))], values: {} },
] satisfies readonly { name: string; extensions: NewExtension[]; values?: Partial<Record<FulcioExtensionName, string>>; error?: RegExp }[])
  test(`readFulcioExtensions: ${name}`, () => {
    if (error) assert.throws(() => readFulcioExtensions(read(...extensions)), { code: 'CERTIFICATE_MALFORMED', message: error })
    else assert.deepEqual(Object.fromEntries(readFulcioExtensions(read(...extensions))), values)
  })

test('unknownFulcioExtensions: those of the arc that have no name', () => {
  const known = fulcioExtensionKinds.map(({ oid }) => ({ oid, critical: false, value: new Uint8Array() }))
  const others = [extension(7, new Uint8Array()), extension(25, new Uint8Array()), { ...extension(1, new Uint8Array()), oid: '1.2.3' }]
  assert.deepEqual(unknownFulcioExtensions(read(...known, ...others)), [`${arc}7`, `${arc}25`])
})

test('every extension is written and read', async () => {
  const fulcio = Object.fromEntries(fulcioExtensionKinds.map(({ name }) => [name, `${name} é`])) as Record<FulcioExtensionName, string>
  const { certificate } = await (await createRoot()).issueLeaf({ fulcio })
  assert.deepEqual(Object.fromEntries(readFulcioExtensions(certificate)), fulcio)
  const numbers = [...certificate.extensions.keys()].flatMap(oid => (oid.startsWith(arc) ? [Number(oid.slice(arc.length))] : []))
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, ...Array.from({ length: 17 }, (_, at) => at + 8)])
})

test('real certificates', () => {
  const path = join(import.meta.dirname, '../../../test/vectors/fulcio/certificates.json')
  const { leaves }: { leaves: readonly { name: string; der: string }[] } = JSON.parse(readFileSync(path, 'utf8'))
  const [workflow, account] = leaves.map(({ name, der }) => readFulcioExtensions(parseCertificate(decodeBase64(der, name), name)))
  assert.equal(workflow?.get('issuer'), 'https://token.actions.githubusercontent.com')
  assert.equal(workflow?.get('source-repository-uri'), 'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon')
  assert.equal(workflow?.get('github-workflow-trigger'), workflow?.get('build-trigger'))
  assert.deepEqual([...account!], [['issuer', 'https://accounts.google.com']])
})
