import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { extendedKeyUsageOid } from '../../formats/x509/certificate-extensions.ts'
import { createRoot, freshSigner, type TestAuthority } from '../../testing/sigstore/certificate-authority.ts'
import { type AuthorityMaterial, checkAuthority, holdAuthority } from './authority.ts'

const now = new Date('2026-03-01T10:00:00Z')
const root = await createRoot()
const intermediate = await root.issueIntermediate()

function materialOf({ trusted: [own, ...above], signer }: TestAuthority): AuthorityMaterial {
  return { chain: [own!, ...above], signer }
}

for (const { name, authority } of [
  { name: 'a root that signs itself', authority: async () => root },
  { name: 'an intermediate', authority: async () => intermediate },
  { name: 'one below another', authority: () => intermediate.issueIntermediate() },
  { name: 'P-384', authority: () => createRoot({ key: 'p384' }) },
  { name: 'RSA', authority: () => createRoot({ key: 'rsa' }) },
])
  test(`an authority works: ${name}`, async () => {
    assert.ok(await checkAuthority(materialOf(await authority()), now))
  })

for (const { name, material, code, reason, at = now } of [
  {
    name: 'another key',
    material: async () => ({ ...materialOf(intermediate), signer: freshSigner() }),
    code: 'KEY_MISMATCH',
    reason: /not for the key that is to sign/,
  },
  {
    name: 'no code signing',
    material: async () => materialOf(await root.issueIntermediate({ purposes: [extendedKeyUsageOid.timeStamping] })),
    code: 'CERTIFICATE_UNTRUSTED',
    reason: /want an authority for code signing/,
  },
  {
    name: 'a root that allows nothing below',
    material: async () => materialOf(await (await createRoot({ pathLength: 0 })).issueIntermediate()),
    code: 'CERTIFICATE_UNTRUSTED',
    reason: /./,
  },
  {
    name: 'a chain of somebody else',
    material: async () => ({ ...materialOf(intermediate), chain: [intermediate.certificate, (await createRoot()).certificate] as const }),
    code: 'CERTIFICATE_UNTRUSTED',
    reason: /./,
  },
  {
    name: 'a chain with one too many',
    material: async () => ({
      ...materialOf(intermediate),
      chain: [intermediate.certificate, (await createRoot({ subject: [['CN', 'x']] })).certificate, root.certificate] as const,
    }),
    code: 'CERTIFICATE_UNTRUSTED',
    reason: /holds certificates that do not belong to it/,
  },
  {
    name: 'a leaf',
    material: async () => ({ chain: [(await root.issueLeaf()).certificate, root.certificate] as const, signer: root.signer }),
    code: 'KEY_MISMATCH',
    reason: /./,
  },
  {
    name: 'no right to sign',
    material: async () => materialOf(await createRoot({ keyUsage: ['digital-signature'] })),
    code: 'CERTIFICATE_UNTRUSTED',
    reason: /key usage/,
  },
  {
    name: 'a date to come',
    material: async () => materialOf(intermediate),
    code: 'CERTIFICATE_EXPIRED',
    reason: /not yet valid/,
    at: new Date('2019-01-01T00:00:00Z'),
  },
  {
    name: 'a date that is past',
    material: async () => materialOf(intermediate),
    code: 'CERTIFICATE_EXPIRED',
    reason: /expired before/,
    at: new Date('2046-01-01T00:00:00Z'),
  },
])
  test(`an authority is refused: ${name}`, async () => {
    await assert.rejects(checkAuthority(await material(), at), { code, message: reason })
  })

test('an authority is exchanged for one that works, and for no other', async () => {
  const [first, second] = [materialOf(intermediate), materialOf(await root.issueIntermediate())]
  let next: () => Promise<AuthorityMaterial> = async () => first
  const holder = await holdAuthority(
    () => next(),
    () => now,
  )
  const before = holder.current()
  assert.equal(before, first)
  next = async () => ({ ...second, signer: freshSigner() })
  await assert.rejects(holder.reload(), { code: 'KEY_MISMATCH' })
  assert.equal(holder.current(), first)
  next = () => Promise.reject(new CountersignError('FILE_UNREADABLE', 'gone'))
  await assert.rejects(holder.reload(), { code: 'FILE_UNREADABLE' })
  assert.equal(holder.current(), first)
  next = async () => second
  await holder.reload()
  assert.equal(holder.current(), second)
  assert.equal(before, first, 'a request under way keeps the one that it began with')
})
