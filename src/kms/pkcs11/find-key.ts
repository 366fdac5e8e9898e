import { CountersignError } from '../../codec/error.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { TokenSession } from './connection.ts'
import { cka, type Handle } from './module-shapes.ts'
import { attributeOf, describeAll, findObject, flagOf, type ObjectName } from './objects.ts'
import type { MayAsk } from './pin.ts'
import { publicKeyOfCertificate, publicKeyOfObject, publicKeyOfPrivate } from './public-key.ts'

/**
 * The public half: of the object of that class, else of the certificate, else of what the private key tells. What the user alone sees is looked
 * at only where nothing else serves.
 *
 * @throws CountersignError `KEY_NOT_FOUND`, and as the token's answers are
 */
export async function findPublicKey(session: TokenSession, name: ObjectName, mayAsk: MayAsk, what: string): Promise<PublicKey> {
  const open = readPublicKey(session, name, what)
  if (open) return open
  if (!(await session.logIn(mayAsk)))
    throw new CountersignError(
      'KEY_NOT_FOUND',
      `${what}: want a public key or a certificate that the token shows to everybody, got ${describeAll(session, 'publicKey')}; with the PIN there may be more`,
    )
  const own = readPublicKey(session, name, what)
  if (own) return own
  const privateKey = await findPrivateKey(session, name, what)
  const id = attributeOf(session, privateKey, cka.id)
  const derived = (id && readPublicKey(session, { id }, what)) ?? publicKeyOfPrivate(session, privateKey, what)
  if (derived) return derived
  throw new CountersignError(
    'KEY_NOT_FOUND',
    `${what}: its private key is there, but neither its public key nor a certificate; write one of them to the token under the same id`,
  )
}

function readPublicKey(session: TokenSession, name: ObjectName, what: string): PublicKey | undefined {
  const object = findObject(session, 'publicKey', name, what)
  if (object) return publicKeyOfObject(session, object, what)
  const certificate = findObject(session, 'certificate', name, what)
  const der = certificate && attributeOf(session, certificate, cka.value)
  return der && publicKeyOfCertificate(der, what)
}

/** Logs in, for that is what private keys want. @throws CountersignError `KEY_NOT_FOUND`, `KEY_UNSUPPORTED` for one that may not sign */
export async function findPrivateKey(session: TokenSession, name: ObjectName, what: string): Promise<Handle> {
  await session.logIn('ask')
  const key = findObject(session, 'privateKey', name, what)
  if (!key)
    throw new CountersignError('KEY_NOT_FOUND', `${what}: want a private key of that name, got ${describeAll(session, 'privateKey')}`)
  if (flagOf(session, key, cka.sign) === false)
    throw new CountersignError('KEY_UNSUPPORTED', `${what}: the key may not sign: its CKA_SIGN is false; make one that may`)
  return key
}
