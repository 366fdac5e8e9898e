import type { Sha256 } from '../../crypto/digest.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { Sct } from '../../formats/x509/sct.ts'
import { encodeSctAnswer, signSct } from '../../formats/x509/sct-writer.ts'

/** A certificate transparency log that sees all it is shown and keeps nothing. */
export type TestCtLog = {
  readonly key: PublicKey
  readonly logId: Uint8Array // 32 bytes
  readonly signer: Signer
  /** A timestamp to embed. `issuerKeyId` is SHA-256 of the issuer's SPKI. */
  readonly seePrecertificate: (tbs: Uint8Array, issuerKeyId: Sha256, time: Date) => Promise<Sct>
  readonly seeCertificate: (certificate: Pick<Certificate, 'der'>, time: Date) => Promise<Sct>
  /** The JSON with which a log answers, as `--sct` files hold it. */
  readonly answer: (certificate: Pick<Certificate, 'der'>, time: Date) => Promise<Uint8Array>
}

/**
 * A log with this key, which signs with SHA-256.
 *
 * @param extensions - of every timestamp, none unless told
 */
export function createCtLog(signer: Signer, extensions: Uint8Array = new Uint8Array()): TestCtLog {
  const seeCertificate: TestCtLog['seeCertificate'] = ({ der }, time) => signSct(signer, { entry: 'certificate', der }, time, extensions)
  return {
    key: signer.publicKey,
    logId: signer.publicKey.id,
    signer,
    seePrecertificate: (tbs, issuerKeyId, time) => signSct(signer, { entry: 'precertificate', tbs, issuerKeyId }, time, extensions),
    seeCertificate,
    answer: async (certificate, time) => encodeSctAnswer(await seeCertificate(certificate, time)),
  }
}
