import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { digestOfTag } from '../../oci/attached/tag.ts'
import { formatReference, type Repository, repositoryName } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import type { Authority, NamedImage } from '../model.ts'
import type { Access } from './access.ts'
import { beforeDeadline, createPending } from './deadline.ts'
import { type Proof, type Proving, prove, type SearchPlace } from './evidence/prove.ts'
import { rememberingClient } from './evidence/remembering-client.ts'
import { type FoundEvidence, searchEvidence } from './evidence/search-evidence.ts'
import { authorityKey } from './memory/authority-key.ts'
import type { VerdictCache } from './memory/verdict-cache.ts'
import { createOnce } from './once.ts'

/**
 * All that is asked of others in the course of one request: each thing once, whoever needs it, and nothing past the request's end. Whatever was
 * pending then is a CountersignError `TIMED_OUT` that names it.
 */
export type Inquiry = {
  readonly now: Date // of the whole request
  /** What an image's tag leads to, looked up once and never again. @throws CountersignError `IMAGE_NOT_FOUND` */
  readonly digestOf: (image: NamedImage) => Promise<OciDigest>
  readonly clientFor: (repository: Repository) => Promise<RegistryClient>
  /** What the evidence for an image proves of an authority. @throws CountersignError where that could not be found out */
  readonly proof: (proving: Omit<Proving, 'now'>, fingerprint: string) => Promise<Proof>
  /** Waits for something else, as long as the request lasts. */
  readonly wait: <T>(step: string, run: (signal: AbortSignal) => Promise<T>) => Promise<T>
}

/** What outlives a request. */
export type InquiryMemory = {
  readonly cache?: VerdictCache
  readonly dryRun?: boolean // leaves nothing in it
}

/** Begins one. Nothing is asked yet. */
export function createInquiry(access: Access, signal: AbortSignal, { cache, dryRun = false }: InquiryMemory = {}): Inquiry {
  const now = access.now()
  const pending = createPending()
  const [clients, digests, evidence, proofs] = [
    createOnce<RegistryClient>(),
    createOnce<OciDigest>(),
    createOnce<FoundEvidence>(),
    createOnce<Proof>(),
  ]
  const clientFor = (repository: Repository, pullSecrets: readonly string[], until: AbortSignal): Promise<RegistryClient> =>
    clients(JSON.stringify([repositoryName(repository), pullSecrets]), until, async own =>
      rememberingClient(await access.clientFor(repository, pullSecrets, own), pending),
    )
  const search: SearchPlace = (place, wanted, until) => {
    const { tagPrefix = '', pullSecrets = [] } = place
    const key = JSON.stringify([wanted, tagPrefix, pullSecrets])
    return evidence(key, until, async own =>
      searchEvidence(await clientFor(wanted.repository, pullSecrets, own), { ...wanted, tagPrefix }, own),
    )
  }
  return {
    now,
    clientFor: repository =>
      beforeDeadline(`access to ${repositoryName(repository)}`, signal, pending, own => clientFor(repository, [], own)),
    wait: (step, run) => beforeDeadline(step, signal, pending, run),
    digestOf: async ({ reference }) => {
      const { digest, tag = 'latest' } = reference
      if (digest) return digest
      const name = formatReference(reference)
      return await beforeDeadline(`lookup of ${name}`, signal, pending, own =>
        digests(name, own, async flight => {
          const found = await digestOfTag(await clientFor(reference, [], flight), reference, tag, flight)
          if (!found) throw new CountersignError('IMAGE_NOT_FOUND', `${name}: there is no such tag`)
          return found
        }),
      )
    },
    proof: (proving, fingerprint) => {
      const { digest, home, authority, of, predicateType, needsAll } = proving
      const key = JSON.stringify([digest, repositoryName(home), of, predicateType, needsAll, authorityKey(authority)])
      const asked = { key: `${fingerprint} ${key}`, workload: access.workload, trust: authority.trust, now, keeps: !dryRun }
      const run = (until: AbortSignal): Promise<Proof> => prove({ ...proving, now }, search, access, until)
      return beforeDeadline(describe(proving), signal, pending, own =>
        proofs(key, own, flight => (cache ? cache.proof(asked, flight, run) : run(flight))),
      )
    },
  }
}

function describe({ authority, digest, home, of }: { authority: Authority; digest: OciDigest; home: Repository; of: string }): string {
  return `${of} of ${repositoryName(authority.places[0].repository ?? home)}@${digest} for ${authority.name}`
}
