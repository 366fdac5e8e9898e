import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAdmittedObject } from './admitted-object.ts'

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop', labels: { tier: 'front' } } }

test('an object says what it is, and a request says it better', () => {
  const { json, ...object } = readAdmittedObject(deployment)
  assert.equal(json, deployment)
  const labels = new Map([['tier', 'front']])
  const own = { group: 'apps', version: 'v1', kind: 'Deployment', resource: 'deployments', namespace: 'shop', name: 'web', labels }
  assert.deepEqual(object, own)
  const told = readAdmittedObject(deployment, { namespace: 'other', name: 'named', resource: 'things' })
  assert.deepEqual([told.namespace, told.name, told.resource], ['other', 'named', 'things'])
})

test('what has no name yet goes by the beginning of it', () => {
  const object = readAdmittedObject({ apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'web-' } }, { name: '' })
  assert.deepEqual([object.name, object.group, object.namespace, object.labels.size], ['web-', '', '', 0])
})

for (const { name, json, code = 'DOCUMENT_MALFORMED', message } of [
  { name: 'a list', json: [], message: /^object: want an object/ },
  { name: 'nothing', json: undefined, message: /^object: want an object, got nothing/ },
  { name: 'no apiVersion', json: { kind: 'Pod' }, message: /^object: apiVersion: want a string/ },
  { name: 'empty kind', json: { apiVersion: 'v1', kind: '' }, message: /^object: kind: want a text/ },
  { name: 'metadata that is none', json: { ...deployment, metadata: 'x' }, message: /^object: metadata: want an object/ },
  { name: 'label that is no text', json: { ...deployment, metadata: { labels: { a: 1 } } }, message: /^object: metadata\.labels\["a"\]/ },
  {
    name: 'namespace that is no text',
    json: { ...deployment, metadata: { namespace: {} } },
    message: /metadata\.namespace: want a string/,
  },
  {
    name: 'unknown kind',
    json: { apiVersion: 'x.test/v1', kind: 'Thing' },
    code: 'USAGE',
    message: /the resource of kind "Thing" of group "x\.test" is not known/,
  },
])
  test(`readAdmittedObject refuses: ${name}`, () => assert.throws(() => readAdmittedObject(json), { code, message }))
