import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { type Signer, signerFromPkcs8 } from '../../crypto/signer.ts'

/** Kinds of keys that are made for one signing, by the names that `--signing-algorithm` takes. formats-and-flows §1.2. */
export const signingAlgorithms = [
  'ecdsa-sha2-256-nistp256',
  'ecdsa-sha2-384-nistp384',
  'ecdsa-sha2-512-nistp521',
  'rsa-sign-pkcs1-2048-sha256',
  'rsa-sign-pkcs1-3072-sha256',
  'rsa-sign-pkcs1-4096-sha256',
] as const

export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** A key that nobody keeps: a certificate says whose it was while it was used, and with the process it is gone. */
export async function createEphemeralSigner(algorithm: SigningAlgorithm): Promise<Signer> {
  const der = await generateDer(algorithm)
  try {
    return signerFromPkcs8(der, 'ephemeral key')
  } finally {
    der.fill(0)
  }
}

async function generateDer(algorithm: SigningAlgorithm): Promise<Uint8Array> {
  const encodings = { privateKeyEncoding: { format: 'der', type: 'pkcs8' }, publicKeyEncoding: { format: 'der', type: 'spki' } } as const
  const make = promisify(generateKeyPair)
  const onCurve = async (namedCurve: string) => (await make('ec', { namedCurve, ...encodings })).privateKey
  const ofBits = async (modulusLength: number) => (await make('rsa', { modulusLength, ...encodings })).privateKey
  switch (algorithm) {
    case 'ecdsa-sha2-256-nistp256':
      return await onCurve('prime256v1')
    case 'ecdsa-sha2-384-nistp384':
      return await onCurve('secp384r1')
    case 'ecdsa-sha2-512-nistp521':
      return await onCurve('secp521r1')
    case 'rsa-sign-pkcs1-2048-sha256':
      return await ofBits(2048)
    case 'rsa-sign-pkcs1-3072-sha256':
      return await ofBits(3072)
    case 'rsa-sign-pkcs1-4096-sha256':
      return await ofBits(4096)
    default:
      throw new TypeError(`unhandled algorithm ${algorithm satisfies never}`)
  }
}
