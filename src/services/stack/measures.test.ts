import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { hashedRekord, p256 } from '../../testing/rekor/requests.ts'
import { createStackRig, type StackRig } from '../../testing/stack/stack-rig.ts'
import type { Measure } from './events.ts'
import { buildMeasures } from './measures.ts'

let rig: StackRig
before(async () => {
  rig = await createStackRig()
})
after(() => rig.remove())

function shown(measures: readonly Measure[]): Readonly<Record<string, number>> {
  const name = ({ metric, labels }: Measure) => [metric, ...Object.values(labels ?? {})].join(' ')
  return Object.fromEntries(measures.map(measure => [name(measure), measure.value]))
}

for (const { now, measures } of [
  {
    now: '2026-03-01T12:00:00Z',
    measures: {
      fulcio_certificate_valid_days_remaining: 1826,
      timestamp_authority_certificate_valid_days_remaining: 1826,
      'tuf_role_valid_days_remaining root': 3653,
      'tuf_role_valid_days_remaining timestamp': 7,
      'tuf_role_valid_days_remaining snapshot': 21,
      'tuf_role_valid_days_remaining targets': 180,
      stack_ready: 1,
    },
  },
  {
    now: '2026-03-09T00:00:00Z',
    measures: {
      fulcio_certificate_valid_days_remaining: 1818.5,
      timestamp_authority_certificate_valid_days_remaining: 1818.5,
      'tuf_role_valid_days_remaining root': 3645.5,
      'tuf_role_valid_days_remaining timestamp': -0.5,
      'tuf_role_valid_days_remaining snapshot': 13.5,
      'tuf_role_valid_days_remaining targets': 172.5,
      stack_ready: 0,
    },
  },
])
  test(`measures of a stack that was made on the first of March, on ${now}`, () => {
    rig.setTime(new Date(now))
    assert.deepEqual(shown(rig.stack.measures()), measures)
  })

test('measures: each service says which version of it runs', () => {
  assert.deepEqual(shown(buildMeasures({ version: 'v1.2.3', revision: 'abc', build_date: 'today' })), {
    'fulcio_build_info v1.2.3 abc today': 1,
    'rekor_build_info v1.2.3 abc today': 1,
    'rekor_v2_build_info v1.2.3 abc today': 1,
    'timestamp_authority_build_info v1.2.3 abc today': 1,
  })
})

test('measures: the size of a request to the log of version 2, and checkpoints that the log of version 1 published', async () => {
  const observed: (readonly [string, number])[] = []
  const watched = await createStackRig({ observe: (metric, amount) => observed.push([metric, amount]) })
  const body = JSON.stringify(hashedRekord(p256, 'PKIX_ECDSA_P256_SHA_256'))
  try {
    assert.equal((await watched.ask('/api/v2/log/entries', { method: 'POST', body })).status, 201)
    assert.deepEqual(
      observed.filter(([metric]) => metric.endsWith('_size')),
      [['rekor_v2_http_api_request_size', body.length]],
    )
  } finally {
    await watched.remove()
  }
  assert.ok(watched.counted.get('rekor_checkpoint_publish')! >= 1)
})
