import type { TrustedMetadataStore } from 'tuf-js/dist/store.js'
import { CountersignError, reasonOf } from '../../codec/error.ts'
import { parseJson, readAs } from '../../codec/json.ts'
import { escapeControls } from '../../codec/text.ts'
import { formatTime } from '../../formats/rfc3339.ts'
import { countSigners, type TufKey, type TufRole } from './distinct-signers.ts'

/** The metadata files that every repository has; delegated roles have more. */
export type TopLevelRole = 'root' | 'timestamp' | 'snapshot' | 'targets'

/** What metadata says of a target: its content is whatever has these hashes. */
export type TufTarget = {
  readonly path: string
  readonly length: number // bytes
  readonly hashes: ReadonlyMap<string, string> // hexadecimal, by the name of the hash
  readonly custom: { readonly [name: string]: unknown }
}

/** Bytes of each file at most, and JSON values in one: what tuf-js does with targets takes the square of their number. */
export const metadataLimits = {
  root: { bytes: 512_000, values: 20_000 },
  timestamp: { bytes: 16_384, values: 1_000 },
  snapshot: { bytes: 2_000_000, values: 20_000 },
  targets: { bytes: 5_000_000, values: 20_000 },
} as const satisfies Record<TopLevelRole, { readonly bytes: number; readonly values: number }>

/**
 * Metadata of a repository as far as it is proven from a trusted root, at one moment: signatures, thresholds, versions, hashes and
 * expiry are checked by tuf-js, and by this class what tuf-js leaves open. It does no I/O: `update.ts` says what comes when.
 *
 * Every method that takes bytes throws CountersignError `TUF_MALFORMED`, `TUF_UNTRUSTED`, `TRUST_EXPIRED` or `LIMIT_EXCEEDED`.
 *
 * @see TUF specification 1.0.33 §5
 */
export class ProvenMetadata {
  readonly #store: TrustedMetadataStore
  readonly #errors: TufErrors
  readonly #now: Date

  private constructor(store: TrustedMetadataStore, errors: TufErrors, now: Date) {
    this.#store = store
    this.#errors = errors
    this.#now = now
  }

  /** Begins with a root that is trusted as it is; it must bear its own signatures, and may be expired if a later one is not. */
  static async begin(root: Uint8Array, now: Date): Promise<ProvenMetadata> {
    const [{ TrustedMetadataStore }, errors] = await Promise.all([import('tuf-js/dist/store.js'), import('tuf-js/dist/error.js')])
    checkJson(root, 'root')
    const store = guarded('root', errors, now, () => new TrustedMetadataStore(asBuffer(root)))
    // tuf-js takes the time from the clock itself. The field is private to TypeScript only; a test holds it to its meaning.
    ;(store as unknown as { referenceTime: Date }).referenceTime = now
    const metadata = new ProvenMetadata(store, errors, now)
    metadata.#requireSigners('root', store.root.signed, store.root)
    return metadata
  }

  get rootVersion(): number {
    return this.#store.root.signed.version
  }

  /** Whether files are asked for by version and hash. */
  get isConsistent(): boolean {
    return this.#store.root.signed.consistentSnapshot
  }

  /** The next root, signed by the one before as well as by itself. §5.3 */
  acceptRoot(bytes: Uint8Array): void {
    const former = this.#store.root.signed
    this.#accept('root', bytes, () => this.#store.updateRoot(asBuffer(bytes)))
    this.#requireSigners('root', former, this.#store.root)
    this.#requireSigners('root', this.#store.root.signed, this.#store.root)
  }

  /** The timestamp; false for one of the version that is held already, which changes nothing. §5.4 */
  acceptTimestamp(bytes: Uint8Array): boolean {
    try {
      this.#accept('timestamp', bytes, () => this.#store.updateTimestamp(asBuffer(bytes)))
    } catch (failure) {
      if (failure instanceof CountersignError && failure.cause instanceof this.#errors.EqualVersionError) return false
      throw failure
    }
    this.#requireSigners('timestamp', this.#store.root.signed, this.#store.timestamp!)
    return true
  }

  /** @param isKept - it was proven before and is kept for the versions in it; its hash may since have been superseded. §5.5 */
  acceptSnapshot(bytes: Uint8Array, { isKept = false } = {}): void {
    this.#accept('snapshot', bytes, () => this.#store.updateSnapshot(asBuffer(bytes), isKept))
    this.#requireSigners('snapshot', this.#store.root.signed, this.#store.snapshot!)
  }

  /** Targets, of the top level or of a role that `delegator` delegates to. §5.6 */
  acceptTargets(bytes: Uint8Array, role = 'targets', delegator = 'root'): void {
    checkJson(bytes, role, metadataLimits.targets)
    guarded(role, this.#errors, this.#now, () => this.#store.updateDelegatedTargets(asBuffer(bytes), role, delegator))
    const { delegations } = this.#targetsOf(delegator) ?? {}
    const delegating = delegator === 'root' ? this.#store.root.signed : { keys: delegations!.keys, roles: delegations!.roles ?? {} }
    this.#requireSigners(role, delegating, this.#store.getRole(role)!)
  }

  /** The version and length that the level above states of a file. */
  statedOf(file: 'snapshot.json' | `${string}.json`): { readonly version: number; readonly length: number | undefined } {
    const stated = file === 'snapshot.json' ? this.#store.timestamp?.signed.snapshotMeta : this.#store.snapshot?.signed.meta[file]
    if (!stated) throw untrusted(file, 'the snapshot does not list it')
    return { version: stated.version, length: stated.length }
  }

  hasRole(role: string): boolean {
    return this.#store.getRole(role) !== undefined
  }

  /** A target by its exact path, as this role has it. */
  targetOf(role: string, path: string): TufTarget | undefined {
    const targets = this.#targetsOf(role)?.targets ?? {}
    const target = Object.hasOwn(targets, path) ? targets[path] : undefined
    if (!target) return undefined
    return { path, length: target.length, hashes: new Map(Object.entries(target.hashes)), custom: target.custom }
  }

  /** Paths of all targets of the top level. */
  get targetPaths(): readonly string[] {
    return Object.keys(this.#targetsOf('targets')?.targets ?? {})
  }

  /** The roles to ask for a target next, the most trusted first, and whether nobody else may be asked after them. §5.6.7 */
  delegatesFor(role: string, path: string): { readonly roles: readonly string[]; readonly isTerminating: boolean } {
    const roles: string[] = []
    for (const { role: name, terminating } of this.#targetsOf(role)?.delegations?.rolesForTarget(path) ?? []) {
      roles.push(name)
      if (terminating) return { roles, isTerminating: true }
    }
    return { roles, isTerminating: false }
  }

  /** Versions and expiry dates of what is held. */
  get standing(): readonly { readonly role: TopLevelRole; readonly version: number; readonly expires: Date }[] {
    const { root, timestamp, snapshot, targets } = this.#store
    const held = { root, timestamp, snapshot, targets } as const
    return (Object.keys(held) as TopLevelRole[]).flatMap(role => {
      const signed = held[role]?.signed
      return signed ? [{ role, version: signed.version, expires: new Date(signed.expires) }] : []
    })
  }

  /** What of it expires first. */
  get firstToExpire(): { readonly role: TopLevelRole; readonly expires: Date } {
    return this.standing.reduce((first, held) => (held.expires < first.expires ? held : first))
  }

  #accept(role: 'root' | 'timestamp' | 'snapshot', bytes: Uint8Array, update: () => unknown): void {
    checkJson(bytes, role)
    try {
      guarded(role, this.#errors, this.#now, update)
    } catch (failure) {
      if (!(failure instanceof CountersignError) || failure.code !== 'TRUST_EXPIRED') throw failure
      const expired = this.standing.find(held => failure.message.includes(`${held.role}.json`)) // the file itself, or the root above it
      throw expired
        ? new CountersignError('TRUST_EXPIRED', `${failure.message}: it was valid until ${formatTime(expired.expires)}`, {
            cause: failure.cause,
          })
        : failure
    }
  }

  #targetsOf(role: string) {
    return role === 'root' ? undefined : this.#store.getRole(role)?.signed
  }

  #requireSigners(role: string, { keys, roles }: Delegating, metadata: Parameters<typeof countSigners>[2]): void {
    const wanted = Object.hasOwn(roles, role) ? roles[role] : undefined
    if (!wanted) return // a bin of succinct roles, whose keys tuf-js has counted
    const signers = countSigners(keys, wanted, metadata)
    if (signers < wanted.threshold) throw untrusted(`${role}.json`, `want ${wanted.threshold} different signers, got ${signers}`)
  }
}

type Delegating = { readonly keys: Readonly<Record<string, TufKey>>; readonly roles: Readonly<Record<string, TufRole>> }
type TufErrors = typeof import('tuf-js/dist/error.js')

/** tuf-js reads JSON leniently: of two members of one name it takes the last, which another client may not. */
function checkJson(bytes: Uint8Array, role: string, limits = metadataLimits[role as TopLevelRole]): void {
  readAs('TUF_MALFORMED', `${role}.json`, () => parseJson(bytes, `${role}.json`, limits))
}

/** Runs tuf-js and gives its errors our codes. Its own texts hold what a mirror wrote, as it came and before any signature is checked. */
function guarded<T>(role: string, errors: TufErrors, now: Date, update: () => T): T {
  try {
    return update()
  } catch (cause) {
    const message = escapeControls(shorten(reasonOf(cause)))
    if (cause instanceof errors.ExpiredMetadataError)
      throw new CountersignError('TRUST_EXPIRED', `TUF metadata: ${message.replace(/^Final /, '')} at ${formatTime(now)}`, { cause })
    if (cause instanceof TypeError) throw new CountersignError('TUF_MALFORMED', `TUF metadata: ${role}.json: ${message}`, { cause })
    throw new CountersignError('TUF_UNTRUSTED', `TUF metadata: ${role}.json: ${message}`, { cause })
  }
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

function untrusted(file: string, message: string): CountersignError {
  return new CountersignError('TUF_UNTRUSTED', `TUF metadata: ${file}: ${message}`)
}

function asBuffer(bytes: Uint8Array) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
