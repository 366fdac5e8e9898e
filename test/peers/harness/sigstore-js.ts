import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Command } from './command.ts'

const folder = join(import.meta.dirname, '../../../.cache/peers/sigstore-js')

/** The command `sigstore` of npm, on the Node that runs the test. */
export const sigstoreJs: Command = [process.execPath, join(folder, 'node_modules/@sigstore/cli/bin/run')]

type Signing = {
  readonly signingConfig: string // its JSON
  readonly token: string
  readonly data: Uint8Array
  /** Of an envelope; without it the data itself is signed. */
  readonly type?: string
}

/** Signs as @sigstore/sign does by a signing config, which its command does not read yet; gives the bundle as JSON. */
export async function signBySigstoreJs({ signingConfig, token, data, type }: Signing): Promise<string> {
  const load = createRequire(join(folder, 'package.json'))
  const { bundleBuilderFromSigningConfig } = load('@sigstore/sign')
  const { SigningConfig } = load('@sigstore/protobuf-specs')
  const { bundleToJSON } = createRequire(load.resolve('@sigstore/sign'))('@sigstore/bundle')
  const builder = bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(JSON.parse(signingConfig)),
    identityProvider: { getToken: () => Promise.resolve(token) },
    bundleType: type === undefined ? 'messageSignature' : 'dsseEnvelope',
  })
  return JSON.stringify(bundleToJSON(await builder.create({ data: Buffer.from(data), type })))
}
