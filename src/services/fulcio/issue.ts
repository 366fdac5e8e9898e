import type { World } from '../../codec/world.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { type CertificateContents, issueCertificate } from '../../formats/x509/certificate-writer.ts'
import { precertificatePoisonExtension } from '../../formats/x509/extension-writer.ts'
import { embeddedScts, parseDetachedSct, type Sct, verifySct } from '../../formats/x509/sct.ts'
import { sctListExtension } from '../../formats/x509/sct-writer.ts'
import { ServiceRefusal } from '../service.ts'
import type { CertificateAuthority } from './authority.ts'
import { leafContents, randomSerialNumber } from './leaf-certificate.ts'
import type { Certified } from './principals/principal.ts'

/** The certificate transparency log that sees every certificate before it is issued. */
export type CertificateLog = {
  readonly key: PublicKey
  /**
   * Logs a precertificate.
   *
   * @param issuers - its issuer first, the root last
   * @returns SignedCertificateTimestamp, RFC 6962 §3.3
   */
  readonly logPrecertificate: (precertificate: Uint8Array, issuers: readonly Uint8Array[]) => Promise<Uint8Array>
}

export type IssueOptions = {
  readonly authority: CertificateAuthority
  readonly log: CertificateLog | undefined // nothing: certificates are issued that no log has seen
  readonly logTimeoutMs: number
  readonly checkSignature?: typeof verifySignatureAs | undefined // where the log's timestamp is checked; in this thread unless told
  readonly world: Pick<World, 'now' | 'randomBytes'>
}

/**
 * Issues a certificate. With a log, a precertificate is logged first, and the certificate is the same but that the log's timestamp stands
 * where the poison was; both are made by the one authority at hand. The timestamp is verified over what is handed out, so it is the
 * certificate and not only the precertificate that verifiers will find it to cover.
 *
 * @throws ServiceRefusal 500, in Fulcio's words: of the log, or of the authority's key. There is no certificate then
 * @see services.md §1.5 "Embedded SCT flow"; RFC 6962 §3.1-3.3
 */
export async function issueLeaf(certified: Certified, key: PublicKey, options: IssueOptions): Promise<Certificate> {
  const { authority, log, world } = options
  const [issuer] = authority.chain
  const now = world.now()
  if (now < issuer.notBefore || now > issuer.notAfter) throw authorityFailed(new Error('the certificate of the authority is not valid now'))
  const contents = leafContents(issuer, certified, key, now, randomSerialNumber(world.randomBytes))
  if (!log) return parseLeaf(await sign(contents, authority))
  const sct = await logged(contents, log, options)
  const leaf = parseLeaf(await sign({ ...contents, extensions: [...contents.extensions, sctListExtension([sct])] }, authority))
  try {
    for (const embedded of embeddedScts(leaf)) await verifySct(embedded, leaf, issuer, log, options.checkSignature)
  } catch (cause) {
    throw logFailed(cause)
  }
  return leaf
}

async function sign(contents: CertificateContents, { signer }: CertificateAuthority): Promise<Uint8Array> {
  try {
    return await issueCertificate(contents, signer)
  } catch (cause) {
    throw authorityFailed(cause)
  }
}

/** What is handed out is read as verifiers will read it. */
function parseLeaf(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der, 'certificate')
  } catch (cause) {
    throw authorityFailed(cause)
  }
}

async function logged(contents: CertificateContents, log: CertificateLog, { authority, logTimeoutMs }: IssueOptions): Promise<Sct> {
  const precertificate = await sign({ ...contents, extensions: [...contents.extensions, precertificatePoisonExtension()] }, authority)
  const issuers = authority.chain.map(({ der }) => der)
  try {
    const answer = await within(logTimeoutMs, log.logPrecertificate(precertificate, issuers))
    return { ...parseDetachedSct(answer, 'certificate timestamp'), entry: 'precertificate' }
  } catch (cause) {
    throw logFailed(cause)
  }
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([answer, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

function logFailed(cause: unknown): ServiceRefusal {
  return new ServiceRefusal(500, 'Error entering certificate in CTL', { cause })
}

function authorityFailed(cause: unknown): ServiceRefusal {
  return new ServiceRefusal(500, 'error communicating with CA backend', { cause })
}
