import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeBase64 } from '../../codec/base64.ts'
import { encodeDerNull, encodeDerSequence } from '../../codec/der-writer.ts'
import type { CountersignError } from '../../codec/error.ts'
import {
  type AuthorityOptions,
  createRoot,
  freshSigner,
  type LeafOptions,
  signingTime,
  type TestAuthority,
  type TestCertificate,
  type TestKeyKind,
} from '../../testing/sigstore/certificate-authority.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { extendedKeyUsageOid, extensionOid } from './certificate-extensions.ts'
import { type CertificatePath, type CertificateStore, checkPathValidAt, proveCertificatePaths } from './certificate-path.ts'
import { signatureChecks, verifyCertificateSignature } from './certificate-signature.ts'
import {
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  keyUsageExtension,
  type NewExtension,
  precertificatePoisonExtension,
} from './extension-writer.ts'

const { codeSigning, timeStamping, any } = extendedKeyUsageOid
const serverAuth = '1.3.6.1.5.5.7.3.1'
const unknownCritical: NewExtension = { oid: '1.2.3', critical: true, value: encodeDerNull() }

/** Root, intermediates as told, and a leaf of the last. */
async function chain(
  leaf: LeafOptions = {},
  intermediates: readonly AuthorityOptions[] = [{}],
  root: AuthorityOptions = {},
): Promise<TestCertificate> {
  let authority = await createRoot(root)
  for (const options of intermediates) authority = await authority.issueIntermediate(options)
  return authority.issueLeaf(leaf)
}

function storeOf({ chain }: TestCertificate): CertificateStore {
  return { roots: chain.slice(-1), intermediates: chain.slice(0, -1) }
}

type Case = {
  readonly name: string
  readonly made: () => Promise<TestCertificate>
  readonly purpose?: 'time-stamping'
  readonly error?: RegExp
}

const stamping: LeafOptions = { purpose: 'time-stamping', subject: [['CN', 'tsa']] }
const stampingIssuer: AuthorityOptions = { purposes: [timeStamping] }

const cases: readonly Case[] = [
  { name: 'root, intermediate, leaf', made: () => chain() },
  { name: 'a root that issues leaves itself', made: () => chain({}, []) },
  { name: 'eight certificates', made: () => chain({}, Array(6).fill({})) },
  { name: 'nine certificates', made: () => chain({}, Array(7).fill({})), error: /"CN=intermediate 1,O=example\.com": no root within 8/ },
  ...(['p384', 'p521', 'ed25519', 'rsa'] as const satisfies readonly TestKeyKind[]).map(key => ({
    name: `a root with a key of ${key}`,
    made: () => chain({}, [], { key }),
  })),
  // signatures
  {
    name: 'leaf signature changed',
    made: () => chain({ flaw: 'signature-changed' }),
    error: /for "signer@example\.com": not signed by .*"CN=intermediate 1,/,
  },
  {
    name: 'leaf signed by a stranger',
    made: () => chain({ flaw: 'signed-by-stranger' }),
    error: /not signed by .*does not verify with ecdsa-p256 key/,
  },
  {
    name: 'intermediate signature changed',
    made: () => chain({}, [{ flaw: 'signature-changed' }]),
    error: /"CN=intermediate 1,.*not signed by .*"CN=root,/,
  },
  { name: 'a root whose own signature is wrong: trusted as given', made: () => chain({}, [{}], { flaw: 'signature-changed' }) },
  // authorities
  {
    name: 'intermediate without basic constraints',
    made: () => chain({}, [{ without: [extensionOid.basicConstraints] }]),
    error: /intermediate 1,.*is no certificate authority/,
  },
  {
    name: 'intermediate that is no authority',
    made: () => chain({}, [{ extensions: [basicConstraintsExtension(false)] }]),
    error: /intermediate 1,.*is no certificate authority/,
  },
  {
    name: 'root that is no authority',
    made: () => chain({}, [], { extensions: [basicConstraintsExtension(false)] }),
    error: /"CN=root,.*is no certificate authority/,
  },
  {
    name: 'root without basic constraints',
    made: () => chain({}, [], { without: [extensionOid.basicConstraints] }),
    error: /"CN=root,.*is no certificate authority/,
  },
  { name: 'root of version 1', made: () => chain({}, [{}], { edit: contents => ({ ...contents, extensions: [] }) }) },
  {
    name: 'intermediate of version 1',
    made: () => chain({}, [{ edit: contents => ({ ...contents, extensions: [] }) }]),
    error: /is no certificate authority/,
  },
  {
    name: 'intermediate that may not sign certificates',
    made: () => chain({}, [{ keyUsage: ['digital-signature', 'crl-sign'] }]),
    error: /its key usage does not allow signing certificates/,
  },
  { name: 'intermediate that states no key usage', made: () => chain({}, [{ without: [extensionOid.keyUsage] }]) },
  {
    name: 'root that may not sign certificates',
    made: () => chain({}, [{}], { keyUsage: ['crl-sign'] }),
    error: /"CN=root,.*does not allow signing certificates/,
  },
  {
    name: 'path length 0 above one',
    made: () => chain({}, [{ pathLength: 0 }, {}]),
    error: /"CN=intermediate 1,.*allows 0 intermediate certificates below it, got 1/,
  },
  { name: 'path length 1 above one', made: () => chain({}, [{ pathLength: 1 }, { pathLength: 0 }]) },
  {
    name: 'path length 0 of the root',
    made: () => chain({}, [{}], { pathLength: 0 }),
    error: /"CN=root,.*allows 0 intermediate certificates/,
  },
  {
    name: 'path length 0 above an authority issued to itself',
    made: () => chain({}, [{ subject: [['CN', 'r']] }], { subject: [['CN', 'r']], pathLength: 0 }),
  },
  {
    name: 'path length past exact numbers',
    made: () =>
      chain({}, [
        {
          extensions: [
            {
              ...basicConstraintsExtension(true),
              value: encodeDerSequence(Uint8Array.of(1, 1, 255), Uint8Array.of(2, 9, 0, ...Array(8).fill(255))),
            },
          ],
        },
      ]),
  },
  // critical extensions
  {
    name: 'leaf with an unknown critical extension',
    made: () => chain({ extensions: [unknownCritical] }),
    error: /unknown critical extension 1\.2\.3/,
  },
  { name: 'leaf with an unknown extension', made: () => chain({ extensions: [{ ...unknownCritical, critical: false }] }) },
  {
    name: 'intermediate with an unknown critical extension',
    made: () => chain({}, [{ extensions: [unknownCritical] }]),
    error: /intermediate 1,.*unknown critical extension 1\.2\.3/,
  },
  {
    name: 'root with an unknown critical extension',
    made: () => chain({}, [{}], { extensions: [unknownCritical] }),
    error: /"CN=root,.*unknown critical extension/,
  },
  {
    name: 'precertificate',
    made: () => chain({ extensions: [precertificatePoisonExtension()] }),
    error: /unknown critical extension 1\.3\.6\.1\.4\.1\.11129\.2\.4\.3/,
  },
  {
    name: 'policies that constrain',
    made: () => chain({}, [{ extensions: [{ ...unknownCritical, oid: '2.5.29.36' }] }]),
    error: /unknown critical extension 2\.5\.29\.36/,
  },
  {
    name: 'a critical other name',
    made: () => chain({ names: [{ kind: 'other-name', type: '1.3.6.1.4.1.57264.1.7', value: 'someone' }] }),
  },
  // purposes
  {
    name: 'leaf without purpose',
    made: () => chain({ without: [extensionOid.extendedKeyUsage] }),
    error: /extended key usage does not allow code signing/,
  },
  {
    name: 'leaf for servers',
    made: () => chain({ extensions: [extendedKeyUsageExtension([serverAuth])] }),
    error: /does not allow code signing/,
  },
  {
    name: 'leaf for anything',
    made: () => chain({ extensions: [extendedKeyUsageExtension([any])] }),
    error: /does not allow code signing/,
  },
  { name: 'leaf for servers and code', made: () => chain({ extensions: [extendedKeyUsageExtension([serverAuth, codeSigning])] }) },
  {
    name: 'leaf without key usage',
    made: () => chain({ without: [extensionOid.keyUsage] }),
    error: /key usage does not allow digital signatures/,
  },
  {
    name: 'leaf for agreement on keys',
    made: () => chain({ extensions: [keyUsageExtension(['key-agreement'])] }),
    error: /does not allow digital signatures/,
  },
  {
    name: 'leaf that is an authority',
    made: () => chain({ extensions: [basicConstraintsExtension(true)] }),
    error: /want a leaf, got a certificate authority/,
  },
  {
    name: 'leaf of version 1',
    made: () => chain({ edit: contents => ({ ...contents, extensions: [] }) }),
    error: /want a leaf of version 3, got version 1/,
  },
  {
    name: 'intermediate for servers',
    made: () => chain({}, [{ purposes: [serverAuth] }]),
    error: /intermediate 1,.*does not allow code-signing below it/,
  },
  { name: 'intermediate for anything', made: () => chain({}, [{ purposes: [any] }]) },
  { name: 'intermediate without purposes', made: () => chain({}, [{ without: [extensionOid.extendedKeyUsage] }]) },
  {
    name: 'upper intermediate for servers',
    made: () => chain({}, [{ purposes: [serverAuth] }, {}]),
    error: /intermediate 1,.*does not allow code-signing below it/,
  },
  {
    name: 'root for servers',
    made: () => chain({}, [{}], { purposes: [serverAuth] }),
    error: /"CN=root,.*does not allow code-signing below it/,
  },
  { name: 'time-stamping leaf for code', made: () => chain(stamping), error: /extended key usage does not allow code signing/ },
  { name: 'time stamping', purpose: 'time-stamping', made: () => chain(stamping, [stampingIssuer]) },
  {
    name: 'time stamping, without key usage',
    purpose: 'time-stamping',
    made: () => chain({ ...stamping, without: [extensionOid.keyUsage] }, []),
  },
  {
    name: 'time stamping, content commitment',
    purpose: 'time-stamping',
    made: () => chain({ ...stamping, extensions: [keyUsageExtension(['content-commitment'])] }, []),
  },
  {
    name: 'time stamping, other key usage',
    purpose: 'time-stamping',
    made: () => chain({ ...stamping, extensions: [keyUsageExtension(['key-agreement'])] }, []),
    error: /does not allow digital signatures/,
  },
  {
    name: 'time stamping, not critical',
    purpose: 'time-stamping',
    made: () => chain({ ...stamping, extensions: [extendedKeyUsageExtension([timeStamping])] }, []),
    error: /extended key usage is not critical/,
  },
  {
    name: 'time stamping and more',
    purpose: 'time-stamping',
    made: () => chain({ ...stamping, extensions: [extendedKeyUsageExtension([timeStamping, codeSigning], true)] }, []),
    error: /for time stamping and nothing else/,
  },
  {
    name: 'time stamping, by a code-signing leaf',
    purpose: 'time-stamping',
    made: () => chain(),
    error: /for time stamping and nothing else/,
  },
  {
    name: 'time stamping, below an authority for code',
    purpose: 'time-stamping',
    made: () => chain(stamping),
    error: /does not allow time-stamping below it/,
  },
]

for (const { name, made, purpose = 'code-signing', error } of cases)
  test(`proveCertificatePaths: ${name}`, async () => {
    const leaf = await made()
    const prove = () => proveCertificatePaths(leaf.certificate, storeOf(leaf), purpose)
    if (error) return assert.rejects(prove, { code: 'CERTIFICATE_UNTRUSTED', message: error })
    const paths = await prove()
    assert.deepEqual(paths, [[leaf.certificate, ...leaf.chain]])
  })

const root = await createRoot()
const intermediate = await root.issueIntermediate()
const leaf = await intermediate.issueLeaf()
const { certificate } = leaf

for (const { name, store, error } of [
  { name: 'empty', store: { roots: [], intermediates: [] }, error: /its issuer "CN=intermediate 1,O=example\.com" is not known/ },
  {
    name: 'without the intermediate',
    store: { roots: [root.certificate], intermediates: [] },
    error: /its issuer "CN=intermediate 1,O=example\.com" is not known/,
  },
  {
    name: 'without the root',
    store: { roots: [], intermediates: [intermediate.certificate] },
    error: /its issuer "CN=root,O=example\.com" is not known/,
  },
  {
    name: 'with the root among intermediates alone',
    store: { roots: [], intermediates: [intermediate.certificate, root.certificate] },
    error: /its issuer "CN=root,O=example\.com" is not known/,
  },
  { name: 'with an intermediate that is trusted as a root', store: { roots: [intermediate.certificate], intermediates: [] } },
  {
    name: 'with the leaf as a root',
    store: { roots: [certificate, root.certificate], intermediates: [intermediate.certificate] },
    error: /is itself a trusted root/,
  },
  {
    name: 'with the leaf as an intermediate',
    store: { roots: [root.certificate], intermediates: [certificate, intermediate.certificate] },
  },
  {
    name: 'with everything twice',
    store: {
      roots: [root.certificate, root.certificate],
      intermediates: [intermediate.certificate, intermediate.certificate, root.certificate],
    },
  },
])
  test(`proveCertificatePaths: a store ${name}`, async () => {
    const prove = () => proveCertificatePaths(certificate, store, 'code-signing')
    if (error) await assert.rejects(prove, { code: 'CERTIFICATE_UNTRUSTED', message: error })
    else assert.equal((await prove()).length, 1)
  })

test('proveCertificatePaths: a store of another authority of the same name', async () => {
  const other = await (await createRoot()).issueIntermediate()
  const store = { roots: other.trusted.slice(-1), intermediates: other.trusted.slice(0, -1) }
  await assert.rejects(proveCertificatePaths(certificate, store, 'code-signing'), (error: CountersignError) => {
    assert.match(error.message, /for "signer@example\.com": not signed by certificate "CN=intermediate 1,/)
    assert.ok(error.cause instanceof AggregateError && error.cause.errors.length === 1)
    return error.code === 'CERTIFICATE_UNTRUSTED'
  })
})

test('proveCertificatePaths: every path is found, the one that key identifiers name first', async () => {
  const key = freshSigner()
  const [a, b] = [await createRoot({ subject: [['CN', 'a']] }), await createRoot({ subject: [['CN', 'b']] })]
  const [viaA, viaB] = [await a.issueIntermediate({ key }), await b.issueIntermediate({ key })]
  const stranger = await b.issueIntermediate()
  const leaf = await viaA.issueLeaf()
  const store = { roots: [b.certificate, a.certificate], intermediates: [stranger, viaB, viaA].map(made => made.certificate) }
  const counted = counting()
  const paths = await proveCertificatePaths(leaf.certificate, store, 'code-signing', counted.checks)
  assert.deepEqual(
    paths.map(path => path.slice(1).map(({ subject, issuer }) => `${subject.text} by ${issuer.text}`)),
    [
      ['CN=intermediate 1,O=example.com by CN=b', 'CN=b by CN=b'],
      ['CN=intermediate 1,O=example.com by CN=a', 'CN=a by CN=a'],
    ],
  )
  assert.deepEqual(counted.pairs.slice(0, 2), [' by CN=intermediate 1,O=example.com', 'CN=intermediate 1,O=example.com by CN=b'])
})

test('proveCertificatePaths: no path comes back to a key it has been at', async () => {
  const [a, b] = [await createRoot({ subject: [['CN', 'a']] }), await createRoot({ subject: [['CN', 'b']] })]
  const bByA = await a.issueIntermediate({ subject: [['CN', 'b']], key: b.signer })
  const aByB = await b.issueIntermediate({ subject: [['CN', 'a']], key: a.signer })
  const leaf = await b.issueLeaf()
  const store = { roots: [b.certificate], intermediates: [bByA.certificate, aByB.certificate] }
  assert.deepEqual(await proveCertificatePaths(leaf.certificate, store, 'code-signing'), [[leaf.certificate, b.certificate]])
})

test('proveCertificatePaths: the reason told is the one furthest from the leaf', async () => {
  const posing = await (await createRoot()).issueIntermediate()
  for (const intermediates of [
    [posing.certificate, intermediate.certificate],
    [intermediate.certificate, posing.certificate],
  ])
    await assert.rejects(proveCertificatePaths(certificate, { roots: [], intermediates }, 'code-signing'), {
      code: 'CERTIFICATE_UNTRUSTED',
      message: /its issuer "CN=root,O=example\.com" is not known/,
    })
})

test('proveCertificatePaths: a wrong signature among authorities is checked once, however many paths lead there', async () => {
  const flawed = await root.issueIntermediate({ subject: [['CN', 'flawed']], flaw: 'signature-changed' })
  const key = freshSigner()
  const [one, two] = [await flawed.issueIntermediate({ key, serialNumber: 1n }), await flawed.issueIntermediate({ key, serialNumber: 2n })]
  const leaf = await one.issueLeaf()
  const { pairs, checks } = counting()
  const store = { roots: [root.certificate], intermediates: [one, two, flawed].map(made => made.certificate) }
  await assert.rejects(proveCertificatePaths(leaf.certificate, store, 'code-signing', checks), { code: 'CERTIFICATE_UNTRUSTED' })
  assert.equal(pairs.filter(pair => pair === 'CN=flawed by CN=root,O=example.com').length, 1)
})

test('proveCertificatePaths: at most 1024 steps, where few signatures make many paths', async () => {
  let authority = root
  const intermediates: Certificate[] = []
  for (let layer = 0; layer < 6; layer++) {
    const key = freshSigner()
    const subject = [['CN', `layer ${layer}`]] as const
    let made = authority
    for (let n = 0n; n < 3n; n++) {
      made = await authority.issueIntermediate({ subject, key, serialNumber: n })
      intermediates.push(made.certificate)
    }
    authority = made
  }
  const leaf = await authority.issueLeaf()
  await assert.rejects(proveCertificatePaths(leaf.certificate, { roots: [], intermediates }, 'code-signing'), (error: CountersignError) => {
    assert.ok(error.cause instanceof AggregateError)
    return error.cause.errors.some(({ message }) => message === 'gave up after 1024 steps')
  })
})

test('proveCertificatePaths: of several roots with one key and name each is an end', async () => {
  const key = freshSigner()
  const [old, renewed] = [await createRoot({ key, notAfter: signingTime }), await createRoot({ key })]
  const leaf = await renewed.issueLeaf()
  const paths = await proveCertificatePaths(
    leaf.certificate,
    { roots: [old.certificate, renewed.certificate], intermediates: [] },
    'code-signing',
  )
  assert.equal(paths.length, 2)
})

test('proveCertificatePaths: at most eight paths', async () => {
  const key = freshSigner()
  const roots: Certificate[] = []
  for (let n = 0; n < 10; n++) roots.push((await createRoot({ key, serialNumber: BigInt(n) })).certificate)
  const leaf = await (await createRoot({ key })).issueLeaf()
  assert.equal((await proveCertificatePaths(leaf.certificate, { roots, intermediates: [] }, 'code-signing')).length, 8)
})

/** Signature checks that are counted, with a memory of their own. */
function counting(limit = 1024) {
  const pairs: string[] = []
  const checks = signatureChecks(limit, async (subject, issuer) => {
    pairs.push(`${subject.subject.text} by ${issuer.subject.text}`)
    await verifyCertificateSignature(subject, issuer)
  })
  return { pairs, checks }
}

test('proveCertificatePaths: at most 64 checks of signatures, however many claim to be the issuer', async () => {
  const { pairs, checks } = counting()
  const intermediates: Certificate[] = []
  const key = freshSigner()
  for (let n = 0; n < 66; n++) intermediates.push((await root.issueIntermediate({ key, serialNumber: BigInt(n) })).certificate)
  const store = { roots: [root.certificate], intermediates }
  await assert.rejects(proveCertificatePaths(certificate, store, 'code-signing', checks), (error: CountersignError) => {
    assert.ok(error.cause instanceof AggregateError && /gave up after 64 checks/.test(error.cause.errors.at(-1).message))
    return error.code === 'CERTIFICATE_UNTRUSTED'
  })
  assert.equal(pairs.length, 64)
})

test('proveCertificatePaths: authorities that all signed each other', async () => {
  const subject = [['CN', 'one of many']] as const
  const keys = Array.from({ length: 8 }, () => freshSigner())
  const roots: TestAuthority[] = []
  for (const key of keys) roots.push(await createRoot({ subject, key }))
  const intermediates: Certificate[] = []
  for (const issuer of roots) for (const key of keys) intermediates.push((await issuer.issueIntermediate({ subject, key })).certificate)
  const leaf = await roots[0]!.issueLeaf()
  const { pairs, checks } = counting()
  await assert.rejects(proveCertificatePaths(leaf.certificate, { roots: [], intermediates }, 'code-signing', checks), {
    code: 'CERTIFICATE_UNTRUSTED',
  })
  assert.equal(pairs.length, 64)
})

test('proveCertificatePaths: a signature among authorities is checked once, one of a leaf each time', async () => {
  const upper = await root.issueIntermediate()
  const lower = await upper.issueIntermediate()
  const { pairs, checks } = counting()
  const seen: number[] = []
  for (const leaf of [await lower.issueLeaf(), await lower.issueLeaf(), await upper.issueLeaf()]) {
    for (const _ of ['once', 'again']) await proveCertificatePaths(leaf.certificate, storeOf(leaf), 'code-signing', checks)
    seen.push(pairs.length)
  }
  assert.deepEqual(seen, [4, 6, 8])
})

test('signatureChecks: the signature not asked for longest is forgotten first', async () => {
  const { pairs, checks } = counting(2)
  const leaves: TestCertificate[] = []
  for (const subject of ['a', 'b', 'c']) leaves.push(await (await root.issueIntermediate({ subject: [['CN', subject]] })).issueLeaf())
  const [a, b, c] = leaves as [TestCertificate, TestCertificate, TestCertificate]
  for (const leaf of [a, b, a, c, a, b]) await proveCertificatePaths(leaf.certificate, storeOf(leaf), 'code-signing', checks)
  assert.deepEqual(
    pairs.filter(pair => pair.endsWith('by CN=root,O=example.com')).map(pair => pair[3]),
    ['a', 'b', 'c', 'b'],
  )
})

test('signatureChecks: authorities that lead to no root leave nothing behind', async () => {
  const { checks } = counting()
  const store = { roots: [], intermediates: [intermediate.certificate, root.certificate] }
  await assert.rejects(proveCertificatePaths(certificate, store, 'code-signing', checks), { code: 'CERTIFICATE_UNTRUSTED' })
  assert.equal(checks.isKnown(intermediate.certificate, root.certificate), false)
  await proveCertificatePaths(certificate, storeOf(leaf), 'code-signing', checks)
  assert.equal(checks.isKnown(intermediate.certificate, root.certificate), true)
  assert.equal(checks.isKnown(certificate, intermediate.certificate), false)
})

test('proveCertificatePaths: a store with broken certificates that might be the issuer', async () => {
  const broken = { oid: extensionOid.subjectKeyId, critical: false, value: Uint8Array.of(1) }
  const flawed = await root.issueIntermediate({ extensions: [broken], keyUsage: ['crl-sign'] })
  const unread = await root.issueIntermediate({ extensions: [{ oid: extensionOid.keyUsage, critical: true, value: Uint8Array.of(1) }] })
  const intermediates = [flawed, unread, intermediate].map(made => made.certificate)
  assert.equal((await proveCertificatePaths(certificate, { roots: [root.certificate], intermediates }, 'code-signing')).length, 1)
})

test('proveCertificatePaths: an issuer whose key cannot sign as the leaf says', async () => {
  const rsa = await createRoot({ key: 'p384' })
  const { spki } = (await createRoot({ key: 'rsa' })).certificate.publicKey
  const posing = await createRoot({ edit: contents => ({ ...contents, spki }) })
  const leaf = await rsa.issueLeaf()
  await assert.rejects(proveCertificatePaths(leaf.certificate, { roots: [posing.certificate], intermediates: [] }, 'code-signing'), {
    code: 'CERTIFICATE_UNTRUSTED',
    message: /not signed by certificate "CN=root,O=example\.com": signature: ecdsa with sha384 cannot be made with rsa/,
  })
})

test('proveCertificatePaths: no mutant of a leaf survives', async () => {
  const small = await root.issueLeaf({ names: [{ kind: 'email', value: 'a@b' }], fulcio: { issuer: 'i' } })
  const store = storeOf(small)
  for (let bit = 0; bit < small.der.length * 8; bit += 7) {
    const mutant = Uint8Array.from(small.der)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    await assert.rejects(
      async () => proveCertificatePaths(parseCertificate(mutant, 'mutant'), store, 'code-signing'),
      { name: 'CountersignError' },
      `bit ${bit}`,
    )
  }
})

const day = (text: string) => new Date(`${text}T00:00:00Z`)

test('checkPathValidAt: every certificate, both ends included', async () => {
  const root = await createRoot({ notBefore: day('2025-01-02'), notAfter: day('2025-01-07') })
  const intermediate = await root.issueIntermediate({ notBefore: day('2025-01-03'), notAfter: day('2025-01-08') })
  const leaf = await intermediate.issueLeaf({ notBefore: day('2025-01-01'), notAfter: day('2025-01-09') })
  const [path] = await proveCertificatePaths(leaf.certificate, storeOf(leaf), 'code-signing')
  for (const { at, error } of [
    {
      at: '2024-12-31T23:59:59.999Z',
      error:
        /^certificate for "signer@example\.com": not yet valid at observed time: 2025-01-01T00:00:00\.000Z is after 2024-12-31T23:59:59\.999Z$/,
    },
    { at: '2025-01-02T12:00:00Z', error: /^certificate "CN=intermediate 1,O=example\.com": not yet valid/ },
    { at: '2025-01-03T00:00:00Z' },
    { at: '2025-01-07T00:00:00Z' },
    {
      at: '2025-01-07T00:00:00.001Z',
      error:
        /^certificate "CN=root,O=example\.com": expired before observed time: 2025-01-07T00:00:00\.000Z is before 2025-01-07T00:00:00\.001Z$/,
    },
    { at: '2025-01-08T12:00:00Z', error: /^certificate "CN=intermediate 1,O=example\.com": expired before/ },
    { at: '2025-01-10T00:00:00Z', error: /^certificate for "signer@example\.com": expired before/ },
  ]) {
    const check = () => checkPathValidAt(path, new Date(at))
    if (error) assert.throws(check, { code: 'CERTIFICATE_EXPIRED', message: error }, at)
    else check()
  }
  assert.throws(() => checkPathValidAt(path, new Date('never')), TypeError)
})

test('a path is a type of its own', () => {
  // @ts-expect-error -- certificates that nobody proved
  const path: CertificatePath = [certificate, root.certificate]
  assert.equal(path.length, 2)
})

const vectors: {
  readonly authorities: Record<string, readonly string[]>
  readonly leaves: readonly { readonly name: string; readonly der: string; readonly authority: string }[]
} = JSON.parse(readFileSync(join(import.meta.dirname, '../../../test/vectors/fulcio/certificates.json'), 'utf8'))

for (const { name, der, authority } of vectors.leaves)
  test(`proveCertificatePaths: real leaf, ${name}`, async () => {
    const leaf = parseCertificate(decodeBase64(der, name), name)
    for (const [known, chain] of Object.entries(vectors.authorities)) {
      const trusted = chain.map(der => parseCertificate(decodeBase64(der, known), known))
      const prove = () => proveCertificatePaths(leaf, { roots: trusted.slice(-1), intermediates: trusted.slice(0, -1) }, 'code-signing')
      if (known !== authority) await assert.rejects(prove, { code: 'CERTIFICATE_UNTRUSTED' })
      else checkPathValidAt((await prove())[0], leaf.notBefore)
    }
  })
