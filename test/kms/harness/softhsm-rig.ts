import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, runOk } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { kmsTool } from './kms-tool.ts'
import type { ProviderRig } from './provider-rig.ts'

/** The rig of a token, and what its own tests make on it beside the table. */
export type TokenRig = ProviderRig & {
  readonly modulePath: string
  readonly pin: string
  /** Runs OpenSC's pkcs11-tool on the token, logged in. */
  readonly tool: (...args: readonly string[]) => Promise<Ended>
  /** What pkcs11-tool lists of the slots. */
  readonly slots: () => Promise<string>
  /** A key that wants the PIN for each signature. */
  readonly createCareful: (key: string) => Promise<void>
  /** Another empty token with the same PIN. */
  readonly addToken: (label: string) => Promise<void>
}

const [label, pin] = ['release', 'correct-horse-pin']

/** By the names of pkcs11-tool. */
const algorithms = ['EC:prime256v1', 'EC:secp384r1', 'EC:secp521r1', 'rsa:2048', 'rsa:3072', 'rsa:4096', 'EC:edwards25519'] as const

/** SoftHSM2, with one token. Keys are made by pkcs11-tool; each has the id that its name's octets spell. */
export async function createTokenRig(place: Place): Promise<TokenRig> {
  const [modulePath] = kmsTool('libsofthsm2.so')
  mkdirSync(place.path('tokens'))
  writeFileSync(place.path('softhsm2.conf'), `directories.tokendir = ${place.path('tokens')}\nlog.level = ERROR\n`)
  const own = { SOFTHSM2_CONF: place.path('softhsm2.conf'), LD_LIBRARY_PATH: join(modulePath, '..') } // where pkcs11-tool has its library
  const addToken = async (name: string) => {
    const init = ['--module', modulePath, '--init-token', '--free', '--label', name, '--so-pin', 'of-the-officer', '--pin', pin]
    await runOk(place, kmsTool('softhsm2-util'), init, { env: own })
  }
  const tool: TokenRig['tool'] = (...args) =>
    runOk(place, kmsTool('pkcs11-tool'), ['--module', modulePath, '--token-label', label, '--login', '--pin', pin, ...args], { env: own })
  const create = async (key: string, algorithm: string, ...more: readonly string[]) => {
    await tool('--keypairgen', '--key-type', algorithm, '--label', key, '--id', Buffer.from(key).toString('hex'), ...more)
  }
  await addToken(label)
  return {
    name: 'PKCS #11 (SoftHSM2)',
    environment: {
      SOFTHSM2_CONF: own.SOFTHSM2_CONF,
      COSIGN_PKCS11_MODULE_PATH: modulePath,
      COSIGN_PKCS11_PIN: pin,
      COUNTERSIGN_PACKAGES: process.env['COUNTERSIGN_PACKAGES'] ?? join(import.meta.dirname, '../../../.cache/kms'),
    },
    algorithms,
    reference: key => `pkcs11:token=${label};object=${key}`,
    create,
    createUnfit: async key => {
      await create(key, 'EC:secp256k1')
      return /want curve P-256, P-384 or P-521, got secp256k1/
    },
    stop: async () => {},
    modulePath,
    pin,
    tool,
    slots: async () => (await runOk(place, kmsTool('pkcs11-tool'), ['--module', modulePath, '--list-slots'], { env: own })).stdout,
    createCareful: key => create(key, algorithms[0], '--always-auth'),
    addToken,
  }
}
