import { encodeDerOid } from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { p256 } from '../../crypto/curve.ts'
import type { CreatedKey } from '../remote/remote-key.ts'
import type { TokenSession } from './connection.ts'
import { findPublicKey } from './find-key.ts'
import { type Attribute, ck, cka } from './module-shapes.ts'
import { findObject, type ObjectName } from './objects.ts'
import { publicKeyOfObject } from './public-key.ts'

/**
 * Makes an ECDSA P-256 key pair on the token, whose private key never leaves it, unless one of that name is there. An id is made up where the
 * name has none: other tools find the halves of a pair by it.
 *
 * @throws CountersignError as `pkcs11Failure` says
 */
export async function generateKeyPair(
  session: TokenSession,
  name: ObjectName,
  randomBytes: (length: number) => Uint8Array,
  what: string,
): Promise<CreatedKey> {
  await session.logIn('ask')
  if (findObject(session, 'privateKey', name, what)) return { publicKey: await findPublicKey(session, name, 'ask', what), isNew: false }
  const shared: readonly Attribute[] = [
    { type: cka.token, value: true },
    { type: cka.id, value: Buffer.from(name.id ?? randomBytes(idLengthBytes)) },
    ...(name.object === undefined ? [] : [{ type: cka.label, value: Buffer.from(encodeUtf8(name.object)) }]),
  ]
  const { publicKey } = session.cryptoki.C_GenerateKeyPair(
    session.handle,
    { mechanism: ck.ecKeyPairGen },
    [
      ...shared,
      { type: cka.private, value: false },
      { type: cka.verify, value: true },
      { type: cka.ecParams, value: Buffer.from(encodeDerOid(p256.oid)) },
    ],
    [
      ...shared,
      { type: cka.private, value: true },
      { type: cka.sensitive, value: true },
      { type: cka.extractable, value: false },
      { type: cka.sign, value: true },
    ],
  )
  return { publicKey: publicKeyOfObject(session, publicKey, what), isNew: true }
}

const idLengthBytes = 16
