import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { encodeBase64 } from '../../../codec/base64.ts'
import { type JsonObject, parseJson, readObject, readString } from '../../../codec/json.ts'
import { decodeUtf8, encodeUtf8 } from '../../../codec/text.ts'
import { readLogEntry } from '../log-entry.ts'
import { leafHash } from '../merkle.ts'
import { proveProposedEntry, rekorV1Algorithms, rekorV1Kinds } from './rekor-v1.ts'
import { parseRekorV2Request, proveRekorV2Request, rekorV2Algorithms } from './rekor-v2.ts'

// What the public logs keep, made anew from what their clients sent: test/vectors/transparency-log/README.md says whence they come.

const url = new URL('../../../../test/vectors/transparency-log/entries.json', import.meta.url)
const items = (parseJson(readFileSync(url), 'entries', { bytes: 1 << 20 }) as readonly JsonObject[]).map(item => {
  const entry = readLogEntry(item['entry'], 'entry')
  const body = readObject(parseJson(entry.canonicalizedBody, 'body', { bytes: 1 << 20 }), 'body')
  return {
    name: readString(item['name'], 'name'),
    item,
    entry,
    spec: readObject(body['spec'], 'spec'),
    kind: `${entry.kind} ${entry.version}`,
  }
})

const accepted = { kinds: new Set(rekorV1Kinds), algorithms: new Set(rekorV1Algorithms) }

for (const { name, item, entry, spec, kind } of items.filter(({ kind }) => kind.endsWith(' 0.0.1') || kind.startsWith('intoto')))
  test(`a proposal becomes the body that the public log keeps: ${name}`, async () => {
    const proposal = { apiVersion: entry.version, spec: proposedSpec(kind, spec, item), kind: entry.kind }
    const proven = await proveProposedEntry(proposal, accepted)
    if (kind === 'dsse 0.0.1') {
      // the JSON that was uploaded is lost, all else must be the same
      const { envelopeHash: _, ...mine } = readObject(readObject(JSON.parse(decodeUtf8(proven.body, 'body')), 'body')['spec'], 'spec')
      const { envelopeHash: __, ...theirs } = spec
      return assert.deepEqual(mine, theirs)
    }
    const kept = withoutPayload(entry.canonicalizedBody)
    assert.ok(decodeUtf8(proven.body, 'body') === kept, 'another body')
    return assert.deepEqual(proven.leafHash, leafHash(encodeUtf8(kept)))
  })

for (const { name, entry, spec } of items.filter(({ kind }) => kind === 'hashedrekord 0.0.2'))
  test(`a request becomes the body that the public log keeps: ${name}`, async () => {
    const { data, signature } = readObject(spec['hashedRekordV002'], 'spec')
    const request = { hashedRekordRequestV002: { digest: readObject(data, 'data')['digest'], signature } }
    const parsed = parseRekorV2Request(encodeUtf8(JSON.stringify(request)), 1 << 20)
    const { body } = await proveRekorV2Request(parsed!, new Set(rekorV2Algorithms))
    assert.equal(decodeUtf8(body, 'body'), decodeUtf8(entry.canonicalizedBody, 'body'))
  })

/** This entry was made when Rekor still kept what in-toto entries attest. */
function withoutPayload(body: Uint8Array): string {
  return decodeUtf8(body, 'body').replace(/"payload":"[^"]*",/, '')
}

function proposedSpec(kind: string, spec: JsonObject, item: JsonObject): unknown {
  switch (kind) {
    case 'hashedrekord 0.0.1':
      return spec
    case 'dsse 0.0.1': {
      const { payload, payloadType, signatures } = readObject(item['envelope'], 'envelope')
      const verifiers = (spec['signatures'] as readonly JsonObject[]).map(({ verifier }) => verifier)
      return { proposedContent: { envelope: JSON.stringify({ payload, payloadType, signatures }), verifiers }, signatures: null }
    }
    case 'intoto 0.0.2': {
      const content = readObject(spec['content'], 'content')
      const payload = encodeBase64(encodeUtf8(readString(readObject(item['envelope'], 'envelope')['payload'], 'payload')))
      return { content: { ...content, envelope: { ...readObject(content['envelope'], 'envelope'), payload } } }
    }
    default:
      throw new TypeError(`no request for ${kind}`)
  }
}

test('there are entries of each kind', () => {
  assert.deepEqual([...new Set(items.map(({ kind }) => kind))].sort(), [
    'dsse 0.0.1',
    'hashedrekord 0.0.1',
    'hashedrekord 0.0.2',
    'intoto 0.0.2',
  ])
})
