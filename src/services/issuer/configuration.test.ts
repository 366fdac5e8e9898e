import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkIssuerOptions, type IssuerOptions } from './configuration.ts'
import { secret, url, users } from './issuer-rig.test.ts'

const [user] = users
for (const { name, change, message } of [
  { name: 'no URL', change: { url: 'issuer' }, message: /want an http or https URL, got "issuer"/ },
  { name: 'another scheme', change: { url: 'file:///issuer' }, message: /want an http or https URL/ },
  { name: 'a slash at the end', change: { url: 'https://id.example.com/' }, message: /no slash at the end/ },
  { name: 'upper case', change: { url: 'https://ID.example.com' }, message: /in lower case/ },
  { name: 'its default port', change: { url: 'https://id.example.com:443' }, message: /want scheme, host and path/ },
  { name: 'a query', change: { url: 'https://id.example.com?a' }, message: /nothing after it/ },
  { name: 'a user', change: { url: 'https://me@id.example.com' }, message: /want scheme, host and path/ },
  { name: 'an encoded path', change: { url: 'https://id.example.com/%41' }, message: /want a path of letters/ },
  { name: 'http beyond loopback', change: { url: 'http://id.example.com' }, message: /want https, or http on localhost/ },
  {
    name: 'a name that begins like loopback',
    change: { url: 'http://localhost.example.com' },
    message: /want https, or http on localhost/,
  },
  {
    name: 'an address that is none',
    change: { users: [{ ...user, email: 'alice' }] },
    message: /users\[0\]\.email: want an email address, got "alice"/,
  },
  { name: 'an address twice', change: { users: [user, { ...user, email: 'ALICE@example.com' }] }, message: /every email address once/ },
  { name: 'an id twice', change: { users: [user, { ...users[1], id: 'Alice@example.com' }] }, message: /every id once/ },
  { name: 'an id with a space', change: { users: [{ ...user, id: 'a b' }] }, message: /users\[0\]\.id/ },
  { name: 'a password', change: { users: [{ ...user, passwordHash: 'secret' }] }, message: /users\[0\]\.passwordHash: want a hash/ },
  { name: 'a program called sigstore', change: { clients: [{ id: 'sigstore', secret }] }, message: /and sigstore not at all/ },
  {
    name: 'a program twice',
    change: {
      clients: [
        { id: 'a', secret },
        { id: 'a', secret },
      ],
    },
    message: /clients: want every id once/,
  },
  { name: 'a short secret', change: { clients: [{ id: 'a', secret: 'short' }] }, message: /clients\[0\]\.secret: want 16 to 256/ },
  { name: 'a program with a colon', change: { clients: [{ id: 'a:b', secret }] }, message: /clients\[0\]\.id/ },
  { name: "a program's address", change: { clients: [{ id: 'a', secret, email: 'b' }] }, message: /clients\[0\]\.email/ },
  {
    name: 'imitation beyond loopback',
    change: { url: 'https://id.example.com', dev: { ciSecret: secret } },
    message: /dev: want an issuer on localhost/,
  },
  { name: 'imitation with a short secret', change: { dev: { ciSecret: 'short' } }, message: /dev: want a secret of 16/ },
  { name: 'tokens for ever', change: { tokenSeconds: 86_400 }, message: /tokenSeconds: want a whole number from 60 to 3600, got 86400/ },
  { name: 'no interval', change: { deviceIntervalSeconds: 0 }, message: /deviceIntervalSeconds/ },
  { name: 'keys for ever', change: { keyDays: 1000 }, message: /keyDays/ },
])
  test(`an issuer is not made of: ${name}`, () => {
    const options = { url, users, ...change } as IssuerOptions
    assert.throws(() => checkIssuerOptions(options), { code: 'CONFIGURATION_MALFORMED', message })
    assert.throws(
      () => checkIssuerOptions(options),
      ({ message: text }: Error) => text.startsWith('issuer: ') || text.startsWith('users[0]'),
    )
  })

for (const good of [
  'https://id.example.com',
  'https://id.example.com:8443/a/b',
  'http://127.0.0.1:1',
  'http://[::1]:5556/dex',
  'http://localhost:1/x-y',
])
  test(`an issuer may be ${good}`, () => assert.equal(checkIssuerOptions({ url: good, users: [] }).issuer, good))
