import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodePem } from '../src/codec/pem.ts'
import { decryptPrivateKey, encryptPrivateKey } from '../src/crypto/encrypted-key.ts'
import { signerFromPkcs8 } from '../src/crypto/signer.ts'
import type { Certificate } from '../src/formats/x509/certificate.ts'
import { createIntermediate, createTimestampChain } from '../src/services/stack/certificates.ts'
import { stackFiles } from '../src/services/stack/folder.ts'
import { parseCertificatesPem } from '../src/trust/pem-trust.ts'

/**
 * Gives the folder of a development stack, whose passphrase is empty, keys of P-384 to issue certificates and timestamps with: an intermediate of
 * its own root, and a timestamp authority that its trusted root knows nothing of. For measuring alone.
 */
export async function giveP384Authorities(folder: string): Promise<void> {
  const rootPath = join(folder, 'root-keys/authority-root.key')
  const root = signerFromPkcs8(await decryptPrivateKey(readFileSync(rootPath), new Uint8Array(), rootPath), rootPath)
  const rootCertificate = parseCertificatesPem(readFileSync(join(folder, stackFiles.authority)), stackFiles.authority).at(-1)!
  const keys = { authority: newKey(), timestamps: newKey() }
  const [authority, stamper, stamperRoot] = [keys.authority, keys.timestamps, newKey()].map(key => signerFromPkcs8(key, 'key'))
  const ceremony = { now: () => new Date(Date.now() - 1000), randomBytes: random, operator: 'bench' }
  const chains: readonly (readonly [string, readonly Certificate[]])[] = [
    [stackFiles.authority, [await createIntermediate(ceremony, root, rootCertificate, authority!), rootCertificate]],
    [stackFiles.timestamps, await createTimestampChain(ceremony, stamperRoot!, stamper!)],
  ]
  for (const [name, chain] of chains) writeFileSync(join(folder, name), chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''))
  for (const [name, key] of Object.entries(keys)) {
    const path = join(folder, stackFiles.keys, `${name}.key`)
    rmSync(path)
    writeFileSync(path, await encryptPrivateKey(key, new Uint8Array(), random), { mode: 0o600 })
  }
}

function newKey(): Uint8Array {
  return Uint8Array.from(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'der' }))
}

function random(length: number): Uint8Array {
  return Uint8Array.from(randomBytes(length))
}
