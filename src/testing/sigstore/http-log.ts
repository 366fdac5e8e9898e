import { decodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type GoJson, serializeGoJson, serializeProtoJson } from '../../codec/go-json.ts'
import { encodeHex } from '../../codec/hex.ts'
import { type Json, parseJson, readArray, readBase64, readObject, readString } from '../../codec/json.ts'
import { encodePem } from '../../codec/pem.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../codec/text.ts'
import { defaultHash } from '../../crypto/algorithm.ts'
import type { HashName } from '../../crypto/digest.ts'
import { messageOfBytes, messageOfDigests } from '../../crypto/message.ts'
import { parsePublicKeyDer } from '../../crypto/public-key.ts'
import { verifySignature } from '../../crypto/verify-signature.ts'
import { encodeDsseEnvelope, preAuthEncoding, readDsseEnvelope } from '../../formats/dsse.ts'
import { encodeEntryBody, parseEntryBody } from '../../formats/log/entry-body.ts'
import type { EntrySigner } from '../../formats/log/entry-match.ts'
import { type EntryVerifier, readPemVerifier, readProtoVerifier } from '../../formats/log/kinds/entry-verifier.ts'
import { logAnswerJson } from '../../formats/log/log-answer.ts'
import { type LogEntry, logEntryJson } from '../../formats/log/log-entry.ts'
import { leafHash } from '../../formats/log/merkle.ts'
import { parseCertificate } from '../../formats/x509/certificate.ts'
import type { Handler } from '../../services/listen.ts'
import { entryBodyOf, type Submission } from './submission.ts'
import type { TestLog } from './transparency-log.ts'

const requestLimit = { bytes: 32 << 20 }

/**
 * Rekor v1 on a log in memory: `/api/v1/log…`, as much of it as signing and verifying clients ask for. Kinds hashedrekord, dsse and intoto 0.0.2.
 *
 * @see services.md §3.1
 */
export function rekorV1(log: TestLog): Handler {
  const entries = new Map<string, LogEntry>() // by leaf hash
  const answer = (entry: LogEntry) => logAnswerJson(log.treeId, entry)
  const json = (value: GoJson, status = 200, headers: Readonly<Record<string, string>> = {}) =>
    new Response(serializeGoJson(value), { status, headers: { 'content-type': 'application/json', ...headers } })
  const find = (isIt: (entry: LogEntry, leaf: string) => boolean) => {
    const [, found] = [...entries].find(([leaf, entry]) => isIt(entry, leaf)) ?? []
    return found ? json(answer(found)) : new Response(null, { status: 404 })
  }
  const upload = async (request: Request) => {
    const submission = await readProposedEntry(await readJson(request))
    const leaf = leafOf(submission)
    const id = `${log.treeId.toString(16).padStart(16, '0')}${leaf}`
    const location = `/api/v1/log/entries/${id}`
    if (entries.has(leaf)) {
      const message = `an equivalent entry already exists in the transparency log with UUID ${id}`
      return json({ code: 409, message }, 409, { location })
    }
    const entry = await log.add(submission)
    entries.set(leaf, entry)
    return json(answer(entry), 201, { location, etag: id })
  }
  const retrieve = async (request: Request) => {
    const asked = readObject(await readJson(request), 'request')
    const proposed = readArray(asked['entries'] ?? [], 'entries', 10, item => item as Json)
    const leaves = await Promise.all(proposed.map(async item => leafOf(await readProposedEntry(item))))
    return json(leaves.flatMap(leaf => (entries.has(leaf) ? [answer(entries.get(leaf)!)] : [])))
  }
  return async request => {
    const { pathname, searchParams } = new URL(request.url)
    const path = `${request.method} ${pathname}`
    const byId = path.match(/^GET \/api\/v1\/log\/entries\/(?:[0-9a-f]{16})?([0-9a-f]{64})$/)?.[1]
    if (path === 'POST /api/v1/log/entries') return upload(request)
    if (path === 'POST /api/v1/log/entries/retrieve') return retrieve(request)
    if (path === 'GET /api/v1/log/entries') return find(({ logIndex }) => String(logIndex) === searchParams.get('logIndex'))
    if (byId !== undefined) return find((_, leaf) => leaf === byId)
    if (path === 'GET /api/v1/log/publicKey')
      return new Response(encodePem('PUBLIC KEY', log.logKey.key.spki), { headers: { 'content-type': 'application/x-pem-file' } })
    return new Response(null, { status: 404 })
  }
}

/** Rekor v2's one call, `POST /api/v2/log/entries`. @see services.md §4.1 */
export function rekorV2(log: TestLog): Handler {
  return async request => {
    const place = 'hashedRekordRequestV002'
    const { [place]: asked, ...others } = readObject(await readJson(request), 'request')
    if (asked === undefined || Object.keys(others).length > 0) throw refused('invalid type, must be hashedrekord')
    const { digest, signature } = readObject(asked, place)
    const { content, verifier } = readObject(signature, `${place}.signature`)
    const entryVerifier = readProtoVerifier(verifier, `${place}.signature.verifier`)
    const { hash } = entryVerifier.details
    if (!hash) throw refused(`${entryVerifier.details.name} signs no digest`)
    const submission = {
      signature: readBase64(content, `${place}.signature.content`),
      signer: signerOf(entryVerifier),
      ...overDigest(hash, readBase64(digest, `${place}.digest`)),
    }
    await checkSignature(submission)
    const entry = logEntryJson(await log.add(submission))
    return new Response(serializeProtoJson(entry), { status: 201, headers: { 'content-type': 'application/json' } })
  }
}

async function readJson(request: Request): Promise<Json> {
  return parseJson(new Uint8Array(await request.arrayBuffer()), 'request', requestLimit)
}

/** A request to Rekor v1, of a signature that verifies. @throws CountersignError for what is no such */
async function readProposedEntry(value: Json): Promise<Submission> {
  const { kind, apiVersion, spec } = readObject(value, 'entry')
  const name = `${readString(kind, 'kind')} ${readString(apiVersion, 'apiVersion')}`
  const readers = new Map([
    ['dsse 0.0.1', readProposedEnvelope],
    ['intoto 0.0.2', readProposedIntoto],
  ])
  const submission = readers.get(name)?.(spec) ?? readProposedSignature(name, value)
  await checkSignature(submission)
  return submission
}

function readProposedSignature(name: string, value: Json): Submission {
  if (name !== 'hashedrekord 0.0.1') throw refused(`entry kind ${quote(name)} is not enabled`)
  const body = parseEntryBody({ kind: 'hashedrekord', version: '0.0.1', canonicalizedBody: encodeUtf8(JSON.stringify(value)) })
  if (body.kind !== 'hashedrekord') throw new TypeError('an entry is read as the kind that it is asked for')
  const { artifact, signature, verifier } = body
  return { signature, signer: signerOf(verifier), ...overDigest(artifact.hash, artifact.digest) }
}

function readProposedEnvelope(spec: unknown): Submission {
  const { envelope: text, verifiers } = readObject(readObject(spec, 'spec')['proposedContent'], 'spec.proposedContent')
  const encoded = encodeUtf8(readString(text, 'envelope'))
  const envelope = readDsseEnvelope(parseJson(encoded, 'envelope', requestLimit), 'envelope')
  const [verifier] = readArray(verifiers, 'verifiers', 1, readPemVerifier)
  if (!verifier) throw refused('want one verifier')
  const content = { kind: 'envelope', envelope, encoded, preAuthEncoding: preAuthEncoding(envelope.payloadType, envelope.payload) } as const
  return { signature: envelope.signature, signer: signerOf(verifier), content }
}

/** Base64 members of base64, and the key beside the signature. @see services.md §3.3 */
function readProposedIntoto(spec: unknown): Submission {
  const { envelope: proposed } = readObject(readObject(spec, 'spec')['content'], 'spec.content')
  const { payloadType, payload, signatures } = readObject(proposed, 'envelope')
  const twice = (value: unknown, at: string) => decodeBase64(decodeUtf8(readBase64(value, at), at), at)
  const [signed] = readArray(signatures, 'signatures', 1, item => readObject(item, 'signature'))
  if (!signed) throw refused('want one signature')
  const signature = twice(signed['sig'], 'sig')
  const envelope = { payloadType: readString(payloadType, 'payloadType'), payload: twice(payload, 'payload'), signature }
  const encoded = encodeDsseEnvelope(envelope) // as all clients of these tests hash it
  const content = { kind: 'envelope', envelope, encoded, preAuthEncoding: preAuthEncoding(envelope.payloadType, envelope.payload) } as const
  return { signature, signer: signerOf(readPemVerifier(signed['publicKey'], 'publicKey')), content, kind: 'intoto 0.0.2' }
}

function overDigest(hash: HashName, digest: Uint8Array): Pick<Submission, 'content' | 'hash'> {
  return { hash, content: { kind: 'message', message: messageOfDigests(new Map([[hash, digest]])) } }
}

function signerOf(verifier: EntryVerifier): EntrySigner {
  return verifier.kind === 'certificate'
    ? { kind: 'certificate', certificate: parseCertificate(verifier.der, 'certificate') }
    : { kind: 'key', key: parsePublicKeyDer(verifier.spki, 'public key') }
}

async function checkSignature({ signature, signer, content, hash }: Submission): Promise<void> {
  const key = signer.kind === 'certificate' ? signer.certificate.publicKey : signer.key
  const message = content.kind === 'message' ? content.message : messageOfBytes(content.preAuthEncoding)
  await verifySignature(key, signature, message, [hash ?? defaultHash(key)])
}

/** By this an entry is found again, in hex. */
function leafOf(submission: Submission): string {
  return encodeHex(leafHash(encodeEntryBody(entryBodyOf('v1', submission))))
}

function refused(why: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', why)
}
