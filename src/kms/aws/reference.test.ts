import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAwsReference } from './reference.ts'

const id = '1234abcd-12ab-34cd-56ef-1234567890ab'
const arn = 'arn:aws:kms:us-east-2:111122223333'
const none = { endpoint: undefined, alias: undefined, region: undefined }

for (const { text, parsed } of [
  { text: `awskms:///${id}`, parsed: { ...none, keyId: id } },
  { text: `awskms:///${id.replaceAll('-', '')}`, parsed: { ...none, keyId: id.replaceAll('-', '') } },
  { text: `awskms:///${id.toUpperCase()}`, parsed: { ...none, keyId: id.toUpperCase() } },
  { text: 'awskms:///mrk-1234abcd12ab34cd56ef1234567890ab', parsed: { ...none, keyId: 'mrk-1234abcd12ab34cd56ef1234567890ab' } },
  { text: 'awskms:///alias/release', parsed: { ...none, keyId: 'alias/release', alias: 'alias/release' } },
  { text: 'awskms:///alias/team/a_b-1', parsed: { ...none, keyId: 'alias/team/a_b-1', alias: 'alias/team/a_b-1' } },
  { text: `awskms:///${arn}:key/${id}`, parsed: { ...none, keyId: `${arn}:key/${id}`, region: 'us-east-2' } },
  {
    text: `awskms:///${arn}:key/mrk-1234abcd12ab34cd56ef1234567890ab`,
    parsed: { ...none, keyId: `${arn}:key/mrk-1234abcd12ab34cd56ef1234567890ab`, region: 'us-east-2' },
  },
  {
    text: `awskms:///${arn}:alias/release`,
    parsed: { ...none, keyId: `${arn}:alias/release`, alias: 'alias/release', region: 'us-east-2' },
  },
  {
    text: `awskms:///arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/${id}`,
    parsed: { ...none, keyId: `arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/${id}`, region: 'us-gov-west-1' },
  },
  {
    text: `awskms:///arn:aws-cn:kms:cn-north-1:111122223333:key/${id}`,
    parsed: { ...none, keyId: `arn:aws-cn:kms:cn-north-1:111122223333:key/${id}`, region: 'cn-north-1' },
  },
  {
    text: 'awskms://localhost:4566/alias/release',
    parsed: { ...none, endpoint: 'https://localhost:4566', keyId: 'alias/release', alias: 'alias/release' },
  },
  { text: `awskms://[::1]:4566/${id}`, parsed: { ...none, endpoint: 'https://[::1]:4566', keyId: id } },
  {
    text: `awskms://kms-fips.us-east-1.amazonaws.com/${id}`,
    parsed: { ...none, endpoint: 'https://kms-fips.us-east-1.amazonaws.com', keyId: id },
  },
])
  test(`parseAwsReference: ${text}`, () => assert.deepEqual(parseAwsReference(text), parsed))

for (const text of [
  'awskms://',
  'awskms:///',
  'awskms://localhost:4566',
  `awskms://${id}`,
  'awskms:///release',
  'awskms:///alias/',
  'awskms:///alias/a b',
  'awskms:///alias/a?b',
  `awskms:///alias/${'a'.repeat(251)}`,
  `awskms:///${id}0`,
  `awskms:///${id}/`,
  `awskms:///rk-${id}`,
  `awskms:///key/${id}`,
  `awskms:///arn:aws:s3:us-east-2:111122223333:key/${id}`,
  `awskms:///arn:gcp:kms:us-east-2:111122223333:key/${id}`,
  `awskms:///arn:aws:kms:us-east-2:1111222233:key/${id}`,
  `awskms:///arn:aws:kms:us-east-2:111122223333:key/alias/a`,
  `awskms:///arn:aws:kms:us-east-2:111122223333:${id}`,
  `awskms://local host/${id}`,
  `awskms://localhost:99999/${id}`,
  `awskms://host#/${id}`,
  `awskms://-host/${id}`,
  `awskms://user:s3cret@localhost/${id}`,
  `awskms:///${id}?token=s3cret`,
  `awskms:///${id}\n`,
])
  test(`parseAwsReference refuses ${JSON.stringify(text)}`, () =>
    assert.throws(() => parseAwsReference(text), {
      name: 'CountersignError',
      code: 'REFERENCE_MALFORMED',
      message: /^(?!.*s3cret)key reference "awskms:.*: want awskms:\/\/\/KEYID, awskms:\/\/\/alias\/NAME or the ARN of either/,
    }))
