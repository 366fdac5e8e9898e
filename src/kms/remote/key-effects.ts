import type { Fetch, World } from '../../codec/world.ts'
import type { CredentialEffects } from '../../oci/credentials/credential-effects.ts'

/** Packages that a provider needs and that whoever uses it adds: official SDKs, and the door to PKCS #11 modules. */
export type ProviderPackage = '@aws-sdk/client-kms' | '@azure/identity' | '@azure/keyvault-keys' | '@google-cloud/kms' | 'pkcs11js'

/** What providers of keys touch; tests hand in their own. */
export type ProviderEffects = {
  readonly environment: ReadonlyMap<string, string>
  readonly fetch: Fetch
  readonly world: Pick<World, 'now' | 'sleep' | 'randomBytes'>
  readonly signal: AbortSignal
  readonly readFile: (path: string, limitBytes: number) => Promise<Uint8Array>
  /** What a package exports. @throws CountersignError `CAPABILITY_MISSING` with the line that adds it */
  readonly loadPackage: (name: ProviderPackage) => Promise<unknown>
  readonly runProgram: CredentialEffects['run']
  /** A PIN that nobody gave beforehand. @throws CountersignError `USAGE` without a terminal */
  readonly askPin: (question: string) => Promise<string>
}
