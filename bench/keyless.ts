/**
 * Keyless bundles in process, beside the bare `crypto.verify` calls they cannot do without and beside @sigstore/verify:
 * `npm run bench:keyless`. Each bundle is parsed cold from its bytes every time; the trusted root is parsed once, as in a verifier
 * that serves many. Aims: 1.3 of the bare checks, a fifth of @sigstore/verify; 900 bundles a second on one core, 1,700 on two.
 */
import { verify as bareVerify, generateKeyPairSync, sign } from 'node:crypto'
import { loadavg } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { messageOfBytes } from '../src/crypto/message.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { parseTrustedRoot } from '../src/trust/trusted-root.ts'
import { bundleCandidate } from '../src/verify/evidence.ts'
import type { Policy } from '../src/verify/policy.ts'
import { verify } from '../src/verify/verify.ts'
import { median } from './measure.ts'

const [rounds, batch] = [21, 50]
const measuredMs = 3000
const artifact = new TextEncoder().encode('a kilobyte of blob\n'.repeat(54))

type Evidence = { readonly bundle: Uint8Array; readonly trustedRoot: Uint8Array }

/** One verification of ours, as a program would make it. */
function ours({ bundle, trustedRoot }: Evidence): () => Promise<void> {
  const trust = parseTrustedRoot(trustedRoot)
  const policy: Policy = {
    artifact: { kind: 'blob', name: 'blob', message: messageOfBytes(artifact) },
    annotations: new Map(),
    predicateTypes: 'any',
    identities: [{ subject: { exact: 'signer@example.com' }, issuer: { exact: 'https://issuer.example' } }],
    now: new Date('2026-11-30T12:00:00Z'),
    unsafeSkipClaims: false,
  }
  return async () => void (await verify([bundleCandidate('bundle', bundle)], trust, policy))
}

/** Bundles a second in this thread, for some seconds. */
async function rate(evidence: Evidence): Promise<number> {
  const once = ours(evidence)
  for (let warm = 0; warm < 400; warm++) await once()
  const started = performance.now()
  let count = 0
  while (performance.now() - started < measuredMs) {
    for (let call = 0; call < batch; call++) await once()
    count += batch
  }
  return (count * 1000) / (performance.now() - started)
}

if (isMainThread) await main()
else parentPort!.postMessage(await rate(workerData as Evidence))

async function main(): Promise<void> {
  const sigstore = await createTestSigstore('p384')
  const evidence = { bundle: await sigstore.signBlob(artifact), trustedRoot: sigstore.trustedRootJson }
  const before = loadavg()
  const [bare, whole, other] = await alternate([bareChecks(), ours(evidence), sigstoreJs(evidence)])
  const one = await rate(evidence)
  const both = await Promise.all([inWorker(evidence), inWorker(evidence)])
  const two = both.reduce((sum, each) => sum + each, 0)
  console.log(
    `Medians of ${rounds} rounds of ${batch}, alternating; Node ${process.version}; load ${before[0]!.toFixed(2)} before, ${loadavg()[0]!.toFixed(2)} after.`,
  )
  console.log('\n| what | figure | aim |\n|---|---|---|')
  console.log(`| bare checks: four of P-256, one of P-384 | ${bare!.toFixed(0)} µs | |`)
  console.log(`| one bundle | ${whole!.toFixed(0)} µs, ${(whole! / bare!).toFixed(2)} of the bare checks | 1.3 |`)
  console.log(`| @sigstore/verify | ${other!.toFixed(0)} µs, ${(other! / whole!).toFixed(1)} times ours | 5 |`)
  console.log(`| one thread | ${one.toFixed(0)} bundles/s | 900 |`)
  console.log(`| two threads | ${two.toFixed(0)} bundles/s | 1,700 |`)
}

/** The checks that no verifier can leave out: signature, SCT, promise and checkpoint by P-256, the leaf certificate by P-384. */
function bareChecks(): () => void {
  const checks = [...Array(4).fill('P-256'), 'P-384'].map(namedCurve => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    const hash = namedCurve === 'P-256' ? 'sha256' : 'sha384'
    return { hash, publicKey, signature: sign(hash, artifact, privateKey) }
  })
  return () => {
    for (const { hash, publicKey, signature } of checks)
      if (!bareVerify(hash, artifact, publicKey, signature)) throw new Error('a bare check fails')
  }
}

function sigstoreJs({ bundle, trustedRoot }: Evidence): () => void {
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(new TextDecoder().decode(trustedRoot)))))
  const text = new TextDecoder().decode(bundle)
  const policy = { subjectAlternativeName: 'signer@example.com', extensions: { issuer: 'https://issuer.example' } }
  return () => void verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(text)), Buffer.from(artifact)), policy)
}

function inWorker(evidence: Evidence): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: evidence })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

/** Median microseconds of one call of each, measured in turns of `batch` calls; as many rounds before warm the compiler. */
async function alternate(works: readonly (() => void | Promise<void>)[]): Promise<readonly number[]> {
  const times: number[][] = works.map(() => [])
  for (let round = -rounds; round < rounds; round++)
    for (const [index, work] of works.entries()) {
      const started = performance.now()
      for (let call = 0; call < batch; call++) await work()
      if (round >= 0) times[index]!.push(((performance.now() - started) * 1000) / batch)
    }
  return times.map(median)
}
