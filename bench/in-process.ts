/**
 * Key-based verification beside the bare `crypto.verify` it cannot do without, in one process: `node bench/in-process.ts`.
 * Every round decodes the evidence from its bytes and runs all steps; only the trusted key is parsed once, as in a verifier
 * that serves many. The aim is 1.5 of the bare check. Runs on Bun too.
 */
import { generateKeyPairSync, sign, verify as verifySignature } from 'node:crypto'
import { messageOfBytes } from '../src/crypto/message.ts'
import { parsePublicKeyPem } from '../src/crypto/public-key.ts'
import { ociDigestOf } from '../src/formats/oci-digest.ts'
import { signatureAnnotation } from '../src/formats/simple-signing.ts'
import { type Candidate, detachedCandidate, layerCandidate } from '../src/verify/evidence.ts'
import type { Policy } from '../src/verify/policy.ts'
import { verify } from '../src/verify/verify.ts'
import { median } from './measure.ts'

const [rounds, batch, aim] = [41, 200, 1.5]
const base: Pick<Policy, 'annotations' | 'now' | 'predicateTypes' | 'unsafeSkipTlog' | 'unsafeSkipClaims'> = {
  annotations: new Map(),
  predicateTypes: 'any',
  now: new Date('2026-11-30T12:00:00Z'),
  unsafeSkipTlog: true,
  unsafeSkipClaims: false,
}
const keys = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }),
  Ed25519: generateKeyPairSync('ed25519'),
} as const

let failed = false
console.log('| key | evidence | bare µs | verify µs | part |\n|---|---|---|---|---|')
for (const [name, { privateKey, publicKey }] of Object.entries(keys)) {
  const hash = name === 'Ed25519' ? null : 'sha256'
  const key = parsePublicKeyPem(new TextEncoder().encode(publicKey.export({ type: 'spki', format: 'pem' }).toString()), 'key')
  const blob = new TextEncoder().encode('a kilobyte of blob\n'.repeat(54))
  const digest = ociDigestOf(blob)
  const critical = {
    identity: { 'docker-reference': 'registry.example/app' },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  }
  const payload = new TextEncoder().encode(JSON.stringify({ critical, optional: null }))
  const cases: { what: string; bytes: Uint8Array; artifact: Policy['artifact']; candidate: (signature: Buffer) => Candidate }[] = [
    {
      what: 'image, .sig layer',
      bytes: payload,
      artifact: { kind: 'image', digest },
      candidate: signature => layerCandidate('layer 1', payload, new Map([[signatureAnnotation, signature.toString('base64')]])),
    },
    {
      what: 'blob, detached',
      bytes: blob,
      artifact: { kind: 'blob', name: 'blob', message: messageOfBytes(blob) },
      candidate: signature => detachedCandidate('blob.sig', signature),
    },
  ]
  for (const { what, bytes, artifact, candidate } of cases) {
    const signature = sign(hash, bytes, privateKey)
    const policy: Policy = { ...base, artifact }
    const bare = () => void (verifySignature(hash, bytes, publicKey, signature) || stop())
    const whole = async () => void (await verify([candidate(signature)], { keys: [key] }, policy))
    const [floor, ours] = await alternate(bare, whole)
    const part = ours / floor
    if (part > aim) failed = true
    console.log(`| ${name} | ${what} | ${floor.toFixed(0)} | ${ours.toFixed(0)} | ${part.toFixed(2)} |`)
  }
}
if (failed) {
  console.error(`over ${aim} of the bare check`)
  process.exitCode = 1
}

/** Median microseconds of one call of each, measured in turns of `batch` calls; the first half of the rounds warms the compiler. */
async function alternate(a: () => void | Promise<void>, b: () => void | Promise<void>): Promise<readonly [number, number]> {
  const times: [number[], number[]] = [[], []]
  for (let round = -rounds; round < rounds; round++)
    for (const [index, work] of [a, b].entries()) {
      const started = performance.now()
      for (let call = 0; call < batch; call++) await work()
      if (round >= 0) times[index as 0 | 1].push(((performance.now() - started) * 1000) / batch)
    }
  return [median(times[0]), median(times[1])]
}

function stop(): never {
  throw new Error('the bare check fails')
}
