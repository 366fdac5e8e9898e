import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { statementPayloadType } from '../../formats/statement.ts'
import { readGivenAttestations } from './given-attestation.ts'

const image = ociDigestOf(encodeUtf8('image'))

for (const { name, text, code, message } of [
  { name: 'of no known form', text: '{}', code: 'BUNDLE_MALFORMED', message: /^f\.json: document 1: JSON: want a Sigstore bundle, / },
  {
    name: 'with a member twice',
    text: '{"payloadType":1,"payloadType":2}',
    code: 'BUNDLE_MALFORMED',
    message: /^f\.json: document 1: JSON: member "payloadType" appears twice/,
  },
  {
    name: 'whose statement is of nothing known',
    text: JSON.stringify({ payloadType: statementPayloadType, payload: encodeBase64(encodeUtf8('{}')), signatures: [{ sig: 'AAAA' }] }),
    code: 'STATEMENT_MALFORMED',
    message: /^f\.json: document 1: statement: _type: /,
  },
] as const)
  test(`a document ${name} is told by its place, once`, () =>
    assert.throws(
      () => readGivenAttestations(encodeUtf8(text), image, 'f.json'),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, code)
        assert.match(error.message, message)
        assert.equal(error.message.split('f.json').length, 2, error.message)
        return true
      },
    ))
