import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { describePkcs11, encodePkcs11Uri, type Pkcs11Reference, parsePkcs11Reference } from './reference.ts'

const cases: readonly { readonly uri: string; readonly reference: Pkcs11Reference; readonly printed?: string }[] = [
  { uri: 'pkcs11:token=release;object=k1', reference: { token: 'release', object: 'k1' } },
  {
    uri: 'pkcs11:token=release;slot-id=2099523502;id=%01%ff;object=k1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-value=1234',
    reference: {
      token: 'release',
      slotId: 2_099_523_502n,
      id: Uint8Array.of(1, 255),
      object: 'k1',
      modulePath: '/usr/lib/softhsm/libsofthsm2.so',
      pin: { value: '1234' },
    },
  },
  { uri: 'pkcs11:slot-id=0;id=%41', reference: { slotId: 0n, id: encodeUtf8('A') } },
  {
    uri: 'pkcs11:slot-id=18446744073709551615;id=A',
    reference: { slotId: 2n ** 64n - 1n, id: encodeUtf8('A') },
    printed: 'pkcs11:slot-id=18446744073709551615;id=%41',
  },
  {
    uri: 'pkcs11:token=t&id=%41&object=o?module-path=/m;pin-value=1', // cosign divides by either
    reference: { token: 't', id: encodeUtf8('A'), object: 'o', modulePath: '/m', pin: { value: '1' } },
    printed: 'pkcs11:token=t;id=%41;object=o?module-path=/m&pin-value=1',
  },
  { uri: 'pkcs11:token=a%20b%3bc%26d;object=50%25+1', reference: { token: 'a b;c&d', object: '50%+1' } }, // a plus sign is one
  { uri: 'pkcs11:token=Schl%c3%bcssel;object=%e2%82%ac', reference: { token: 'Schlüssel', object: '€' } },
  {
    uri: 'pkcs11:object=k;type=private;model=SoftHSM%20v2;serial=046e7d77fd242fae;manufacturer=SoftHSM%20project;token=release', // of p11tool
    reference: { token: 'release', manufacturer: 'SoftHSM project', model: 'SoftHSM v2', serial: '046e7d77fd242fae', object: 'k' },
    printed: 'pkcs11:token=release;manufacturer=SoftHSM%20project;model=SoftHSM%20v2;serial=046e7d77fd242fae;object=k',
  },
  { uri: 'pkcs11:serial=1;object=k;type=public', reference: { serial: '1', object: 'k' }, printed: 'pkcs11:serial=1;object=k' },
  { uri: 'pkcs11:token=t;object=k?pin-value=a/b?c%26d', reference: { token: 't', object: 'k', pin: { value: 'a/b?c&d' } } },
  {
    uri: 'pkcs11:token=t;object=k?pin-source=file:///run/pin',
    reference: { token: 't', object: 'k', pin: { path: '/run/pin' } },
    printed: 'pkcs11:token=t;object=k?pin-source=file:/run/pin',
  },
  {
    uri: 'pkcs11:token=t;object=k?pin-source=/run/pin',
    reference: { token: 't', object: 'k', pin: { path: '/run/pin' } },
    printed: 'pkcs11:token=t;object=k?pin-source=file:/run/pin',
  },
  {
    uri: 'pkcs11:token=t;object=k?module-path=C:%5cWindows%5ceps.dll',
    reference: { token: 't', object: 'k', modulePath: 'C:\\Windows\\eps.dll' },
  },
]

for (const { uri, reference, printed = uri } of cases)
  test(`parsePkcs11Reference: ${uri}`, () => {
    assert.deepEqual(parsePkcs11Reference(uri), reference)
    assert.equal(encodePkcs11Uri(reference), printed)
    assert.deepEqual(parsePkcs11Reference(printed), reference)
  })

for (const { name, uri, message } of [
  {
    name: 'another scheme',
    uri: 'pkcs12:token=t;object=k?pin-value=s3cret',
    message: /want it to begin with pkcs11:, got "pkcs12:token=t;object=k"$/,
  },
  { name: 'a URI with slashes', uri: 'pkcs11://token=t;object=k', message: /want NAME=VALUE, none empty, got "\/\/token=t"/ },
  { name: 'nothing', uri: 'pkcs11:', message: /want NAME=VALUE/ },
  { name: 'no token', uri: 'pkcs11:object=k', message: /want one of token, serial and slot-id/ },
  { name: 'no key', uri: 'pkcs11:token=t', message: /want one of id and object/ },
  { name: 'an empty value', uri: 'pkcs11:token=;object=k', message: /want NAME=VALUE, none empty, got "token="/ },
  { name: 'an empty attribute', uri: 'pkcs11:token=t;;object=k', message: /want NAME=VALUE, none empty, got ""/ },
  {
    name: 'a bare & within a label',
    uri: 'pkcs11:token=a&b;object=k',
    message: /got "b"; ";" and "&" within a value are written %3b and %26/,
  },
  { name: 'an attribute twice', uri: 'pkcs11:token=t;token=u;object=k', message: /want token once/ },
  {
    name: 'an unknown attribute',
    uri: 'pkcs11:token=t;object=k;x-foo=1',
    message: /unknown attribute "x-foo"; want token, manufacturer, .* or type/,
  },
  {
    name: 'an unknown attribute of the query',
    uri: 'pkcs11:token=t;object=k?x-pin=s3cret',
    message: /^PKCS #11 URI: unknown attribute in the query; want module-path, pin-value or pin-source/,
  },
  {
    name: 'a PIN with a bare "&" before what looks like a name',
    uri: 'pkcs11:token=t;object=k?pin-value=s3&s3cret=1',
    message: /unknown attribute in the query/,
  },
  {
    name: 'the same twice',
    uri: 'pkcs11:token=t;object=k?pin-value=s3&s3cret=1&s3cret=2',
    message: /want each attribute once/,
  },
  {
    name: 'a PIN in the path',
    uri: 'pkcs11:token=t;object=k;pin-value=s3cret%zz',
    message: /pin-value: want two hex digits after each %$/,
  },
  {
    name: 'a PIN in the path with a bare ";"',
    uri: 'pkcs11:token=t;object=k;pin-value=s;s3cret',
    message: /want NAME=VALUE, none empty, in the path; ";" and "&"/,
  },
  {
    name: 'an attribute of the query in the path',
    uri: 'pkcs11:token=t;object=k;module-path=/m',
    message: /unknown attribute "module-path"/,
  },
  {
    name: 'module-name',
    uri: 'pkcs11:token=t;object=k?module-name=softhsm2',
    message: /module-name: want the file itself, by module-path/,
  },
  {
    name: 'a relative module',
    uri: 'pkcs11:token=t;object=k?module-path=./m.so',
    message: /module-path: want an absolute path, got ".\/m.so"/,
  },
  { name: 'a certificate', uri: 'pkcs11:token=t;object=k;type=cert', message: /type: want private or public, a key pair, got "cert"/ },
  { name: 'a slot that is no number', uri: 'pkcs11:slot-id=0x1;object=k', message: /slot-id: want a plain decimal below 2\^64, got "0x1"/ },
  { name: 'a slot with a leading zero', uri: 'pkcs11:slot-id=01;object=k', message: /slot-id: want a plain decimal/ },
  {
    name: 'a slot past 64 bits',
    uri: 'pkcs11:slot-id=18446744073709551616;object=k',
    message: /slot-id: want a plain decimal below 2\^64/,
  },
  { name: 'a broken escape', uri: 'pkcs11:token=t;object=%4', message: /object: want two hex digits after each %, got "%4"/ },
  {
    name: 'a broken escape in the PIN',
    uri: 'pkcs11:token=t;object=k?pin-value=s3cret%zz',
    message: /pin-value: want two hex digits after each %$/,
  },
  {
    name: 'a space',
    uri: 'pkcs11:token=a b;object=k',
    message: /token: want characters that a URI may hold, others percent-encoded, got "a b"/,
  },
  { name: 'a letter past ASCII', uri: 'pkcs11:token=ü;object=k', message: /token: want characters that a URI may hold/ },
  { name: 'a fragment', uri: 'pkcs11:token=t;object=k#x', message: /object: want characters that a URI may hold/ },
  { name: 'a label that is no UTF-8', uri: 'pkcs11:token=%ff;object=k', message: /token: want UTF-8 text/ },
  { name: 'NUL in a label', uri: 'pkcs11:token=t;object=k%00', message: /object: want text without NUL/ },
  {
    name: 'a long token label',
    uri: `pkcs11:token=${'t'.repeat(33)};object=k`,
    message: /token: want at most 32 bytes, which is what tokens hold, got 33/,
  },
  { name: 'a long id', uri: `pkcs11:token=t;id=${'%00'.repeat(256)}`, message: /id: want at most 255 bytes, got 256/ },
  { name: 'a long URI', uri: `pkcs11:token=t;object=${'k'.repeat(5000)}`, message: /want at most 4096 characters, got 5022/ },
  {
    name: 'two PINs',
    uri: 'pkcs11:token=t;object=k?pin-value=s3cret&pin-source=/f',
    message: /want one of pin-value and pin-source, got both/,
  },
  {
    name: 'a PIN by a program',
    uri: 'pkcs11:token=t;object=k?pin-source=|/bin/get-pin',
    message: /pin-source: want a file, got a program to run/,
  },
  {
    name: 'a PIN by a relative path',
    uri: 'pkcs11:token=t;object=k?pin-source=pin',
    message: /pin-source: want a file by its absolute path/,
  },
  {
    name: 'a PIN on another host',
    uri: 'pkcs11:token=t;object=k?pin-source=file:////host/pin',
    message: /pin-source: want a file by its absolute path/,
  },
])
  test(`parsePkcs11Reference refuses ${name}`, () => {
    assert.throws(() => parsePkcs11Reference(uri), { code: 'REFERENCE_MALFORMED', message })
    assert.throws(
      () => parsePkcs11Reference(uri),
      ({ message }: Error) => !message.includes('s3cret'),
    )
  })

test('describePkcs11 shows neither module nor PIN', () =>
  assert.equal(
    describePkcs11(parsePkcs11Reference('pkcs11:token=t;object=k?module-path=/m&pin-value=1234')),
    'PKCS #11 key "pkcs11:token=t;object=k"',
  ))
