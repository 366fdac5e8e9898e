import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parseImageReference } from '../../oci/reference.ts'
import { credentialsOfPullSecret } from './pull-secret.ts'

const secretOf = (keys: readonly string[], member = '.dockerconfigjson') => {
  const auths = Object.fromEntries(keys.map(key => [key, { username: key, password: 's3cret' }]))
  return new Map([[member, encodeUtf8(JSON.stringify(member === '.dockerconfigjson' ? { auths } : auths))]])
}

/** The key whose credentials an image has. */
function keyFor(image: string, data: ReadonlyMap<string, Uint8Array>): string | undefined {
  const found = credentialsOfPullSecret(data, parseImageReference(image), 'secret')
  return found?.kind === 'basic' ? found.username : found?.kind
}

for (const { name, keys, image, wins } of [
  { name: 'the host', keys: ['r.test'], image: 'r.test/team/app', wins: 'r.test' },
  { name: 'the host as a URL', keys: ['https://r.test/'], image: 'r.test/team/app', wins: 'https://r.test/' },
  { name: 'the host of an interface', keys: ['https://r.test/v2/'], image: 'r.test/team/app', wins: 'https://r.test/v2/' },
  { name: 'the longest path', keys: ['r.test', 'r.test/team', 'r.test/team/app/x'], image: 'r.test/team/app', wins: 'r.test/team' },
  { name: 'the whole name', keys: ['r.test/team', 'r.test/team/app'], image: 'r.test/team/app', wins: 'r.test/team/app' },
  { name: 'no part of a part', keys: ['r.test/te'], image: 'r.test/team/app', wins: undefined },
  { name: 'another host', keys: ['other.test', 'r.test.evil', 'xr.test'], image: 'r.test/app', wins: undefined },
  { name: 'another port', keys: ['r.test:5000'], image: 'r.test/app', wins: undefined },
  { name: 'its port', keys: ['r.test', 'r.test:5000'], image: 'r.test:5000/app', wins: 'r.test:5000' },
  { name: 'a wildcard', keys: ['*.r.test'], image: 'a.r.test/app', wins: '*.r.test' },
  { name: 'a wildcard within a part', keys: ['a*z.r.test'], image: 'abz.r.test/app', wins: 'a*z.r.test' },
  { name: 'a wildcard is one part', keys: ['*.test', '*'], image: 'a.r.test/app', wins: undefined },
  { name: 'the name before a wildcard', keys: ['*.r.test', 'a.r.test'], image: 'a.r.test/app', wins: 'a.r.test' },
  { name: 'Docker Hub', keys: ['https://index.docker.io/v1/'], image: 'nginx', wins: 'https://index.docker.io/v1/' },
  { name: 'Docker Hub by its short name', keys: ['docker.io'], image: 'nginx', wins: 'docker.io' },
  { name: 'a path of Docker Hub', keys: ['docker.io', 'docker.io/library'], image: 'nginx', wins: 'docker.io/library' },
  { name: 'nobody', keys: [], image: 'r.test/app', wins: undefined },
  { name: 'names of objects in JavaScript', keys: ['__proto__', 'constructor'], image: 'r.test/app', wins: undefined },
])
  test(`pull secret: ${name}`, () => {
    assert.equal(keyFor(image, secretOf(keys)), wins)
    assert.equal(keyFor(image, secretOf(keys, '.dockercfg')), wins)
  })

test('pull secret: user and password in one', () => {
  const auth = encodeBase64(encodeUtf8('ann:s3cret'))
  const data = new Map([['.dockerconfigjson', encodeUtf8(JSON.stringify({ auths: { 'r.test': { auth } } }))]])
  assert.deepEqual(credentialsOfPullSecret(data, parseImageReference('r.test/app'), 'secret'), {
    kind: 'basic',
    username: 'ann',
    password: 's3cret',
  })
})

for (const { name, data, message } of [
  { name: 'without a member', data: { other: 's3cret' }, message: /want \.dockerconfigjson or \.dockercfg in it, got neither/ },
  { name: 'of no JSON', data: { '.dockerconfigjson': 's3cret' }, message: /want a JSON object/ },
  { name: 'of a list', data: { '.dockerconfigjson': '{"auths":["s3cret"]}' }, message: /auths: want an object/ },
  { name: 'of a text', data: { '.dockerconfigjson': '{"auths":{"r.test":"s3cret"}}' }, message: /want an object/ },
  {
    name: 'of no base64',
    data: { '.dockerconfigjson': '{"auths":{"r.test":{"auth":"s3cret"}}}' },
    message: /want base64 of user and password/,
  },
])
  test(`a pull secret is refused without a word of it: ${name}`, () =>
    assert.throws(
      () =>
        credentialsOfPullSecret(
          new Map(Object.entries(data).map(([key, text]) => [key, encodeUtf8(text)])),
          parseImageReference('r.test/app'),
          'secret',
        ),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CREDENTIALS_MALFORMED')
        assert.match(error.message, message)
        assert.ok(!error.message.includes('s3cret'))
        return true
      },
    ))
