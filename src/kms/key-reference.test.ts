import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeKeyReference, parseKeyReference } from './key-reference.ts'

for (const { text, reference } of [
  { text: 'cosign.key', reference: { kind: 'file', path: 'cosign.key' } },
  { text: '/keys/team.pub', reference: { kind: 'file', path: '/keys/team.pub' } },
  { text: 'gitlab.key', reference: { kind: 'file', path: 'gitlab.key' } }, // cosign takes it for a project on GitLab
  { text: 'C:\\keys\\team.pub', reference: { kind: 'file', path: 'C:\\keys\\team.pub' } },
  { text: 'gitlab', reference: { kind: 'file', path: 'gitlab' } },
  { text: 'gitlab://42', reference: { kind: 'gitlab', project: '42' } },
  { text: 'gitlab://group/sub.group/my_project-1', reference: { kind: 'gitlab', project: 'group/sub.group/my_project-1' } },
  { text: 'k8s://signing/release', reference: { kind: 'kubernetes', secret: { namespace: 'signing', name: 'release' } } },
  { text: 'k8s://n/release.v1-a', reference: { kind: 'kubernetes', secret: { namespace: 'n', name: 'release.v1-a' } } },
  { text: 'env://SIGNING_KEY', reference: { kind: 'environment', name: 'SIGNING_KEY' } },
  { text: 'https://keys.test/a.pub?v=1', reference: { kind: 'url', url: new URL('https://keys.test/a.pub?v=1') } },
  { text: 'http://localhost:8080/a.pub', reference: { kind: 'url', url: new URL('http://localhost:8080/a.pub') } },
  { text: 'http://127.0.0.1/a.pub', reference: { kind: 'url', url: new URL('http://127.0.0.1/a.pub') } },
  { text: 'http://[::1]:1/a.pub', reference: { kind: 'url', url: new URL('http://[::1]:1/a.pub') } },
  {
    text: 'pkcs11:token=t;object=k?pin-value=1',
    reference: { kind: 'remote', scheme: 'pkcs11', text: 'pkcs11:token=t;object=k?pin-value=1' },
  },
  { text: 'my-hsm://x?y', reference: { kind: 'remote', scheme: 'my-hsm', text: 'my-hsm://x?y' } }, // a plugin's, should there be one
  { text: 'hashivault://k', reference: { kind: 'remote', scheme: 'hashivault', text: 'hashivault://k' } },
  { text: 'openbao://k/versions/2', reference: { kind: 'remote', scheme: 'openbao', text: 'openbao://k/versions/2' } },
] as const)
  test(`parseKeyReference: ${text}`, () => assert.deepEqual(parseKeyReference(text), reference))

for (const { text, code, message } of [
  { text: '', code: 'REFERENCE_MALFORMED', message: /got nothing/ },
  { text: 'http://keys.test/a.pub', code: 'REFERENCE_MALFORMED', message: /want https, for anybody could alter a key sent over http/ },
  { text: 'http://localhost.evil.test/a.pub', code: 'REFERENCE_MALFORMED', message: /want https/ },
  { text: 'https://u:p4ss@keys.test/a.pub', code: 'REFERENCE_MALFORMED', message: /^(?!.*p4ss).*without a user name or password/ },
  { text: 'https://[?sig=s3cret', code: 'REFERENCE_MALFORMED', message: /^(?!.*s3cret).*want a URL/ },
  { text: 'github://o/r?token=s3cret', code: 'REFERENCE_MALFORMED', message: /^(?!.*s3cret).*unrecognized scheme/ },
  { text: 'https://[', code: 'REFERENCE_MALFORMED', message: /want a URL/ },
  {
    text: 'PKCS11:token=t;object=k?pin-value=s3cret',
    code: 'REFERENCE_MALFORMED',
    message: /^(?!.*s3cret).*want pkcs11: in lower case, got "PKCS11:"$/,
  },
  ...[
    'k8s://',
    'k8s://release',
    'k8s://signing/',
    'k8s://signing/release/cosign.key',
    'k8s://../release',
    'k8s://signing/..',
    'k8s://Signing/release',
    'k8s://signing/re%2Flease',
    'k8s://signing/release?namespace=other',
    `k8s://${'n'.repeat(64)}/release`,
    `k8s://signing/${'n'.repeat(254)}`,
  ].map(text => ({
    text,
    code: 'REFERENCE_MALFORMED',
    message: /^kubernetes specification should be in the format k8s:\/\/<namespace>\/<secret>, got/,
  })),
  { text: 'github://o/r', code: 'REFERENCE_MALFORMED', message: /unrecognized scheme: "github:\/\/"; want a file/ }, // secrets there cannot be read
  ...[
    'gitlab://',
    'gitlab://a/../b',
    'gitlab://a//b',
    'gitlab:///a',
    'gitlab://a/b?c',
    'gitlab://a%2Fb',
    'gitlab://-a',
    'gitlab://a/.',
  ].map(text => ({
    text,
    code: 'REFERENCE_MALFORMED',
    message: /^gitlab reference: want gitlab:\/\/NUMBER or gitlab:\/\/GROUP\/PROJECT, got/,
  })),
])
  test(`parseKeyReference refuses ${text || 'nothing'}`, () => {
    assert.throws(() => parseKeyReference(text), { name: 'CountersignError', code, message })
  })

for (const { text, shown } of [
  { text: 'https://keys.test/a.pub?sig=s3cret', shown: '"https://keys.test/a.pub"' },
  { text: 'pkcs11:token=t;object=o?pin-value=1234', shown: '"pkcs11:token=t;object=o"' },
  { text: 'gitlab://user:s3cret@group/project', shown: '"gitlab://group/project"' },
  { text: 'PKCS11:token=t?pin-value=s3cret', shown: '"PKCS11:token=t"' },
  { text: 'what?.key', shown: '"what?.key"' },
])
  test(`describeKeyReference: ${text}`, () => assert.equal(describeKeyReference(text), shown))
