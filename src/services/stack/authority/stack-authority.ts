import { join } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { encodeHex, encodeHexNumber } from '../../../codec/hex.ts'
import type { World } from '../../../codec/world.ts'
import { sha256 } from '../../../crypto/digest.ts'
import type { DeriveKey } from '../../../crypto/encrypted-key.ts'
import { signerFromPkcs8 } from '../../../crypto/signer.ts'
import type { Folder } from '../../../oci/layout/folder.ts'
import { parseCertificatesPem } from '../../../trust/pem-trust.ts'
import { type AuthorityMaterial, type CertificateAuthority, checkAuthority } from '../../fulcio/authority.ts'
import { repeatedly } from '../../repeatedly.ts'
import type { ServiceEvents } from '../../service.ts'
import { type OpenedFolder, stackFiles } from '../folder.ts'
import { loadKeys, onlineKeys } from '../keys/key-files.ts'
import { type LoadRemoteKey, openRemoteKey } from '../keys/remote-keys.ts'
import { readFileAt } from '../private-files.ts'
import type { StackIdentity } from '../trust.ts'
import { isSameAuthority, keepFormerAuthorities } from './former-authorities.ts'

/** Whom a stack's certificates are issued by, which may be another one tomorrow. */
export type StackAuthority = {
  /** Asked once for each certificate, so that its two halves are never made by two keys. */
  readonly current: () => CertificateAuthority
  /** Whom clients are told to trust, all former authorities among them. */
  readonly identity: () => StackIdentity
  /** Looks into the folder every ten seconds, until it is told to stop, and takes another authority that is there and holds. */
  readonly watch: (signal: AbortSignal) => Promise<void>
}

/** The authority that was opened with the folder, and where another would be. */
export type StackAuthorityOptions = Pick<OpenedFolder, 'config' | 'identity' | 'signers'> & {
  readonly folder: string
  readonly tufFolder: Folder
  readonly passphrase: Uint8Array // of the keys, also of those to come; the caller's to zero
  readonly deriveKey?: DeriveKey
  readonly loadKey?: LoadRemoteKey
  /** Tells clients whom to trust. */
  readonly tell: (identity: StackIdentity) => Promise<void>
}

const lookMs = 10_000

/**
 * The certificate authority in a stack's folder. Where its files change, the pair is checked, clients are told, and then it issues; a pair that
 * does not hold is not taken until it does, and the log says once why. An authority under another root is never taken: clients trust one.
 *
 * @throws CountersignError what `checkAuthority` and `keepFormerAuthorities` throw
 * @see services.md §1.5, `fileca`
 */
export async function openStackAuthority(
  options: StackAuthorityOptions,
  { now, sleep }: Pick<World, 'now' | 'sleep'>,
  events: ServiceEvents,
): Promise<StackAuthority> {
  const { folder, tufFolder } = options
  let held = await checkAuthority({ chain: options.identity.authority, signer: options.signers.authority }, now())
  let identity = await keepFormerAuthorities(folder, tufFolder, options.identity)
  let seen: string | undefined // nothing: the files may have changed since they were opened

  const take = async () => {
    const next = await checkAuthority(await loadAuthority(options), now())
    const [own] = next.chain
    if (isSameAuthority(next.chain, held.chain)) return // it was put back
    const whole = await keepFormerAuthorities(folder, tufFolder, { ...identity, authority: next.chain })
    await options.tell(whole)
    ;[held, identity] = [next, whole]
    const facts = { serialNumber: encodeHexNumber(own.serialNumber), name: own.subject.text, notAfter: own.notAfter.toISOString() }
    events.audit('certificate authority exchanged', facts)
  }
  let said: string | undefined // of which files, and what is wrong with them
  const look = async () => {
    const present = await fingerprintOf(options)
    if (present !== seen)
      try {
        await take()
      } catch (cause) {
        const [kind, reason] = cause instanceof CountersignError ? [cause.code, cause.message] : [String(cause), String(cause)]
        if (said !== `${present} ${kind}`)
          events.log('error', 'the certificate authority in the folder is not taken, the one before stays', { reason })
        said = `${present} ${kind}` // reasons may have the time in them
        return // it is tried again: its rights may be mended, its time come, clients be told
      }
    ;[seen, said] = [present, undefined]
  }
  return {
    current: () => held,
    identity: () => identity,
    watch: signal => {
      const onFailure = (reason: string) =>
        events.log('error', 'the certificate authority in the folder could not be looked at', { reason })
      return repeatedly(look, { restMs: lookMs, onFailure }, { sleep }, signal)
    },
  }
}

/** Its chain is in a file, and so is its key under the passphrase, unless that stays elsewhere. */
async function loadAuthority({ config, folder, passphrase, deriveKey, loadKey }: StackAuthorityOptions): Promise<AuthorityMaterial> {
  const path = join(folder, stackFiles.authority)
  const chain = parseCertificatesPem(await readFileAt(path), path)
  const remote = await openRemoteKey('authority', config.keys, loadKey)
  if (remote) return { chain, signer: remote }
  const { authority } = onlineKeys
  const keys = await loadKeys(join(folder, stackFiles.keys), { authority }, passphrase, deriveKey)
  try {
    return { chain, signer: signerFromPkcs8(keys.authority, 'authority') }
  } finally {
    keys.authority.fill(0)
  }
}

/** Changes with either file; the same whenever one of them cannot be read. */
async function fingerprintOf({ config, folder }: StackAuthorityOptions): Promise<string | undefined> {
  const files = [stackFiles.authority, ...(config.keys.authority === undefined ? [`${stackFiles.keys}/authority.key`] : [])]
  try {
    const digests = await Promise.all(files.map(async name => encodeHex(sha256(await readFileAt(join(folder, name))))))
    return digests.join()
  } catch (cause) {
    if (cause instanceof CountersignError) return 'unreadable'
    throw cause
  }
}
