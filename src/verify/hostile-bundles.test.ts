import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { messageOfBytes } from '../crypto/message.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { assertRefused, keylessPolicy, type Refusal } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type SigningOptions, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import { bundleCandidate } from './evidence.ts'
import { type VerifiedSignature, verify } from './verify.ts'

const blob = encodeUtf8('hello\n')
const image = ociDigestOf(encodeUtf8('an image manifest'))
const forBlob = keylessPolicy({ kind: 'blob', name: 'blob', message: messageOfBytes(blob) })
const forImage = keylessPolicy({ kind: 'image', digest: image })

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

const seed = Number(process.env['MUTATION_SEED'] ?? 20_250_601)
const bitsPerBundle = 250

/** So many different bits of some bytes; mulberry32, the same for the same seed. */
function chooseBits(length: number, count: number): readonly number[] {
  let state = seed >>> 0
  const chosen = new Set<number>()
  while (chosen.size < count) {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    chosen.add(((mixed ^ (mixed >>> 14)) >>> 0) % (8 * length))
  }
  return [...chosen]
}

/** The signature that is left of a bundle after one of its bits was flipped, or nothing. */
async function survivorOf(bundle: Uint8Array, bit: number, policy: typeof forBlob): Promise<VerifiedSignature | undefined> {
  const mutant = Uint8Array.from(bundle)
  mutant[bit >> 3]! ^= 1 << (bit & 7)
  try {
    const { signatures } = await verify([bundleCandidate('b', mutant)], sigstore.trustedRoot, policy)
    return signatures[0]
  } catch (error) {
    assert.ok(error instanceof CountersignError, `bit ${bit}, seed ${seed}: ${error}`)
    return undefined
  }
}

// No field is harmless: of these bundles every single bit was tried once, 142,000 in all, and none survived.
for (const { name, options, isImage = false } of [
  { name: 'blob, Rekor v1', options: {} },
  { name: 'blob, Rekor v2 and a timestamp', options: { logs: ['v2'] } },
  { name: 'image, Rekor v1', options: {}, isImage: true },
  { name: 'image, Rekor v2 and a timestamp', options: { logs: ['v2'] }, isImage: true },
] satisfies { name: string; options: SigningOptions; isImage?: boolean }[])
  test(`no altered bit of a bundle survives: ${name}`, async t => {
    t.diagnostic(`seed ${seed}`)
    const policy = isImage ? forImage : forBlob
    const bundle = isImage ? await sigstore.signImage(image, options) : await sigstore.signBlob(blob, options)
    await verify([bundleCandidate('b', bundle)], sigstore.trustedRoot, policy)
    for (const bit of chooseBits(bundle.length, bitsPerBundle)) {
      const survivor = await survivorOf(bundle, bit, policy)
      assert.ok(!survivor, `bit ${bit} of ${context(bundle, bit)}, seed ${seed}`)
    }
  })

function context(bundle: Uint8Array, bit: number): string {
  const at = bit >> 3
  return `…${new TextDecoder('latin1').decode(bundle.subarray(Math.max(0, at - 40), at + 10))}…`
}

test('evidence that an altered bit made somebody else’s counts for nothing', async t => {
  t.diagnostic(`seed ${seed}`)
  const bundle = await sigstore.signBlob(blob, { logs: ['v1', 'v2'], stamped: true })
  for (const bit of chooseBits(bundle.length, bitsPerBundle)) {
    const survivor = await survivorOf(bundle, bit, forBlob)
    if (!survivor) continue
    const times = survivor.certificate!.times.times.length
    const logged = survivor.logged.filter(({ entry }) => entry.integratedTime).length
    assert.equal(survivor.logged.length + survivor.timestamps.length, 2, `bit ${bit} of ${context(bundle, bit)}, seed ${seed}`)
    assert.equal(times, logged + survivor.timestamps.length, `bit ${bit}, seed ${seed}`)
  }
})

/** Bundles are JSON: what an honest encoder never writes is edited in. */
async function edited(edit: (bundle: { verificationMaterial: Record<string, unknown[]> }) => unknown, options?: SigningOptions) {
  const bundle = JSON.parse(new TextDecoder().decode(await sigstore.signBlob(blob, options)))
  return encodeUtf8(JSON.stringify(edit(bundle) ?? bundle))
}

const nested = (depth: number) => encodeUtf8(`${'{"mediaType":'.repeat(depth)}1${'}'.repeat(depth)}`)
for (const { name, make, ...refusal } of [
  {
    name: 'thousands of log entries',
    make: () =>
      edited(({ verificationMaterial: material }) => {
        material['tlogEntries'] = Array(5000).fill(material['tlogEntries']![0])
      }),
    step: 'decode',
    code: 'LIMIT_EXCEEDED',
    found: /tlogEntries: want at most 32/,
  },
  {
    name: 'one log entry too many',
    make: () =>
      edited(({ verificationMaterial: material }) => {
        material['tlogEntries'] = Array(33).fill(material['tlogEntries']![0])
      }),
    step: 'decode',
    code: 'LIMIT_EXCEEDED',
    found: /tlogEntries: want at most 32/,
  },
  {
    name: 'thousands of timestamps',
    make: () =>
      edited(
        bundle => {
          const data = bundle.verificationMaterial['timestampVerificationData'] as unknown as { rfc3161Timestamps: unknown[] }
          data.rfc3161Timestamps = Array(5000).fill(data.rfc3161Timestamps[0])
        },
        { stamped: true },
      ),
    step: 'decode',
    code: 'LIMIT_EXCEEDED',
    found: /rfc3161Timestamps: want at most 32/,
  },
  {
    name: 'thousands of hashes in a proof',
    make: () =>
      edited(({ verificationMaterial: material }) => {
        const [entry] = material['tlogEntries'] as [{ inclusionProof: { hashes: string[] } }]
        entry.inclusionProof.hashes = Array(5000).fill(entry.inclusionProof.hashes[0]!)
      }),
    step: 'decode',
    code: 'LIMIT_EXCEEDED',
    found: /hashes: want at most 63/,
  },
  {
    name: 'a log id of a megabyte, which a message would show',
    make: () =>
      edited(({ verificationMaterial: material }) => {
        const [entry] = material['tlogEntries'] as [{ logId: { keyId: string } }]
        entry.logId.keyId = 'AAAA'.repeat(1 << 18)
      }),
    step: 'decode',
    code: 'LIMIT_EXCEEDED',
    found: /tlogEntries\[0\]\.logId\.keyId: want at most 64 bytes, got 786432$/,
  },
  {
    name: 'a digest of a megabyte, which a message would show',
    make: () =>
      edited(bundle => {
        const { messageDigest } = (bundle as unknown as { messageSignature: { messageDigest: { digest: string } } }).messageSignature
        messageDigest.digest = 'AAAA'.repeat(1 << 18)
      }),
    step: 'decode',
    code: 'BUNDLE_MALFORMED',
    found: /messageDigest\.digest: want 32 bytes, got 786432$/,
  },
  {
    name: 'a member of a megabyte with lines in it, in two spellings',
    make: async () => encodeUtf8(`{"${'x'.repeat(1 << 20)}\\nError: forged":{"a_b":1,"aB":2}}`),
    step: 'decode',
    code: 'BUNDLE_MALFORMED',
    found: /^bundle\.x{80}…: member "aB" appears in two spellings$/,
  },
  { name: 'JSON a hundred deep', make: async () => nested(100), step: 'decode', code: 'LIMIT_EXCEEDED', found: /deep/ },
  { name: 'JSON a million deep', make: async () => nested(1_000_000), step: 'decode', code: 'LIMIT_EXCEEDED', found: /deep|values/ },
  {
    name: 'a member twice',
    make: async () => encodeUtf8('{"mediaType":"a","mediaType":"b"}'),
    step: 'decode',
    code: 'BUNDLE_MALFORMED',
    found: /mediaType/,
  },
  {
    name: 'a checkpoint of thousands of signatures',
    make: () =>
      edited(({ verificationMaterial: material }) => {
        const [entry] = material['tlogEntries'] as [{ inclusionProof: { checkpoint: { envelope: string } } }]
        const { checkpoint } = entry.inclusionProof
        const [text = '', line = ''] = checkpoint.envelope.split('\n\n')
        checkpoint.envelope = `${text}\n\n${line.repeat(5000)}`
      }),
    step: 'transparency-log',
    code: 'LIMIT_EXCEEDED',
    found: /signed note: want at most/,
  },
] satisfies (Refusal & { name: string; make: () => Promise<Uint8Array> })[])
  test(`what no honest bundle has is refused at once: ${name}`, async () => {
    await assertRefused(bundleCandidate('b', await make()), sigstore.trustedRoot, forBlob, refusal)
  })
