import { CountersignError } from '../../codec/error.ts'

/** A session or an object of a module: octets of a CK_ULONG, as the machine has it. */
export type Handle = Uint8Array

/** An attribute to look for or to set; of one to read, the value is left out. */
export type Attribute = { readonly type: number; readonly value?: number | boolean | string | Uint8Array }
export type AttributeValue = { readonly type: number; readonly value: Uint8Array }

export type TokenInfo = {
  readonly label: string
  readonly manufacturerID: string
  readonly model: string
  readonly serialNumber: string
  readonly flags: number
}

/** What we use of a PKCS #11 module, through pkcs11js. All throw, as CKR_ codes. Source: PKCS #11 v2.40 §5. */
export type Cryptoki = {
  readonly load: (path: string) => void
  readonly C_Initialize: (options: { readonly flags: number }) => void
  readonly C_Finalize: () => void
  readonly C_GetSlotList: (onlyWithToken: boolean) => readonly Handle[]
  readonly C_GetTokenInfo: (slot: Handle) => TokenInfo
  readonly C_OpenSession: (slot: Handle, flags: number) => Handle
  readonly C_CloseSession: (session: Handle) => void
  readonly C_Login: (session: Handle, user: number, pin?: string) => void
  readonly C_FindObjectsInit: (session: Handle, template: readonly Attribute[]) => void
  readonly C_FindObjects: (session: Handle, most: number) => readonly Handle[]
  readonly C_FindObjectsFinal: (session: Handle) => void
  readonly C_GetAttributeValue: (session: Handle, object: Handle, template: readonly Attribute[]) => readonly AttributeValue[]
  readonly C_SignInit: (session: Handle, mechanism: { readonly mechanism: number }, key: Handle) => void
  readonly C_SignAsync: (session: Handle, data: Uint8Array, output: Uint8Array) => Promise<Uint8Array>
  readonly C_GenerateKeyPair: (
    session: Handle,
    mechanism: { readonly mechanism: number },
    publicKey: readonly Attribute[],
    privateKey: readonly Attribute[],
  ) => { readonly publicKey: Handle; readonly privateKey: Handle }
}

export type Pkcs11Package = { readonly PKCS11: new () => Cryptoki }

const used = [
  'load',
  'C_Initialize',
  'C_Finalize',
  'C_GetSlotList',
  'C_GetTokenInfo',
  'C_OpenSession',
  'C_CloseSession',
  'C_Login',
  'C_FindObjectsInit',
  'C_FindObjects',
  'C_FindObjectsFinal',
  'C_GetAttributeValue',
  'C_SignInit',
  'C_SignAsync',
  'C_GenerateKeyPair',
] as const satisfies readonly (keyof Cryptoki)[]

/**
 * Takes what the package exports for what we use of it.
 *
 * @throws CountersignError `CAPABILITY_MISSING` when it is another package than the one that was tested
 */
export function asPkcs11Package(exported: unknown): Pkcs11Package {
  for (const candidate of [exported, (exported as { readonly default?: unknown } | undefined)?.default]) // `import` gives it as the default
    if (typeof (candidate as Partial<Pkcs11Package> | undefined)?.PKCS11 === 'function') return candidate as Pkcs11Package
  throw unfit('want it to export PKCS11')
}

/** A door to one module, which is yet to be loaded. @throws CountersignError `CAPABILITY_MISSING` */
export function newCryptoki({ PKCS11 }: Pkcs11Package): Cryptoki {
  const cryptoki = new PKCS11()
  const missing = used.find(name => typeof cryptoki[name] !== 'function')
  if (missing !== undefined) throw unfit(`want it to have ${missing}`)
  return cryptoki
}

function unfit(message: string): CountersignError {
  return new CountersignError('CAPABILITY_MISSING', `package pkcs11js: ${message}; add the version that countersign names as its peer`)
}

/** Flags, users, classes, attributes, key types and mechanisms by their numbers. Source: PKCS #11 v2.40 §A, v3.0 for Edwards curves. */
export const ck = {
  osLockingOk: 0x2,
  rwSession: 0x2,
  serialSession: 0x4,
  loginRequired: 0x4,
  userPinInitialized: 0x8,
  protectedAuthenticationPath: 0x100,
  tokenInitialized: 0x400,
  userPinFinalTry: 0x2_0000,
  userPinLocked: 0x4_0000,
  user: 1,
  contextSpecific: 2,
  certificate: 1,
  publicKey: 2,
  privateKey: 3,
  x509: 0,
  rsa: 0x0,
  ec: 0x3,
  ecEdwards: 0x40,
  rsaPkcs: 0x1,
  ecKeyPairGen: 0x1040,
  ecdsa: 0x1041,
  eddsa: 0x1057,
} as const

export const cka = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  value: 0x11,
  certificateType: 0x80,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  modulus: 0x120,
  publicExponent: 0x122,
  publicKeyInfo: 0x129,
  extractable: 0x162,
  ecParams: 0x180,
  ecPoint: 0x181,
  alwaysAuthenticate: 0x202,
} as const

/** The number that octets of a CK_ULONG or CK_BBOOL hold, as machines that have these modules write them: the lowest octet first. */
export function numberOf(octets: Uint8Array): bigint {
  let value = 0n
  for (const octet of octets.toReversed()) value = (value << 8n) | BigInt(octet)
  return value
}
