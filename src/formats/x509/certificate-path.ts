import type { Branded } from '../../codec/branded.ts'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Certificate } from './certificate.ts'
import { type SignatureChecks, signatureChecks } from './certificate-signature.ts'
import { type CertificatePurpose, checkAuthority, checkLeaf, checkWholePath, describeCertificate } from './path-rules.ts'

/** Where paths may lead and by way of whom. Roots are trusted as given, intermediates are not: they may come from anybody. */
export type CertificateStore = { readonly roots: readonly Certificate[]; readonly intermediates: readonly Certificate[] }

/** Leaf first, trusted root last, each signed by the next and allowed to by RFC 5280 §6.1, times aside. Only `proveCertificatePaths` makes one. */
export type CertificatePath = Branded<readonly [leaf: Certificate, issuer: Certificate, ...above: Certificate[]], 'Proven'>

const maxPaths = 8
const maxLength = 8
const maxChecks = 64
const maxSteps = 1024 // where every certificate signed every other, there are more paths than signatures

/** Signatures among authorities that any trust in this process asked about. It holds facts about bytes, nothing that differs between callers. */
const shared = signatureChecks(1024)

/**
 * Proves every path from a leaf to a root of the store, or the first eight: of up to eight certificates, found with up to 64 checks of
 * signatures. Times are not looked at: `checkPathValidAt` does that, at each time that counts. The root's own signature is not either.
 *
 * Names chain by the bytes of their DER. Key identifiers only order the search: they prove nothing, and a wrong one hides nothing.
 *
 * @param checks - the process-wide memory unless told
 * @throws CountersignError `CERTIFICATE_UNTRUSTED` with every reason in an `AggregateError` cause; `CERTIFICATE_MALFORMED` of the leaf
 * @see RFC 5280 §6.1
 */
export async function proveCertificatePaths(
  leaf: Certificate,
  store: CertificateStore,
  purpose: CertificatePurpose,
  checks: SignatureChecks = shared,
): Promise<readonly [CertificatePath, ...CertificatePath[]]> {
  if (store.roots.some(root => isSame(root, leaf)))
    throw untrusted(`${describeCertificate(leaf)} is itself a trusted root, want one that a trusted root vouches for`)
  checkLeaf(leaf, purpose)
  const search = new PathSearch(store, purpose, checks)
  await search.extend([leaf])
  const [first, ...others] = search.found
  if (!first) throw search.refusal()
  return [first, ...others]
}

/**
 * Demands that every certificate of a path is valid at an instant, the first and the last second included.
 *
 * @throws CountersignError `CERTIFICATE_EXPIRED`, in cosign's words, for the certificate furthest from the root that is not
 * @see RFC 5280 §4.1.2.5, §6.1.3 (a) (2)
 */
export function checkPathValidAt(path: CertificatePath, at: Date): void {
  if (Number.isNaN(at.getTime())) throw new TypeError('checkPathValidAt: want a time')
  for (const certificate of path) {
    const { notBefore, notAfter } = certificate
    const refuse = (problem: string) => new CountersignError('CERTIFICATE_EXPIRED', `${describeCertificate(certificate)}: ${problem}`)
    if (at < notBefore) throw refuse(`not yet valid at observed time: ${notBefore.toISOString()} is after ${at.toISOString()}`)
    if (at > notAfter) throw refuse(`expired before observed time: ${notAfter.toISOString()} is before ${at.toISOString()}`)
  }
}

type Candidate = { readonly certificate: Certificate; readonly role: 'root' | 'intermediate' }

type Unproven = readonly [leaf: Certificate, ...above: Certificate[]]

/** One search, depth first. */
class PathSearch {
  readonly found: CertificatePath[] = []
  readonly #reasons: { readonly depth: number; readonly error: CountersignError }[] = []
  readonly #candidates: readonly Candidate[]
  readonly #purpose: CertificatePurpose
  readonly #checks: SignatureChecks
  readonly #answers = new Map<Certificate, Map<Certificate, true | CountersignError>>() // of an issuer about a subject
  #checksLeft = maxChecks
  #stepsLeft = maxSteps

  constructor({ roots, intermediates }: CertificateStore, purpose: CertificatePurpose, checks: SignatureChecks) {
    const all = [...roots.map(candidateFor('root')), ...intermediates.map(candidateFor('intermediate'))]
    this.#candidates = all.filter(({ certificate }, at) => all.findIndex(other => isSame(other.certificate, certificate)) === at)
    this.#purpose = purpose
    this.#checks = checks
  }

  /** Tries everyone who may have issued the last certificate of `path`, and goes on from each who did. */
  async extend(path: Unproven): Promise<void> {
    const last = path.at(-1)!
    const issuers = this.#issuersOf(last, path)
    if (issuers.length === 0)
      this.#note(path, untrusted(`${describeCertificate(last)}: its issuer ${quote(last.issuer.text)} is not known`))
    for (const { certificate: issuer, role } of issuers) {
      if (this.found.length === maxPaths) return
      try {
        if (this.#stepsLeft-- <= 0) throw untrusted(`gave up after ${maxSteps} steps`)
        checkAuthority(issuer, role)
        await this.#proveSignature(last, issuer)
        if (role === 'root') this.#finish([...path, issuer])
        else if (path.length + 1 < maxLength) await this.extend([...path, issuer])
        else throw untrusted(`${describeCertificate(issuer)}: no root within ${maxLength} certificates`)
      } catch (error) {
        this.#note(path, error)
      }
    }
  }

  /** An error that says why there is no path: the reason found furthest from the leaf. */
  refusal(): CountersignError {
    const [best] = this.#reasons.toSorted((a, b) => b.depth - a.depth)
    return untrusted(best!.error.message, new AggregateError(this.#reasons.map(({ error }) => error)))
  }

  #note({ length }: Unproven, error: unknown): void {
    if (!(error instanceof CountersignError)) throw error
    this.#reasons.push({ depth: length, error })
  }

  /** Those of the issuer's name who are not in the path yet, nor as another certificate of the same key; likely ones first. */
  #issuersOf(subject: Certificate, path: Unproven): readonly Candidate[] {
    return this.#candidates
      .filter(({ certificate }) => bytesEqual(certificate.subject.der, subject.issuer.der))
      .filter(({ certificate }) => !path.some(other => isSameHolder(other, certificate)))
      .map(candidate => ({ candidate, likelihood: likelihoodOf(candidate.certificate, subject) }))
      .sort((a, b) => b.likelihood - a.likelihood)
      .map(({ candidate }) => candidate)
  }

  async #proveSignature(subject: Certificate, issuer: Certificate): Promise<void> {
    if (this.#checks.isKnown(subject, issuer)) return
    const answers = this.#answers.get(issuer) ?? new Map<Certificate, true | CountersignError>()
    this.#answers.set(issuer, answers)
    const answer = answers.get(subject) ?? (await this.#check(subject, issuer))
    answers.set(subject, answer)
    if (answer !== true) throw answer
  }

  async #check(subject: Certificate, issuer: Certificate): Promise<true | CountersignError> {
    if (this.#checksLeft-- <= 0) throw untrusted(`gave up after ${maxChecks} checks of signatures`)
    try {
      await this.#checks.verify(subject, issuer)
      return true
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      return untrusted(`${describeCertificate(subject)}: not signed by ${describeCertificate(issuer)}: ${cause.message}`, cause)
    }
  }

  #finish(path: readonly Certificate[]): void {
    checkWholePath(path, this.#purpose)
    for (const [at, authority] of path.slice(1, -1).entries()) this.#checks.remember(authority, path[at + 2]!)
    this.found.push(path as unknown as CertificatePath)
  }
}

function candidateFor(role: Candidate['role']): (certificate: Certificate) => Candidate {
  return certificate => ({ certificate, role })
}

function isSame(a: Certificate, b: Certificate): boolean {
  return bytesEqual(a.fingerprint, b.fingerprint)
}

function isSameHolder(a: Certificate, b: Certificate): boolean {
  return bytesEqual(a.subject.der, b.subject.der) && bytesEqual(a.spki, b.spki)
}

/** How likely one signed the other, by their key identifiers. Of the certificate of anybody they may be broken: its turn comes, last. */
function likelihoodOf(issuer: Certificate, subject: Certificate): number {
  try {
    const [wanted, own] = [subject.authorityKeyId, issuer.subjectKeyId]
    return wanted && own ? (bytesEqual(wanted, own) ? 2 : 0) : 1
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return 0
  }
}

function untrusted(problem: string, cause?: Error): CountersignError {
  return new CountersignError('CERTIFICATE_UNTRUSTED', problem, cause && { cause })
}
