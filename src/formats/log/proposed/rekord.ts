import { encodeBase64 } from '../../../codec/base64.ts'
import { bytesEqual } from '../../../codec/bytes.ts'
import { serializeCanonicalJson } from '../../../codec/canonical-json.ts'
import { readBase64, readString } from '../../../codec/json.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { messageOfBytes } from '../../../crypto/message.ts'
import { hexDigestJson, readHexDigest } from '../kinds/entry-digest.ts'
import { malformed, readFields } from './fields.ts'
import { parsePemSigner } from './proposed-signer.ts'
import type { CheckedEntry } from './proven-entry.ts'
import { digestKey } from './search-keys.ts'
import { verifyMessageSignature } from './signed-message.ts'

/** Formats of keys and signatures that Rekor knows beside X.509, and we do not. */
const otherFormats = ['pgp', 'minisign', 'ssh']

/**
 * Checks a proposed rekord 0.0.1: a signature over content that comes along, by a key in PEM. The content is not kept, only its SHA-256.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, also for keys of other formats; `JSON_MALFORMED`, `SIGNATURE_*` and what `parsePemSigner` throws
 * @see services §3.3
 */
export async function checkRekord(spec: unknown): Promise<CheckedEntry> {
  const { data, signature: signed } = readFields(spec, 'spec', ['data', 'signature'])
  const { content: base64, hash } = readFields(data, 'spec.data', ['content', 'hash'])
  const { content: given, format: name, publicKey } = readFields(signed, 'spec.signature', ['content', 'format', 'publicKey'])
  const format = readString(name, 'spec.signature.format')
  if (otherFormats.includes(format)) throw malformed(`spec.signature.format: rekord entries of format ${format} are not enabled, want x509`)
  if (format !== 'x509') throw malformed(`spec.signature.format: want x509, got ${quote(format)}`)
  if (base64 === undefined) throw malformed("spec.data: 'content' must be specified for data")
  const [content, signature] = [readBase64(base64, 'spec.data.content'), readBase64(given, 'spec.signature.content')]
  const artifact = { hash: 'sha256', digest: sha256(content) } as const
  if (hash !== undefined) {
    const claimed = readHexDigest(hash, 'spec.data.hash')
    if (claimed.hash !== 'sha256' || !bytesEqual(claimed.digest, artifact.digest))
      throw malformed(`spec.data.hash: want the SHA-256 of the content, ${digestKey(artifact)}, got ${digestKey(claimed)}`)
  }
  const place = 'spec.signature.publicKey.content'
  const { content: pem } = readFields(publicKey, 'spec.signature.publicKey', ['content'])
  const signer = await parsePemSigner(readBase64(pem, place), place)
  await verifyMessageSignature(signer.key, signature, messageOfBytes(content))
  const body = serializeCanonicalJson({
    apiVersion: '0.0.1',
    kind: 'rekord',
    spec: {
      data: { hash: hexDigestJson(artifact) },
      signature: { content: encodeBase64(signature), format, publicKey: { content: encodeBase64(signer.pem) } },
    },
  })
  return { body: encodeUtf8(body), searchKeys: [signer.keyDigest, digestKey(artifact), ...signer.names] }
}
