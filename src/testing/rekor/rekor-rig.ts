import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { HashName } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import { isRekorV1Origin } from '../../formats/log/checkpoint.ts'
import { entryBundles } from '../../formats/log/entry-bundle.ts'
import { issueCertificate } from '../../formats/x509/certificate-writer.ts'
import { encodeDistinguishedName } from '../../formats/x509/distinguished-name.ts'
import { subjectAlternativeNamesExtension } from '../../formats/x509/extension-writer.ts'
import { noteHeadSigner } from '../../log/note-heads.ts'
import { openTileLog } from '../../log/open-tile-log.ts'
import type { TileLog } from '../../log/tile-log.ts'
import { createRekorV1, type RekorV1Options } from '../../services/rekor/rekor-v1.ts'
import { createRekorV2, type RekorV2Options } from '../../services/rekor/rekor-v2.ts'
import type { ServiceEvents } from '../../services/service.ts'
import { emptyLogDisk, openMemoryStore } from '../log/memory-store.ts'
import { testLogSigners } from '../sigstore/transparency-log.ts'

/** A log in memory. */
function openLog(origin: string, signer: Signer, now: () => Date): Promise<TileLog> {
  const bundles = isRekorV1Origin(origin) ? undefined : entryBundles
  return openTileLog({ ...noteHeadSigner(origin, signer), store: openMemoryStore(emptyLogDisk()), now, bundles })
}

/** A service under test, and what it counted. */
export type RekorRig = {
  readonly log: TileLog
  readonly signer: Signer
  readonly counted: ReadonlyMap<string, number> // by metric, then its labels
  readonly post: (path: string, body: unknown, init?: RequestInit) => Promise<Response>
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>
  readonly close: () => Promise<void>
}

/** The tree of every log of these tests. */
export const testTreeId = 1193050959916656506n

/** Rekor v1 on a new log of a P-256 key. */
export async function openRekorV1(options: Partial<RekorV1Options> = {}): Promise<RekorRig> {
  const signer = options.signer ?? testLogSigners.ecdsa()
  const now = options.now ?? (() => new Date('2026-03-01T12:00:00.500Z'))
  const treeId = options.treeId ?? testTreeId
  const log = await openLog(`rekor.example - ${treeId}`, signer, now)
  return rigOf(log, signer, events => createRekorV1({ log, treeId, signer, now, events, ...options }))
}

/** Rekor v2 on a new log of an Ed25519 key. */
export async function openRekorV2(options: Partial<RekorV2Options> = {}): Promise<RekorRig> {
  const signer = testLogSigners.ed25519()
  const now = options.now ?? (() => new Date('2026-03-01T12:00:00.500Z'))
  const origin = options.origin ?? 'log.example'
  const log = await openLog(origin, signer, now)
  return rigOf(log, signer, events => createRekorV2({ log, origin, publicKey: signer.publicKey, now, events, ...options }))
}

function rigOf(log: TileLog, signer: Signer, create: (events: ServiceEvents) => (request: Request) => Promise<Response>): RekorRig {
  const counted = new Map<string, number>()
  const count: ServiceEvents['count'] = (metric, labels = {}) => {
    const name = [metric, ...Object.entries(labels).map(([label, value]) => `${label}=${value}`)].join(' ')
    counted.set(name, (counted.get(name) ?? 0) + 1)
  }
  const handler = create({ count, observe: () => {}, log: () => {}, audit: () => {} })
  return {
    log,
    signer,
    counted,
    post: (path, body, init) => {
      const bytes =
        typeof body === 'string' || body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer> | string) : JSON.stringify(body)
      return handler(new Request(`http://rekor.example${path}`, { method: 'POST', body: bytes, ...init }))
    },
    get: (path, headers = {}) => handler(new Request(`http://rekor.example${path}`, { headers })),
    close: log.close,
  }
}

/** A key pair of a client. */
export type ClientKey = { readonly privateKey: KeyObject; readonly spki: Uint8Array; readonly pem: string }

/** A new key of the kind that OpenSSL knows by this name. */
export function clientKey(kind: 'P-256' | 'P-384' | 'P-521' | 'ed25519' | 'rsa-2048'): ClientKey {
  const { privateKey, publicKey } =
    kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : kind === 'rsa-2048'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: kind })
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return { privateKey, spki: Uint8Array.from(der), pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

export type SignedContent = { readonly digest: Uint8Array; readonly signature: Uint8Array }

/** A signature by a client over content, and the digest that a log is told. */
export function signContent({ privateKey }: ClientKey, content: Uint8Array, hash: HashName = 'sha256'): SignedContent {
  const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : hash
  return {
    digest: Uint8Array.from(createHash(hash).update(content).digest()),
    signature: Uint8Array.from(sign(algorithm, content, privateKey)),
  }
}

/** A certificate of a client's key for an address, by an authority that nobody knows. Padding makes it as large as one can be. */
export function certificateOf({ spki }: ClientKey, email: string, padding = 0): Promise<Uint8Array> {
  const name = encodeDistinguishedName([['CN', 'nobody']])
  const extensions = [
    subjectAlternativeNamesExtension([{ kind: 'email', value: email }], true),
    ...(padding > 0 ? [{ oid: '1.3.6.1.4.1.57264.99', critical: false, value: new Uint8Array(padding) }] : []),
  ]
  const [notBefore, notAfter] = [new Date('2026-03-01T12:00:00Z'), new Date('2026-03-01T12:10:00Z')]
  return issueCertificate({ serialNumber: 7n, issuer: name, notBefore, notAfter, subject: name, spki, extensions }, testLogSigners.ecdsa())
}
