import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientTrustConfig } from '@sigstore/protobuf-specs'
import { encodeUtf8 } from '../codec/text.ts'
import { encodeClientTrustConfig } from './client-trust-config.ts'
import { parseSigningConfig } from './signing-config.ts'
import { parseTrustedRoot } from './trusted-root.ts'

test('a client trust config holds both documents, as others read them', () => {
  const root = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }
  const services = [{ url: 'https://sigstore.test', majorApiVersion: 1, validFor: { start: '2025-01-01T00:00:00Z' }, operator: 'test "1"' }]
  const signing = {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: services,
    rekorTlogConfig: {},
    tsaConfig: {},
  }
  const json = (value: unknown) => encodeUtf8(JSON.stringify(value))
  const encoded = JSON.parse(
    new TextDecoder().decode(encodeClientTrustConfig(parseTrustedRoot(json(root)), parseSigningConfig(json(signing)))),
  )
  const mediaType = 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json'
  assert.deepEqual(encoded, { mediaType, trustedRoot: root, signingConfig: signing })
  assert.equal(ClientTrustConfig.fromJSON(encoded).signingConfig?.caUrls[0]?.operator, 'test "1"')
})
