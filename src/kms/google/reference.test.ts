import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoogleReference } from './reference.ts'

const path = 'projects/p-1/locations/europe-west3/keyRings/r_1/cryptoKeys/K-1'
const parsed = { location: 'projects/p-1/locations/europe-west3', ring: 'r_1', key: 'K-1', keyName: path, version: undefined }

for (const { text, reference } of [
  { text: `gcpkms://${path}`, reference: parsed },
  { text: `gcpkms://${path}/versions/1`, reference: { ...parsed, version: '1' } },
  { text: `gcpkms://${path}/cryptoKeyVersions/12`, reference: { ...parsed, version: '12' } },
])
  test(`parseGoogleReference: ${text}`, () => assert.deepEqual(parseGoogleReference(text), reference))

test('parseGoogleReference: a project of an organisation', () => {
  assert.equal(
    parseGoogleReference(`gcpkms://${path.replace('p-1', 'example.com:p')}`).location,
    'projects/example.com:p/locations/europe-west3',
  )
})

for (const { text, message } of [
  { text: 'gcpkms://', message: /want projects\/ before the project, got ""/ },
  { text: 'gcpkms://projects/p', message: /want locations\/ before the location, got ""/ },
  { text: 'gcpkms://projects/P/locations/l/keyRings/r/cryptoKeys/k', message: /that is no project: "P"/ },
  { text: `gcpkms:///${path}`, message: /want projects\// },
  { text: `gcpkms://${path.replace('locations', 'regions')}`, message: /want locations\/ before the location, got "regions"/ },
  { text: `gcpkms://${path.replace('r_1', 'r.1')}`, message: /that is no key ring: "r\.1"/ },
  { text: `gcpkms://${path.replace('K-1', '')}`, message: /that is no key: ""/ },
  { text: `gcpkms://${path}/`, message: /want cryptoKeyVersions\/ before the version, got ""/ },
  { text: `gcpkms://${path}/versions`, message: /version: want a number from 1, got ""/ },
  { text: `gcpkms://${path}/versions/0`, message: /version: want a number from 1, got "0"/ },
  { text: `gcpkms://${path}/versions/latest`, message: /got "latest"/ },
  { text: `gcpkms://${path}/versions/1/x`, message: /nothing follows the version/ },
  { text: `gcpkms://${path}/versions/1?key=s3cret`, message: /^(?!.*s3cret).*version: want a number/ },
  { text: `gcpkms://${path}?key=s3cret`, message: /^(?!.*s3cret).*that is no key/ },
  { text: `gcpkms://me:s3cret@${path}`, message: /^(?!.*s3cret).*want projects\// },
  { text: `gcpkms://${path}\n`, message: /that is no key/ },
  { text: `gcpkms://${'x'.repeat(1025)}`, message: /it is too long/ },
])
  test(`parseGoogleReference refuses ${JSON.stringify(text.slice(0, 100))}`, () => {
    assert.throws(() => parseGoogleReference(text), { code: 'REFERENCE_MALFORMED', message })
  })
