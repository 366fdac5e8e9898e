import { constants, generateKeyPairSync, type KeyObject, privateEncrypt, sign } from 'node:crypto'
import { p256 as nobleP256, p384 as nobleP384, p521 as nobleP521 } from '@noble/curves/nist.js'
import { encodeDerOctetString, encodeDerOid, encodeDerText } from '../../codec/der-writer.ts'
import { p256, p384, p521 } from '../../crypto/curve.ts'
import { type PublicKey, parsePublicKeyDer, publicKeyOctets, rsaNumbersOf } from '../../crypto/public-key.ts'
import { type Attribute, type Cryptoki, ck, cka, type Handle, numberOf } from '../../kms/pkcs11/module-shapes.ts'

/** An object on the token: attributes by number, and the key that signs behind a private one. */
export type TokenObject = { readonly attributes: Map<number, Uint8Array>; readonly signs?: KeyObject }

export type HandMadeToken = {
  readonly slotId: number
  readonly label: string
  readonly serial: string
  flags: number // those that it begins with; a wrong PIN changes them
  readonly pin?: string
  triesLeft: number
  readonly objects: TokenObject[]
}

/** A module in memory, in the shape of pkcs11js, and what was asked of it. `failing` makes one function throw once. */
export type HandMadeModule = {
  readonly exported: { readonly PKCS11: new () => Cryptoki }
  readonly calls: string[]
  readonly failing: Map<string, string> // by function, the code it throws
  /** What is signed in place of what was asked for. */
  forge?: (signature: Uint8Array) => Uint8Array
}

/** A token with a PIN, in slot 7. */
export function makeToken(changes: Partial<HandMadeToken> = {}): HandMadeToken {
  const flags = ck.tokenInitialized | ck.userPinInitialized | ck.loginRequired
  return { slotId: 7, label: 'release', serial: 'abc123', flags, pin: '1234', triesLeft: 3, objects: [], ...changes }
}

export type PairOptions = {
  readonly id?: string
  readonly label?: string
  readonly without?: 'public' // leave the public half out
  readonly publicIsPrivate?: true // only the user sees it
  readonly change?: (publicAttributes: Map<number, Uint8Array>, privateAttributes: Map<number, Uint8Array>) => void
}

/** Puts a key pair on the token, as its maker's tool would. */
export function addPair(token: HandMadeToken, privateKey: KeyObject, publicDer: Uint8Array, options: PairOptions = {}): PublicKey {
  const publicKey = parsePublicKeyDer(publicDer, 'test key')
  const shared = new Map<number, Uint8Array>([
    ...(options.id === undefined ? [] : [[cka.id, Buffer.from(options.id)] as const]),
    ...(options.label === undefined ? [] : [[cka.label, Buffer.from(options.label)] as const]),
  ])
  const publicAttributes = new Map([...shared, [cka.class, ulong(ck.publicKey)], ...attributesOf(publicKey)])
  if (options.publicIsPrivate) publicAttributes.set(cka.private, Uint8Array.of(1))
  const privateAttributes = new Map([
    ...shared,
    [cka.class, ulong(ck.privateKey)],
    [cka.keyType, publicAttributes.get(cka.keyType)!],
    [cka.private, Uint8Array.of(1)],
    [cka.sign, Uint8Array.of(1)],
  ])
  options.change?.(publicAttributes, privateAttributes)
  if (options.without !== 'public') token.objects.push({ attributes: publicAttributes })
  token.objects.push({ attributes: privateAttributes, signs: privateKey })
  return publicKey
}

/** Octets of a CK_ULONG on machines of 64 bits. */
export function ulong(value: number): Uint8Array {
  const octets = Buffer.alloc(8)
  octets.writeBigUInt64LE(BigInt(value))
  return octets
}

function attributesOf(key: PublicKey): [number, Uint8Array][] {
  const octets = publicKeyOctets(key)
  switch (key.algorithm) {
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521': {
      const curve = { 'ecdsa-p256': p256, 'ecdsa-p384': p384, 'ecdsa-p521': p521 }[key.algorithm]
      return [
        [cka.keyType, ulong(ck.ec)],
        [cka.ecParams, encodeDerOid(curve.oid)],
        [cka.ecPoint, encodeDerOctetString(octets)],
      ]
    }
    case 'ed25519':
      return [
        [cka.keyType, ulong(ck.ecEdwards)],
        [cka.ecParams, encodeDerText('printableString', 'edwards25519')],
        [cka.ecPoint, encodeDerOctetString(octets)],
      ]
    default: {
      const { modulus, exponent } = rsaNumbersOf(key)
      const bytes = (value: bigint) => Buffer.from(value.toString(16).padStart(Math.ceil(value.toString(16).length / 2) * 2, '0'), 'hex')
      return [
        [cka.keyType, ulong(ck.rsa)],
        [cka.modulus, bytes(modulus)],
        [cka.publicExponent, bytes(exponent)],
      ]
    }
  }
}

/** A module over these tokens: the sessions, logins and refusals of the standard, as far as we rely on them. */
export function makeModule(tokens: readonly HandMadeToken[]): HandMadeModule {
  const module: HandMadeModule = { calls: [], failing: new Map(), exported: { PKCS11: class {} as never } }
  const state = {
    isInitialized: false,
    sessions: new Map<bigint, HandMadeToken>(),
    loggedIn: new Set<HandMadeToken>(),
    found: [] as Handle[],
    signing: undefined as undefined | { object: TokenObject; mechanism: number; isConfirmed: boolean },
    next: 100,
  }
  const objects = new Map<bigint, TokenObject>()
  const handleOf = (object: TokenObject): Handle => {
    for (const [handle, known] of objects) if (known === object) return ulong(Number(handle))
    const handle = ulong(state.next++)
    objects.set(numberOf(handle), object)
    return handle
  }
  const tokenIn = (slot: Handle) => tokens.find(({ slotId }) => BigInt(slotId) === numberOf(slot)) ?? refuse('CKR_SLOT_ID_INVALID')
  const of = (session: Handle) => state.sessions.get(numberOf(session)) ?? refuse('CKR_SESSION_HANDLE_INVALID')
  const isSet = (object: TokenObject, type: number) => object.attributes.get(type)?.[0] === 1
  const checkPin = (token: HandMadeToken, pin: string | undefined) => {
    if (token.flags & ck.userPinLocked) refuse('CKR_PIN_LOCKED')
    if (pin === token.pin) return
    token.triesLeft--
    if (token.triesLeft === 1) token.flags |= ck.userPinFinalTry
    if (token.triesLeft === 0) token.flags |= ck.userPinLocked
    refuse('CKR_PIN_INCORRECT')
  }
  const add = (attributes: readonly Attribute[], signs?: KeyObject): TokenObject => {
    const asBytes = (value: Attribute['value']) =>
      typeof value === 'number'
        ? ulong(value)
        : typeof value === 'boolean'
          ? Uint8Array.of(Number(value))
          : Buffer.from(value as Uint8Array)
    return { attributes: new Map(attributes.map(({ type, value }) => [type, asBytes(value)])), ...(signs && { signs }) }
  }
  const functions: Cryptoki = {
    load: path => {
      if (path !== '/lib/token.so') throw new Error(`${path}: cannot open shared object file: No such file or directory`)
    },
    C_Initialize: () => {
      if (state.isInitialized) refuse('CKR_CRYPTOKI_ALREADY_INITIALIZED')
      state.isInitialized = true
    },
    C_Finalize: () => {
      state.isInitialized = false
      state.sessions.clear()
      state.loggedIn.clear()
    },
    C_GetSlotList: () => tokens.map(({ slotId }) => ulong(slotId)),
    C_GetTokenInfo: slot => {
      const { label, serial, flags } = tokenIn(slot)
      return {
        label: label.padEnd(32),
        manufacturerID: 'Maker'.padEnd(32),
        model: 'M1'.padEnd(16, '\0'),
        serialNumber: serial.padEnd(16),
        flags,
      }
    },
    C_OpenSession: slot => {
      const handle = ulong(state.next++)
      state.sessions.set(numberOf(handle), tokenIn(slot))
      return handle
    },
    C_CloseSession: session => {
      const token = of(session)
      state.sessions.delete(numberOf(session))
      if (![...state.sessions.values()].includes(token)) state.loggedIn.delete(token)
    },
    C_Login: (session, user, pin) => {
      const token = of(session)
      if (user === ck.contextSpecific) {
        checkPin(token, pin)
        state.signing!.isConfirmed = true
        return
      }
      if (state.loggedIn.has(token)) refuse('CKR_USER_ALREADY_LOGGED_IN')
      checkPin(token, pin)
      state.loggedIn.add(token)
    },
    C_FindObjectsInit: (session, template) => {
      const token = of(session)
      const wanted = [...add(template).attributes]
      state.found = token.objects
        .filter(object => !isSet(object, cka.private) || state.loggedIn.has(token) || !(token.flags & ck.loginRequired))
        .filter(({ attributes }) => wanted.every(([type, value]) => Buffer.from(value).equals(attributes.get(type) ?? Buffer.of())))
        .map(handleOf)
    },
    C_FindObjects: (_, most) => state.found.splice(0, most),
    C_FindObjectsFinal: () => {},
    C_GetAttributeValue: (session, object, template) => {
      of(session)
      return template.map(({ type }) => ({
        type,
        value: objects.get(numberOf(object))!.attributes.get(type) ?? refuse('CKR_ATTRIBUTE_TYPE_INVALID'),
      }))
    },
    C_SignInit: (session, { mechanism }, key) => {
      of(session)
      if (state.signing) refuse('CKR_OPERATION_ACTIVE')
      const object = objects.get(numberOf(key))!
      state.signing = { object, mechanism, isConfirmed: !isSet(object, cka.alwaysAuthenticate) }
    },
    C_SignAsync: async (session, data) => {
      of(session)
      const { object, mechanism, isConfirmed } = state.signing ?? refuse('CKR_OPERATION_NOT_INITIALIZED')
      state.signing = undefined
      if (!isConfirmed) refuse('CKR_USER_NOT_LOGGED_IN')
      await Promise.resolve()
      const signature = signBy(object.signs!, mechanism, data)
      return module.forge?.(signature) ?? signature
    },
    C_GenerateKeyPair: (session, _, publicTemplate, privateTemplate) => {
      const token = of(session)
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const key = parsePublicKeyDer(publicKey.export({ type: 'spki', format: 'der' }), 'made')
      const [made, signs] = [add(publicTemplate), add(privateTemplate, privateKey)]
      for (const [type, value] of attributesOf(key)) made.attributes.set(type, value)
      made.attributes.set(cka.class, ulong(ck.publicKey))
      signs.attributes.set(cka.class, ulong(ck.privateKey))
      token.objects.push(made, signs)
      return { publicKey: handleOf(made), privateKey: handleOf(signs) }
    },
  }
  class PKCS11 {
    constructor() {
      for (const [name, call] of Object.entries(functions))
        Object.assign(this, {
          [name]: (...args: never[]) => {
            module.calls.push(name)
            const code = module.failing.get(name)
            module.failing.delete(name)
            if (code !== undefined) refuse(code)
            return (call as (...args: never[]) => unknown)(...args)
          },
        })
    }
  }
  return Object.assign(module, { exported: { PKCS11: PKCS11 as unknown as new () => Cryptoki } })
}

/** What the mechanisms make of what they are given: r and s of ECDSA bare, over a digest, which node:crypto's own interface does not sign. */
function signBy(key: KeyObject, mechanism: number, data: Uint8Array): Uint8Array {
  switch (mechanism) {
    case ck.ecdsa:
      return signDigest(key, data)
    case ck.rsaPkcs:
      return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, data)
    case ck.eddsa:
      return sign(null, data, key)
    default:
      return refuse('CKR_MECHANISM_INVALID')
  }
}

const curves = new Map(Object.entries({ prime256v1: nobleP256, secp384r1: nobleP384, secp521r1: nobleP521 }))

function signDigest(key: KeyObject, digest: Uint8Array): Uint8Array {
  const curve = curves.get(key.asymmetricKeyDetails?.namedCurve ?? '')!
  const secret = Uint8Array.from(Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url'))
  return curve.sign(digest, secret, { prehash: false, format: 'compact', lowS: false })
}

function refuse(code: string): never {
  throw new Error(code)
}
