import type { Fetch, World } from '../../codec/world.ts'
import type { CredentialEffects } from '../../oci/credentials/credential-effects.ts'
import type { TransportOptions } from '../../oci/transport.ts'

/** Packages that a provider needs and that whoever uses it adds: official SDKs, and the door to PKCS #11 modules. */
export type ProviderPackage = '@aws-sdk/client-kms' | '@azure/identity' | '@azure/keyvault-keys' | '@google-cloud/kms' | 'pkcs11js'

/** What providers of keys touch; tests hand in their own. */
export type ProviderEffects = {
  readonly environment: ReadonlyMap<string, string>
  readonly fetch: Fetch
  /** An HTTP client of other settings: authorities, a client certificate, the server's name. It keeps connections. */
  readonly connect: (options: Omit<TransportOptions, 'environment'>) => Fetch
  readonly world: Pick<World, 'now' | 'sleep' | 'randomBytes'>
  readonly signal: AbortSignal
  readonly readFile: (path: string, limitBytes: number) => Promise<Uint8Array>
  /** What a package exports. @throws CountersignError `CAPABILITY_MISSING` with the line that adds it */
  readonly loadPackage: (name: ProviderPackage) => Promise<unknown>
  readonly runProgram: CredentialEffects['run']
  /** A PIN that nobody gave beforehand. @throws CountersignError `USAGE` without a terminal */
  readonly askPin: (question: string) => Promise<string>
  /** Tells whoever runs us what they should know at once: one more wrong PIN locks the token. */
  readonly warn?: (line: string) => void
  /** Takes what lets go of a signer's connections and sessions; whoever runs us calls it when all is done. */
  readonly atEnd?: (letGo: () => Promise<void>) => void
}
