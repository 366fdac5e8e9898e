import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { parseProtoJson } from './proto-json.ts'

for (const { name, text, value, error } of [
  { name: 'lowerCamel as it is', text: '{"logId":{"keyId":"AA=="}}', value: { logId: { keyId: 'AA==' } } },
  { name: 'proto names', text: '{"log_id":[{"key_id":"a_b"}]}', value: { logId: [{ keyId: 'a_b' }] } },
  { name: 'an underscore that is escaped', text: '{"log\\u005fid":1}', value: { logId: 1 } },
  { name: 'a null, which is no member', text: '{"logId":null,"a":[{"b":null}]}', value: { a: [{}] } },
  { name: 'a name of DSSE that has one spelling', text: '{"payload_type":1,"log_id":2}', value: { payload_type: 1, logId: 2 } },
  { name: 'two spellings of one member', text: '{"log_id":1,"logId":2}', error: /member "logId" appears in two spellings/ },
  { name: 'two spellings, one escaped', text: '{"log\\u005Fid":1,"logId":2}', error: /member "logId" appears in two spellings/ },
])
  test(`parseProtoJson: ${name}`, () => {
    const parse = () => parseProtoJson(encodeUtf8(text), 'document', { bytes: 1000 })
    if (error) assert.throws(parse, { code: 'JSON_MALFORMED', message: error })
    else assert.deepEqual(parse(), value)
  })
