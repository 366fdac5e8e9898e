import { encodeDerNull, encodeDerOctetString, encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { hashOid } from '../../crypto/algorithm-identifier.ts'
import { curveOf, type PublicKey } from '../../crypto/public-key.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { derOfRawEcdsa } from '../remote/raw-ecdsa.ts'
import { onlyVersion, type RemoteKey, type SigningVersion } from '../remote/remote-key.ts'
import { connectTo, type TokenSession } from './connection.ts'
import { findPrivateKey, findPublicKey } from './find-key.ts'
import { generateKeyPair } from './generate-key-pair.ts'
import { ck, cka, type Handle } from './module-shapes.ts'
import { flagOf, type ObjectName } from './objects.ts'
import { type MayAsk, pkcs11Setting } from './pin.ts'
import { checkModulePath, describePkcs11, parsePkcs11Reference } from './reference.ts'

/**
 * A key pair on a token: a smart card, a security key or an HSM that a PKCS #11 module leads to. It has one version.
 *
 * Public keys are read without logging in where the token shows them; signing logs in. The PIN is that of the URI, else COUNTERSIGN_PKCS11_PIN or
 * COSIGN_PKCS11_PIN, else it is asked for, but never to verify.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see formats-and-flows §1.3
 */
export function openPkcs11Key(text: string, effects: ProviderEffects): RemoteKey {
  const reference = parsePkcs11Reference(text)
  const what = describePkcs11(reference)
  const target = { ...reference, modulePath: reference.modulePath ?? modulePathOf(effects.environment) }
  const connection = connectTo(target, effects, what, false)
  const name: ObjectName = reference
  let shown: PublicKey | undefined
  let privateKey: { readonly session: TokenSession; readonly handle: Handle } | undefined // handles end with their session

  const publicKey = async (mayAsk: MayAsk): Promise<PublicKey> => {
    shown ??= await connection.use('reading the public key', session => findPublicKey(session, name, mayAsk, what))
    return shown
  }

  return {
    what,
    current: async () => onlyVersion(await publicKey('ask'), what),
    versions: async () => [{ id: '', state: 'enabled', publicKey: await publicKey('never ask') }],
    sign: (version, covered) =>
      connection.use('signing', async session => {
        if (privateKey?.session !== session) privateKey = { session, handle: await findPrivateKey(session, name, what) }
        return await signWith(session, privateKey.handle, version, covered, what)
      }),
    create: async () => {
      const writing = connectTo(target, effects, what, true)
      try {
        return await writing.use('making a key pair', session => generateKeyPair(session, name, effects.world.randomBytes, what))
      } finally {
        await writing.close()
      }
    },
    close: connection.close,
  }
}

/** The module that the environment names. @throws CountersignError `REFERENCE_MALFORMED` */
export function modulePathOf(environment: ReadonlyMap<string, string>): string {
  const path = pkcs11Setting(environment, 'MODULE_PATH')
  if (path === undefined)
    throw new CountersignError('REFERENCE_MALFORMED', 'PKCS #11 URI: want a module: ?module-path=/… or COUNTERSIGN_PKCS11_MODULE_PATH')
  return checkModulePath(path, 'COUNTERSIGN_PKCS11_MODULE_PATH')
}

/** @see PKCS #11 v2.40 §2.1.6 (CKM_RSA_PKCS), §2.3.6 (CKM_ECDSA), v3.0 §2.3.14 (CKM_EDDSA, without parameters: pure) */
async function signWith(
  session: TokenSession,
  key: Handle,
  version: SigningVersion,
  covered: Uint8Array,
  what: string,
): Promise<Uint8Array> {
  const curve = curveOf(version.publicKey)
  const mechanism = curve ? ck.ecdsa : version.hash === undefined ? ck.eddsa : ck.rsaPkcs
  session.cryptoki.C_SignInit(session.handle, { mechanism }, key)
  if (flagOf(session, key, cka.alwaysAuthenticate)) await session.confirmUse()
  const signature = await session.finishSigning(mechanism === ck.rsaPkcs ? encodeDigestInfo(version, covered) : covered)
  if (!curve) return signature
  return derOfRawEcdsa(curve, signature, what)
}

/** DigestInfo of RFC 8017 §9.2: the token adds the padding. */
function encodeDigestInfo({ hash }: SigningVersion, digest: Uint8Array): Uint8Array {
  if (hash === undefined || hash === 'sha224') throw new TypeError(`no DigestInfo for ${hash}`)
  return encodeDerSequence(encodeDerSequence(encodeDerOid(hashOid[hash]), encodeDerNull()), encodeDerOctetString(digest))
}
