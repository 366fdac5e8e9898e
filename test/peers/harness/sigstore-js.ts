import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Command } from './command.ts'

const folder = join(import.meta.dirname, '../../../.cache/peers/sigstore-js')

/** The command `sigstore` of npm, on the Node that runs the test. */
export const sigstoreJs: Command = [process.execPath, join(folder, 'node_modules/@sigstore/cli/bin/run')]

const load = createRequire(join(folder, 'package.json'))
const loadBundles = () => createRequire(load.resolve('@sigstore/sign'))('@sigstore/bundle')

type Signing = {
  readonly signingConfig: string // its JSON
  readonly token: string
  readonly data: Uint8Array
  /** Of an envelope; without it the data itself is signed. */
  readonly type?: string
}

/** Signs as @sigstore/sign does by a signing config, which its command does not read yet; gives the bundle as JSON. */
export async function signBySigstoreJs({ signingConfig, token, data, type }: Signing): Promise<string> {
  const { bundleBuilderFromSigningConfig } = load('@sigstore/sign')
  const { SigningConfig } = load('@sigstore/protobuf-specs')
  const { bundleToJSON } = loadBundles()
  const builder = bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(JSON.parse(signingConfig)),
    identityProvider: { getToken: () => Promise.resolve(token) },
    bundleType: type === undefined ? 'messageSignature' : 'dsseEnvelope',
  })
  return JSON.stringify(bundleToJSON(await builder.create({ data: Buffer.from(data), type })))
}

/** Has a log record what a bundle says once more, as @sigstore/sign does; gives the index that the log answers. */
export async function logAgainBySigstoreJs(rekorBaseURL: string, majorApiVersion: 1 | 2, bundle: string): Promise<string> {
  const { RekorWitness } = load('@sigstore/sign')
  const { content, verificationMaterial } = loadBundles().bundleFromJSON(JSON.parse(bundle))
  const { certificate: alone, x509CertificateChain: chain } = verificationMaterial.content
  const { rawBytes } = alone ?? chain.certificates[0]
  const certificate = `-----BEGIN CERTIFICATE-----\n${rawBytes.toString('base64')}\n-----END CERTIFICATE-----\n`
  const { tlogEntries } = await new RekorWitness({ rekorBaseURL, majorApiVersion }).testify(content, certificate)
  return tlogEntries[0].logIndex
}
