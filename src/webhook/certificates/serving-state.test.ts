import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { encodeHex } from '../../codec/hex.ts'
import { advanceServing, type ServingState } from './serving-state.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-01-02T03:04:05Z')
const ceremonyAt = (day: number) => ({
  now: () => new Date(start + day * dayMs),
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
})
const names = ['countersign.cosign-system.svc', 'countersign.cosign-system.svc.cluster.local']
const node = ({ certificate }: { certificate: { der: Uint8Array } }) => new X509Certificate(certificate.der)

const proven = new Map<string, boolean>()

function isTrusted({ serving }: ServingState, { authorities }: ServingState): boolean {
  return authorities.some(authority => {
    const both = [serving, authority].map(({ certificate }) => encodeHex(certificate.fingerprint)).join()
    const isProven = proven.get(both) ?? isIssuedBy(node(serving), node(authority))
    proven.set(both, isProven)
    return isProven
  })
}

function isIssuedBy(leaf: X509Certificate, authority: X509Certificate): boolean {
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey)
}

test('an authority of ten years certifies a server for 90 days', async () => {
  const { authorities, serving } = await advanceServing(undefined, names, ceremonyAt(0))
  const [authority, ...others] = authorities
  const [root, leaf] = [node(authority), node(serving)]
  assert.deepEqual([others, root.ca, leaf.ca], [[], true, false])
  assert.equal(leaf.subjectAltName, names.map(name => `DNS:${name}`).join(', '))
  assert.deepEqual([leaf.validToDate.getTime() - start, root.validToDate.getTime() - start], [90 * dayMs, 3653 * dayMs])
  assert.equal(leaf.checkHost(names[0]!), names[0])
  assert.deepEqual(
    [authority.certificate.extendedKeyUsage, serving.certificate.extendedKeyUsage],
    [['1.3.6.1.5.5.7.3.1'], ['1.3.6.1.5.5.7.3.1']],
  )
})

test('in twenty years of rotation nothing is served that clients of the last week do not trust', async () => {
  let state = await advanceServing(undefined, names, ceremonyAt(0))
  const week: ServingState[] = []
  let [leaves, authorities] = [0, 0]
  for (let day = 1; day <= 7300; day++) {
    const next = await advanceServing(state, names, ceremonyAt(day))
    if (next.serving !== state.serving) leaves++
    if (next.authorities.at(-1) !== state.authorities.at(-1)) authorities++
    week.push(state)
    if (week.length > 7) week.shift()
    for (const seen of [...new Set(week), next]) assert.ok(isTrusted(next, seen), `day ${day}`)
    assert.ok(next.authorities.length <= 2, `day ${day}`)
    for (const { certificate } of [next.serving, ...next.authorities]) assert.ok(+certificate.notAfter > start + day * dayMs, `day ${day}`)
    state = next
  }
  assert.deepEqual([leaves, authorities], [121, 2])
})

test('other names get another certificate at once, by the same authority', async () => {
  const before = await advanceServing(undefined, names, ceremonyAt(0))
  assert.equal(await advanceServing(before, names, ceremonyAt(1)), before)
  const after = await advanceServing(before, ['other.test'], ceremonyAt(1))
  assert.equal(after.authorities, before.authorities)
  assert.equal(node(after.serving).subjectAltName, 'DNS:other.test')
})

test('after years of standing still everything is new', async () => {
  const before = await advanceServing(undefined, names, ceremonyAt(0))
  const after = await advanceServing(before, names, ceremonyAt(5000))
  assert.deepEqual([after.authorities.length, isTrusted(after, after), isTrusted(after, before)], [1, true, false])
})
