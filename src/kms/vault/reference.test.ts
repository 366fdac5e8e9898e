import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVaultReference } from './reference.ts'

for (const { text, product = 'HashiCorp Vault', key, version } of [
  { text: 'hashivault://k', key: 'k' },
  { text: 'openbao://release', product: 'OpenBao', key: 'release' },
  { text: 'hashivault://team_1.release-2026', key: 'team_1.release-2026' },
  { text: 'hashivault://k/versions/1', key: 'k', version: 1 },
  { text: 'openbao://a.b/versions/120', product: 'OpenBao', key: 'a.b', version: 120 },
])
  test(`parseVaultReference: ${text}`, () => assert.deepEqual(parseVaultReference(text), { product, key, version }))

for (const text of [
  'hashivault://',
  'hashivault:///k',
  'hashivault://-k',
  'hashivault://k-',
  'hashivault://k.',
  'hashivault://a/b',
  'hashivault://a%2Fb',
  'hashivault://../keys',
  'hashivault://k/versions/0',
  'hashivault://k/versions/01',
  'hashivault://k/versions/',
  'hashivault://k/versions/latest',
  'hashivault://k/versions/1/',
  'hashivault://k/cryptoKeyVersions/1',
  'hashivault://k@host',
  'hashivault://k\n',
  'hashivault://ключ',
  'HASHIVAULT://k',
  `hashivault://${'k'.repeat(256)}`,
])
  test(`parseVaultReference refuses ${JSON.stringify(text).slice(0, 60)}`, () =>
    assert.throws(() => parseVaultReference(text), {
      code: 'REFERENCE_MALFORMED',
      message: /^key reference: want hashivault:\/\/KEY or hashivault:\/\/KEY\/versions\/N, .*, got "/,
    }))

test('parseVaultReference repeats no user name and password', () =>
  assert.throws(() => parseVaultReference('hashivault://me:s3cret@vault.test/k'), {
    message: /^(?!.*s3cret).*, got "hashivault:\/\/vault\.test\/k"$/,
  }))

test('parseVaultReference repeats no query, and names the scheme that was meant', () =>
  assert.throws(() => parseVaultReference('openbao://k?token=s3cret'), { message: /want openbao:\/\/KEY or .*, got "openbao:\/\/k"$/ }))
