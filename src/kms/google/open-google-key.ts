import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { KeyVersion, RemoteKey, SigningVersion } from '../remote/remote-key.ts'
import { type Ask, deadlineMs, withinDeadline } from '../remote/within-deadline.ts'
import { alreadyExists, explainGoogleFailure, type GoogleOperation, StillPending } from './google-failure.ts'
import { howOf, readPublicKey, readSignature, readVersions, signRequestOf } from './google-key.ts'
import { parseGoogleReference } from './reference.ts'
import { type CallOptions, type GoogleClient, type GoogleVersion, type ListRequest, loadGoogleSdk } from './sdk-shapes.ts'

const options: CallOptions = { retry: null, timeout: deadlineMs } // retries are ours, and counted
const [pageSize, versionsLimit, answerLimitBytes] = [100, 1000, 65_536]

/**
 * A key in Google Cloud KMS, by Google's own SDK and its application default credentials.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see formats-and-flows §1.3 gcpkms
 */
export function openGoogleKey(reference: string, effects: ProviderEffects): RemoteKey {
  const { location, ring, key, keyName, version: pinned } = parseGoogleReference(reference)
  const what = `Google Cloud KMS key ${quote(reference.slice('gcpkms://'.length))}`
  let opened: Promise<GoogleClient> | undefined
  let ready: GoogleClient | undefined
  const client = () => {
    opened ??= openClient(effects).then(
      google => (ready = google),
      cause => {
        opened = undefined
        throw cause
      },
    )
    return opened
  }
  const call = <T>(operation: GoogleOperation, work: (ask: Ask, client: GoogleClient) => Promise<T>): Promise<T> =>
    withinDeadline(
      what,
      effects,
      cause => explainGoogleFailure(what, operation, cause),
      async ask => await work(ask, await ask(client)),
    )
  const nameOf = (id: string) => `${keyName}/cryptoKeyVersions/${id}`
  const known = new Map<string, SigningVersion>() // by number, for as long as this object lives
  const publicKeyOf = async (id: string): Promise<SigningVersion> => {
    const name = nameOf(id)
    const [answer] = await call('read', (ask, google) => ask(() => google.getPublicKey({ name }, options)))
    const version = readPublicKey(name, answer, what)
    known.set(id, version)
    return version
  }
  const list = async (filter: string) => {
    const found: GoogleVersion[] = []
    await call('list', async (ask, google) => {
      for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
        const request: ListRequest = { parent: keyName, filter, pageSize, pageToken }
        const [page, , answer]: Awaited<ReturnType<GoogleClient['listCryptoKeyVersions']>> = await ask(() =>
          google.listCryptoKeyVersions(request, { ...options, autoPaginate: false }),
        )
        found.push(...(page ?? []))
        if (found.length > versionsLimit)
          throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want at most ${versionsLimit} versions, got more: name one`)
        pageToken = answer?.nextPageToken || undefined
      }
    })
    return readVersions(keyName, found, what)
  }
  const findCurrent = async (): Promise<SigningVersion> => {
    if (pinned !== undefined) return await publicKeyOf(pinned)
    const newest = (await list('state=ENABLED')).find(({ state }) => state === 'enabled') // an emulator may know no filters
    if (!newest) throw new CountersignError('KEY_DISABLED', `${what}: want an enabled version, got none`)
    howOf(newest.algorithm, what) // of a key for something else no public key is to be had, and the reason would be lost
    return known.get(newest.id) ?? (await publicKeyOf(newest.id))
  }
  let current: Promise<SigningVersion> | undefined
  const findCurrentOnce = () => {
    current ??= findCurrent().catch(cause => {
      current = undefined // what failed may be asked again
      throw cause
    })
    return current
  }
  return {
    what,
    current: findCurrentOnce,
    versions: async () => {
      if (pinned !== undefined) {
        const { publicKey } = known.get(pinned) ?? (await publicKeyOf(pinned))
        return [{ id: pinned, state: 'enabled', publicKey }]
      }
      const versions = await list('')
      if (versions.length === 0) throw new CountersignError('KEY_DISABLED', `${what}: want an enabled version, got a key without versions`)
      return await Promise.all(
        versions.map(async ({ id, state, algorithm, createdAt }): Promise<KeyVersion> => {
          const kept = { id, state, ...(createdAt && { createdAt }) }
          if (state !== 'enabled') return kept
          howOf(algorithm, what)
          return { ...kept, publicKey: (known.get(id) ?? (await publicKeyOf(id))).publicKey }
        }),
      )
    },
    sign: async ({ id, hash }, covered) => {
      const request = signRequestOf(nameOf(id), hash, covered)
      const [answer] = await call('sign', (ask, google) => ask(() => google.asymmetricSign(request, options)))
      return readSignature(request, answer, what)
    },
    create: async () => {
      if (pinned !== undefined)
        throw new CountersignError('REFERENCE_MALFORMED', `${what}: want a key to make, got a version: leave it out`)
      try {
        return { publicKey: (await findCurrentOnce()).publicKey, isNew: false }
      } catch (cause) {
        if (!(cause instanceof CountersignError) || cause.code !== 'KEY_NOT_FOUND') throw cause
      }
      await call('create', async (ask, google) => {
        await ask(() => google.createKeyRing({ parent: location, keyRingId: ring, keyRing: {} }, options).catch(unlessThere))
        const cryptoKey = { purpose: 'ASYMMETRIC_SIGN', versionTemplate: { algorithm: 'EC_SIGN_P256_SHA256' } }
        await ask(() =>
          google.createCryptoKey({ parent: `${location}/keyRings/${ring}`, cryptoKeyId: key, cryptoKey }, options).catch(unlessThere),
        )
      })
      // A version that is new is made for some seconds.
      await call('list', ask =>
        ask(async () => {
          const [newest] = await list('')
          if (newest?.state === 'pending') throw new StillPending()
        }),
      )
      return { publicKey: (await findCurrentOnce()).publicKey, isNew: true }
    },
    close: async () => {
      await ready?.close().catch(() => undefined) // it is closed already; one that still looks for credentials is not waited for
    },
  }
}

async function openClient(effects: ProviderEffects): Promise<GoogleClient> {
  const { KeyManagementServiceClient } = await loadGoogleSdk(effects)
  const google = new KeyManagementServiceClient({
    ...endpointOf(effects.environment.get('CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS') ?? ''),
    fallback: false, // gRPC
    'grpc.max_receive_message_length': answerLimitBytes,
    'grpc.enable_retries': 0,
  })
  await google.initialize() // its calls do the same, but leave a failure to nobody
  return google
}

/**
 * Where the API is reached other than at Google's own address: a regional or private endpoint, or an emulator, by the variable that gcloud has
 * for it. The SDK speaks TLS alone, and gRPC takes no IP address for a name.
 */
function endpointOf(text: string): { readonly apiEndpoint?: string; readonly port?: number } {
  if (text === '') return {}
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url?.protocol !== 'https:' ||
    url.username !== '' ||
    url.password !== '' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== ''
  )
    throw new CountersignError(
      'USAGE',
      'CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: want https://HOST/ or https://HOST:PORT/, got something else',
    )
  if (/^[0-9.]+$|^\[/.test(url.hostname))
    throw new CountersignError(
      'USAGE',
      `CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: want a host name, got the address ${quote(url.hostname)}`,
    )
  return { apiEndpoint: url.hostname, port: Number(url.port || 443) }
}

function unlessThere(cause: unknown): undefined {
  if (!alreadyExists(cause)) throw cause
}
