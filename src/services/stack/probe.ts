import { join } from 'node:path'
import type { World } from '../../codec/world.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { identityOf } from '../../identity/disclosure.ts'
import { type IdentityToken, parseIdentityToken } from '../../identity/token-claims.ts'
import { createEphemeralSigner } from '../../sign/keyless/ephemeral-key.ts'
import { encodeSignedBundle } from '../../sign/signing.ts'
import { witnessedSigning } from '../../sign/witnessed-signing.ts'
import { bundleCandidate } from '../../verify/evidence.ts'
import type { Policy } from '../../verify/policy.ts'
import { verify } from '../../verify/verify.ts'
import { publicClient } from '../issuer/configuration.ts'
import { fileKeyStore, memoryKeyStore } from '../issuer/issuer.ts'
import { openSigningKeys, signToken } from '../issuer/keys/signing-keys.ts'
import type { StackConfig } from './config.ts'
import { stackFiles } from './folder.ts'
import { type StackIdentity, servicePaths, trustedRootOf } from './trust.ts'

const clockSkewMs = 5 * 60_000
const tokenSeconds = 300
const keepMs = 3_600_000

/**
 * Signs random bytes with a certificate for the token, as a client does, has them logged by one of the logs, and verifies what came of it by
 * what the stack asks to be trusted, down to the name in the token. A stack that can do this serves its clients: most mistakes of a set-up
 * show when something is verified, not when it is signed (services §8).
 *
 * @returns in words, what was proven
 * @throws CountersignError of the step that failed
 */
export async function probeLog(
  version: 1 | 2,
  { config, identity, token }: { readonly config: StackConfig; readonly identity: StackIdentity; readonly token: IdentityToken },
  world: World,
  signal: AbortSignal,
): Promise<string> {
  const access = (path = '') => ({ world, url: new URL(`${config.url.origin}${path}`), signal })
  const trust = trustedRootOf(config, identity)
  const signing = witnessedSigning(
    { authority: access(), timestampAuthorities: [access(servicePaths.timestamps)], logs: [{ access: access(), version }] },
    { key: () => createEphemeralSigner('ecdsa-sha2-256-nistp256'), token: async () => token },
    { trust, clock: world, unsafeSkipSct: false, report: () => {} },
  )
  const bytes = world.randomBytes(32)
  const content = { kind: 'message', bytes } as const
  const parts = await signing.sign(content)
  const policy: Policy = {
    artifact: { kind: 'blob', name: 'probe', message: messageOfBytes(bytes) },
    annotations: new Map(),
    predicateTypes: 'any',
    identities: [{ subject: { exact: identityOf(token) }, issuer: { exact: token.issuer } }],
    timestampThreshold: 1,
    now: world.now(),
    clockSkewMs,
    unsafeSkipClaims: false,
  }
  await verify([bundleCandidate('probe', encodeSignedBundle(content, parts))], trust, policy)
  return `signed as ${identityOf(token)}, logged at index ${parts.logEntries[0]?.logIndex}, and verified`
}

/**
 * A token for a probe, by the keys of the stack's own issuer: they are read and not changed, for another process serves them.
 *
 * @throws CountersignError `PASSPHRASE_WRONG`, `FILE_UNREADABLE`
 */
export async function probeToken(
  folder: string,
  { url }: Pick<StackConfig, 'url'>,
  passphrase: Uint8Array,
  { now, randomBytes }: Pick<World, 'now' | 'randomBytes'>,
): Promise<IdentityToken> {
  const kept = await fileKeyStore(join(folder, stackFiles.issuerKeys), passphrase, randomBytes).load()
  const times = { rotateMs: Number.POSITIVE_INFINITY, leadMs: 0, keepMs }
  const keys = await openSigningKeys(memoryKeyStore(kept), now, times, { used: () => {}, failed: () => {} })
  const iat = Math.floor(now().getTime() / 1000)
  const email = `doctor@${url.hostname}`
  const claims = { sub: email, email, email_verified: true, iss: url.origin, aud: publicClient, iat, exp: iat + tokenSeconds }
  return parseIdentityToken(await signToken((await keys.current()).active, claims))
}
