import { findGoogleKeyFile, hasGoogleKeyFile } from './google/key-file.ts'
import { accessToken, idTokenOfAccount, idTokenOfKeyFile } from './google/tokens.ts'
import { type AmbientEffects, type AmbientProvider, askForMember, askForText, audience } from './provider.ts'

const machineFile = '/sys/class/dmi/id/product_name'
const machines = ['Google', 'Google Compute Engine']

/**
 * A service account of Google Cloud's: by a key file, else by the metadata server of a machine there. A key file alone is no reason to sign by
 * it: on a laptop it is there for other programs, and whoever means it names the provider.
 */
export const googleWorkloadIdentity: AmbientProvider = {
  name: 'google-workload-identity',
  isHere: async (effects, isNamed) => {
    const { environment, readText } = effects
    if (environment.get('GCE_METADATA_HOST') || machines.includes(((await readText(machineFile)) ?? '').trim())) return true
    return isNamed && (await hasGoogleKeyFile(effects))
  },
  token: async effects => {
    const credential = await findGoogleKeyFile(effects)
    if (credential) return await idTokenOfKeyFile(effects, credential)
    const url = metadataUrl(effects, 'identity')
    url.searchParams.set('audience', audience)
    url.searchParams.set('format', 'full')
    return await askForText(effects, { url, headers: metadataHeaders })
  },
}

/** A service account that somebody may speak for: whom a key file is of, else the account of the machine. */
export const googleImpersonate: AmbientProvider = {
  name: 'google-impersonate',
  isHere: ({ environment }) => Boolean(environment.get('GOOGLE_SERVICE_ACCOUNT_NAME')),
  token: async effects => {
    const credential = await findGoogleKeyFile(effects)
    const access = credential
      ? await accessToken(effects, credential)
      : await askForMember(effects, { url: metadataUrl(effects, 'token'), headers: metadataHeaders }, 'access_token')
    return await idTokenOfAccount(effects, access, effects.environment.get('GOOGLE_SERVICE_ACCOUNT_NAME') ?? '')
  },
}

const metadataHeaders = { 'metadata-flavor': 'Google' }

function metadataUrl({ environment }: AmbientEffects, what: 'identity' | 'token'): URL {
  const host = environment.get('GCE_METADATA_HOST') || 'metadata.google.internal'
  return new URL(`http://${host}/computeMetadata/v1/instance/service-accounts/default/${what}`)
}
