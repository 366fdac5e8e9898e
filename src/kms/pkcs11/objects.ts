import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type Attribute, type Cryptoki, ck, cka, type Handle } from './module-shapes.ts'
import { ckrOf } from './pkcs11-failure.ts'
import type { Pkcs11Reference } from './reference.ts'

/** A session with a token, as far as looking at objects needs one. */
export type Session = { readonly cryptoki: Cryptoki; readonly handle: Handle }

/** Which objects: by id, by label, or both. */
export type ObjectName = Pick<Pkcs11Reference, 'id' | 'object'>

export type ObjectClass = 'certificate' | 'publicKey' | 'privateKey'

const mostObjects = 1000 // of one class on one token
const attributeLimitBytes = 65_536

/** Objects of a class that have the name; all of them where there is none. @throws CountersignError `LIMIT_EXCEEDED`; what the module does */
export function findObjects({ cryptoki, handle }: Session, of: ObjectClass, { id, object }: ObjectName = {}): readonly Handle[] {
  const template: Attribute[] = [{ type: cka.class, value: ck[of] }]
  if (id) template.push({ type: cka.id, value: Buffer.from(id) })
  if (object !== undefined) template.push({ type: cka.label, value: Buffer.from(encodeUtf8(object)) })
  const found: Handle[] = []
  cryptoki.C_FindObjectsInit(handle, template)
  try {
    for (;;) {
      const more = cryptoki.C_FindObjects(handle, 64)
      if (more.length === 0) return found
      found.push(...more)
      if (found.length > mostObjects)
        throw new CountersignError('LIMIT_EXCEEDED', `token: want at most ${mostObjects} objects of a class, got more`)
    }
  } finally {
    cryptoki.C_FindObjectsFinal(handle)
  }
}

/**
 * The one object of a class that has the name, nothing where there is none.
 *
 * @param what - begins messages
 * @throws CountersignError `KEY_NOT_FOUND` when several have it, each with id and label: which of them was meant is not for us to guess
 */
export function findObject(session: Session, of: ObjectClass, name: ObjectName, what: string): Handle | undefined {
  const [only, ...others] = findObjects(session, of, name)
  if (others.length === 0) return only
  throw new CountersignError('KEY_NOT_FOUND', `${what}: want one ${wordOf(of)}, got ${list(session, [only!, ...others])}; name one by id`)
}

/** Bytes of an attribute; nothing where the object does not have it, has it empty or does not tell. @throws CountersignError `KMS_RESPONSE_MALFORMED` past 64 KiB */
export function attributeOf({ cryptoki, handle }: Session, object: Handle, type: number): Uint8Array | undefined {
  let value: Uint8Array | undefined
  try {
    value = cryptoki.C_GetAttributeValue(handle, object, [{ type }])[0]?.value
  } catch (cause) {
    if (untold.has(ckrOf(cause) ?? '')) return undefined
    throw cause
  }
  if (value === undefined || value.length === 0) return undefined
  if (value.length > attributeLimitBytes)
    throw new CountersignError(
      'KMS_RESPONSE_MALFORMED',
      `token: want at most ${attributeLimitBytes} bytes of an attribute, got ${value.length}`,
    )
  return Uint8Array.from(value)
}

const untold: ReadonlySet<string> = new Set(['CKR_ATTRIBUTE_TYPE_INVALID', 'CKR_ATTRIBUTE_SENSITIVE', 'CKR_ATTRIBUTE_VALUE_INVALID'])

/** Whether a boolean attribute is set; nothing where the object does not say. */
export function flagOf(session: Session, object: Handle, type: number): boolean | undefined {
  return attributeOf(session, object, type)?.some(octet => octet !== 0)
}

/** `"release" (id 01)`: as a person finds it with other tools. */
export function describeObject(session: Session, object: Handle): string {
  const [label, id] = [attributeOf(session, object, cka.label), attributeOf(session, object, cka.id)]
  return `${label ? quote(new TextDecoder().decode(label)) : 'one without label'} (${id ? `id ${encodeHex(id)}` : 'no id'})`
}

/** Objects of the class that are there, for a message that says which there is none of. */
export function describeAll(session: Session, of: ObjectClass): string {
  const all = findObjects(session, of)
  if (all.length === 0) return `no ${wordOf(of)} at all`
  return list(session, all)
}

/** The first of them in order of their names: tokens have no order of their own. */
function list(session: Session, objects: readonly Handle[]): string {
  const shown = objects.map(object => describeObject(session, object)).sort()
  return `${shown.slice(0, 8).join(', ')}${shown.length > 8 ? ` and ${shown.length - 8} more` : ''}`
}

function wordOf(of: ObjectClass): string {
  return of === 'certificate' ? 'certificate' : of === 'publicKey' ? 'public key' : 'private key'
}
