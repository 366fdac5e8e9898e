import { encodeBase64 } from '../../../codec/base64.ts'
import { serializeCanonicalJson } from '../../../codec/canonical-json.ts'
import { readBase64 } from '../../../codec/json.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import type { HashName } from '../../../crypto/digest.ts'
import { keyDetailsFor } from '../../../crypto/key-details.ts'
import { messageOfDigests } from '../../../crypto/message.ts'
import type { PublicKey } from '../../../crypto/public-key.ts'
import { type VerifiedScheme, verifySignatureAs } from '../../../crypto/verify-signature.ts'
import { hexDigestJson, readHexDigest } from '../kinds/entry-digest.ts'
import { malformed, readFields } from './fields.ts'
import { parsePemSigner } from './proposed-signer.ts'
import type { CheckedEntry } from './proven-entry.ts'
import { digestKey } from './search-keys.ts'

/**
 * Checks a proposed hashedrekord 0.0.1: the signature must verify over the digest. A pure Ed25519 signature, which cosign 2 makes, signs no
 * digest: it cannot be checked, so it is refused.
 *
 * @param algorithms - kinds of keys to take, by their names in protobuf-specs
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `SIGNATURE_*` and what `parsePemSigner` throws
 * @see services §3.3
 */
export async function checkHashedRekord(spec: unknown, algorithms: ReadonlySet<string>): Promise<CheckedEntry> {
  const { data, signature: signed } = readFields(spec, 'spec', ['data', 'signature'])
  const { content, publicKey } = readFields(signed, 'spec.signature', ['content', 'publicKey'])
  const { content: pem } = readFields(publicKey, 'spec.signature.publicKey', ['content'])
  const artifact = readHexDigest(readFields(data, 'spec.data', ['hash'])['hash'], 'spec.data.hash')
  const signature = readBase64(content, 'spec.signature.content')
  const place = 'spec.signature.publicKey.content'
  const signer = await parsePemSigner(readBase64(pem, place), place)
  const scheme = schemeOf(signer.key, artifact.hash)
  const details = keyDetailsFor(signer.key, scheme)
  if (!details || !algorithms.has(details.name))
    throw malformed(`entry algorithms are not allowed: ${signer.key.algorithm} key of ${signer.key.bits} bits with ${artifact.hash}`)
  await verifySignatureAs(signer.key, signature, messageOfDigests(new Map([[artifact.hash, artifact.digest]])), scheme)
  const body = serializeCanonicalJson({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: hexDigestJson(artifact) },
      signature: { content: encodeBase64(signature), publicKey: { content: encodeBase64(signer.pem) } },
    },
  })
  return { body: encodeUtf8(body), searchKeys: [signer.keyDigest, digestKey(artifact), ...signer.names] }
}

function schemeOf({ algorithm }: PublicKey, hash: HashName): VerifiedScheme {
  if (algorithm === 'ed25519') {
    if (hash !== 'sha512') throw malformed(`an Ed25519 key signs a digest by sha512 alone (Ed25519ph), got one by ${hash}`)
    return { scheme: 'ed25519ph', hash }
  }
  if (algorithm === 'rsa-pss') return { scheme: 'rsa-pss', hash }
  return { scheme: algorithm === 'rsa' ? 'rsa-pkcs1v15' : 'ecdsa', hash }
}
