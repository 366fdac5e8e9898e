import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeBase64 } from '../../codec/base64.ts'
import { serializeCanonicalJson } from '../../codec/canonical-json.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeProtoJson } from '../../codec/go-json.ts'
import { type JsonObject, parseJson, readObject, readString } from '../../codec/json.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import { keyDetailsOf } from '../../crypto/key-details.ts'
import { messageOfDigests } from '../../crypto/message.ts'
import { parsePublicKeyDer } from '../../crypto/public-key.ts'
import { preAuthEncoding, readDsseEnvelope } from '../dsse.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { type EntryBody, encodeEntryBody, parseEntryBody } from './entry-body.ts'
import { checkEntryMatches, type EntrySigner, type LoggedSignature } from './entry-match.ts'
import { type LogEntry, logEntryJson, readLogEntry } from './log-entry.ts'
import type { LogKey } from './log-key.ts'
import { verifyLogEntry } from './verify-log-entry.ts'

type RealEntry = {
  readonly name: string
  readonly entry: LogEntry
  readonly log: LogKey
  readonly logged: LoggedSignature
  readonly json: JsonObject
}

const url = new URL('../../../test/vectors/transparency-log/entries.json', import.meta.url)
const entries = (parseJson(readFileSync(url), 'entries', { bytes: 1 << 20 }) as readonly JsonObject[]).map(readRealEntry)

function readRealEntry(item: JsonObject): RealEntry {
  const log = readObject(item['log'], 'log')
  const details = keyDetailsOf(readString(log['keyDetails'], 'keyDetails'))!
  return {
    name: readString(item['name'], 'name'),
    json: readObject(item['entry'], 'entry'),
    entry: readLogEntry(item['entry'], 'entry'),
    log: {
      key: parsePublicKeyDer(bytesOf(log['key']), 'log key'),
      scheme: { scheme: details.scheme, hash: details.hash },
      logId: bytesOf(log['logId']),
      baseUrl: readString(log['baseUrl'], 'baseUrl'),
    },
    logged: readLogged(item),
  }
}

function readLogged(item: JsonObject): LoggedSignature {
  const { certificate, publicKey } = readObject(item['signer'], 'signer')
  const signer: EntrySigner =
    certificate === undefined
      ? { kind: 'key', key: parsePublicKeyDer(bytesOf(publicKey), 'key') }
      : { kind: 'certificate', certificate: parseCertificate(bytesOf(certificate), 'certificate') }
  if (item['envelope'] === undefined) {
    const message = messageOfDigests(new Map([['sha256', bytesOf(item['sha256'])]]))
    return { signer, signature: bytesOf(item['signature']), content: { kind: 'message', message } }
  }
  const envelope = readDsseEnvelope(item['envelope'], 'envelope')
  const preAuth = preAuthEncoding(envelope.payloadType, envelope.payload)
  return { signer, signature: envelope.signature, content: { kind: 'envelope', envelope, preAuthEncoding: preAuth } }
}

function bytesOf(value: unknown): Uint8Array {
  return decodeBase64(readString(value, 'base64'), 'base64')
}

for (const { name, entry, log, logged, json } of entries) {
  test(`a real entry verifies and is about its signature: ${name}`, async () => {
    const { integratedTime, checkpoint } = await verifyLogEntry(entry, log)
    assert.equal(integratedTime && BigInt(integratedTime.getTime() / 1000), entry.inclusionPromise && entry.integratedTime)
    assert.equal(checkpoint?.size, entry.inclusionProof?.treeSize)
    const body = parseEntryBody(entry)
    checkEntryMatches(body, logged)
    assert.equal(`${body.kind} ${body.version}`, name.slice(0, `${body.kind} ${body.version}`.length))
  })

  test(`a real entry is written as it was read: ${name}`, () => {
    assert.equal(
      serializeCanonicalJson(parseJson(entry.canonicalizedBody, 'body', { bytes: 1 << 20 })),
      decodeUtf8(entry.canonicalizedBody, 'body'),
    )
    assert.deepEqual(readLogEntry(JSON.parse(JSON.stringify(logEntryJson(entry))), 'entry'), entry)
    const body = parseEntryBody(entry)
    if (body.kind === 'intoto') return // whoever made that one kept the payload, and wrote zeros
    assert.equal(
      decodeUtf8(encodeEntryBody(body as Exclude<EntryBody, { readonly kind: 'rekord' }>), 'body'),
      decodeUtf8(entry.canonicalizedBody, 'body'),
    )
    assert.equal(serializeProtoJson(logEntryJson(entry)).length, JSON.stringify(json).length)
    assert.deepEqual(JSON.parse(JSON.stringify(logEntryJson(entry))), json)
  })

  test(`no real entry survives with another bit: ${name}`, async () => {
    const proof = entry.inclusionProof!
    const mutants: LogEntry[] = [
      ...flips(entry.canonicalizedBody, 211).map(canonicalizedBody => ({ ...entry, canonicalizedBody })),
      ...(entry.inclusionPromise ? flips(entry.inclusionPromise, 1).map(inclusionPromise => ({ ...entry, inclusionPromise })) : []),
      ...proof.hashes.flatMap((hash, at) =>
        flips(hash, 16).map(flipped => ({ ...entry, inclusionProof: { ...proof, hashes: proof.hashes.with(at, flipped as typeof hash) } })),
      ),
      ...flips(proof.rootHash, 4).map(rootHash => ({
        ...entry,
        inclusionProof: { ...proof, rootHash: rootHash as typeof proof.rootHash },
      })),
      { ...entry, inclusionProof: { ...proof, treeSize: proof.treeSize + 1n } },
      { ...entry, inclusionProof: { ...proof, logIndex: proof.logIndex + 1n } },
      { ...entry, logId: entry.logId.subarray(0, 31) },
      ...(entry.integratedTime ? [{ ...entry, integratedTime: entry.integratedTime + 1n }] : []),
      { ...entry, logIndex: entry.logIndex + 1n },
    ]
    for (const [at, mutant] of mutants.entries())
      await assert.rejects(verifyLogEntry(mutant, log), (error: unknown) => error instanceof CountersignError, `mutant ${at}`)
  })

  test(`a real entry is about no other signature: ${name}`, () => {
    const body = parseEntryBody(entry)
    for (const other of entries.filter(candidate => candidate.name !== name))
      assert.throws(() => checkEntryMatches(body, other.logged), { code: 'TLOG_ENTRY_MISMATCH' }, other.name)
    for (const signature of flips(logged.signature, 1))
      assert.throws(() => checkEntryMatches(body, { ...logged, signature }), {
        code: 'TLOG_ENTRY_MISMATCH',
        message: /its signature is another one/,
      })
  })
}

/** The bytes with one bit flipped, a different one in every so-manieth byte. */
function flips(bytes: Uint8Array, step: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / step) }, (_, n) =>
    bytes.map((byte, at) => (at === n * step ? byte ^ (1 << (n % 8)) : byte)),
  )
}
