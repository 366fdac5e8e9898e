import { bytesEqual } from '../../codec/bytes.ts'
import { contextTag, type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { encodeDer, encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import type { Certificate } from './certificate.ts'
import { extensionOid } from './certificate-extensions.ts'

const extensionsTag = contextTag(3, 'constructed')

/**
 * The TBSCertificate that a log signs for an embedded timestamp: that of the certificate without its list of timestamps, every other byte
 * as it stands. It is that of the precertificate without its poison too.
 *
 * @see RFC 6962 §3.2 `PreCert.tbs_certificate`, §3.3
 */
export function precertificateTbs({ tbs }: Pick<Certificate, 'tbs'>): Uint8Array {
  return withoutExtension(tbs, extensionOid.sctList)
}

/** A TBSCertificate, DER, without one of its extensions; without an extension list at all where that was the only one. */
export function withoutExtension(tbs: Uint8Array, oid: string): Uint8Array {
  const read = (der: DerReader) =>
    der.sequence(fields => {
      const kept: Uint8Array[] = []
      while (fields.next !== undefined)
        kept.push(
          fields.next === extensionsTag ? fields.constructed(extensionsTag, list => without(list, oid)) : fields.whole(fields.next).bytes,
        )
      return encodeDerSequence(...kept)
    })
  return parseDer(tbs, 'certificate', read, 'CERTIFICATE_MALFORMED')
}

function without(der: DerReader, oid: string): Uint8Array {
  const wanted = encodeDerOid(oid)
  const kept = der.sequence(list => {
    const extensions: Uint8Array[] = []
    while (list.next !== undefined) {
      const { bytes, content } = list.whole(derTag.sequence)
      if (!bytesEqual(content.subarray(0, wanted.length), wanted)) extensions.push(bytes) // an extension begins with its identifier
    }
    return extensions
  })
  return kept.length === 0 ? new Uint8Array() : encodeDer(extensionsTag, encodeDerSequence(...kept))
}
