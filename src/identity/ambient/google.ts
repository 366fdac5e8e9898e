import { type AmbientEffects, type AmbientProvider, askForMember, askForText, audience } from './provider.ts'

const machineFile = '/sys/class/dmi/id/product_name'
const machines = ['Google', 'Google Compute Engine']

/** A machine of Google Cloud's with a service account: its metadata server gives tokens of that account. */
export const googleWorkloadIdentity: AmbientProvider = {
  name: 'google-workload-identity',
  isHere: async ({ environment, readText }) =>
    Boolean(environment.get('GCE_METADATA_HOST')) || machines.includes(((await readText(machineFile)) ?? '').trim()),
  token: effects => {
    const url = metadataUrl(effects, 'identity')
    url.searchParams.set('audience', audience)
    url.searchParams.set('format', 'full')
    return askForText(effects, { url, headers: metadataHeaders })
  },
}

/** A service account that the machine's own may speak for. Its own token comes from the metadata server; key files are not read. */
export const googleImpersonate: AmbientProvider = {
  name: 'google-impersonate',
  isHere: ({ environment }) => Boolean(environment.get('GOOGLE_SERVICE_ACCOUNT_NAME')),
  token: async effects => {
    const access = await askForMember(effects, { url: metadataUrl(effects, 'token'), headers: metadataHeaders }, 'access_token')
    const account = encodeURIComponent(effects.environment.get('GOOGLE_SERVICE_ACCOUNT_NAME') ?? '')
    const url = new URL(`https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${account}:generateIdToken`)
    const headers = { authorization: `Bearer ${access}` }
    return await askForMember(effects, { url, method: 'POST', headers, json: { audience, includeEmail: true } }, 'token')
  },
}

const metadataHeaders = { 'metadata-flavor': 'Google' }

function metadataUrl({ environment }: AmbientEffects, what: 'identity' | 'token'): URL {
  const host = environment.get('GCE_METADATA_HOST') || 'metadata.google.internal'
  return new URL(`http://${host}/computeMetadata/v1/instance/service-accounts/default/${what}`)
}
