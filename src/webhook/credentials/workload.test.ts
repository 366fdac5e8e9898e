import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../codec/json.ts'
import { readAdmittedObject } from '../../policy/images/admitted-object.ts'
import { workloads } from '../../testing/admission/reviews.ts'
import { workloadOf } from './workload.ts'

const objectOf = ({ group, version, kind, podPath }: (typeof workloads)[number], pod: JsonObject) =>
  readAdmittedObject(
    {
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
      ...podPath.reduceRight<JsonObject>((inner, name) => ({ [name]: inner }), pod),
    },
    { namespace: 'team' },
  )
const podOf = (pod: JsonObject) => objectOf(workloads[0]!, pod)

for (const workload of workloads)
  test(`pull secrets and service account of a ${workload.group} ${workload.kind} ${workload.version}`, () =>
    assert.deepEqual(
      workloadOf(objectOf(workload, { imagePullSecrets: [{ name: 'a' }, { name: 'b' }, { name: 'a' }], serviceAccountName: 's' })),
      {
        namespace: 'team',
        pullSecrets: ['a', 'b'],
        serviceAccount: 's',
      },
    ))

for (const { name, pod, pullSecrets = [], serviceAccount = 'default' } of [
  { name: 'nothing said', pod: {} },
  { name: 'the older name of the account', pod: { serviceAccount: 'old' }, serviceAccount: 'old' },
  { name: 'a reference without a name', pod: { imagePullSecrets: [{}, { name: '' }, { name: 'a' }] }, pullSecrets: ['a'] },
  { name: 'nulls', pod: { imagePullSecrets: null, serviceAccountName: null } },
])
  test(`pull secrets: ${name}`, () => assert.deepEqual(workloadOf(podOf(pod)), { namespace: 'team', pullSecrets, serviceAccount }))

test('an object of a kind that others defined has what its namespace has', () =>
  assert.deepEqual(
    workloadOf(
      readAdmittedObject(
        { apiVersion: 'x.test/v1', kind: 'Cron', spec: { serviceAccountName: 'no' } },
        { resource: 'crons', namespace: 'team' },
      ),
    ),
    { namespace: 'team', pullSecrets: [], serviceAccount: 'default' },
  ))

for (const { name, pod, code, message } of [
  { name: 'no list', pod: { imagePullSecrets: 'a' }, code: 'DOCUMENT_MALFORMED', message: /^spec\.imagePullSecrets: want a list/ },
  {
    name: 'no objects',
    pod: { imagePullSecrets: ['a'] },
    code: 'DOCUMENT_MALFORMED',
    message: /^spec\.imagePullSecrets\[0\]: want an object/,
  },
  {
    name: 'no names',
    pod: { imagePullSecrets: [{ name: 1 }] },
    code: 'DOCUMENT_MALFORMED',
    message: /^spec\.imagePullSecrets\[0\]\.name: want a text/,
  },
  { name: 'no account', pod: { serviceAccountName: 1 }, code: 'DOCUMENT_MALFORMED', message: /^spec\.serviceAccountName: want a text/ },
  {
    name: 'too many',
    pod: { imagePullSecrets: Array.from({ length: 51 }, (_, at) => ({ name: `s${at}` })) },
    code: 'LIMIT_EXCEEDED',
    message: /want at most 50 pull secrets, got 51/,
  },
] as const)
  test(`pull secrets that are refused: ${name}`, () => assert.throws(() => workloadOf(podOf(pod)), { code, message }))
