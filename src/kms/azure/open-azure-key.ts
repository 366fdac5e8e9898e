import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { KeyVersion, RemoteKey } from '../remote/remote-key.ts'
import { type Ask, withinDeadline } from '../remote/within-deadline.ts'
import { type AzureOperation, explainAzureFailure, isNotFound } from './azure-failure.ts'
import { type AzureVersion, checkUsable, readAzureKey, readVersionId, stateOf } from './azure-key.ts'
import { type AzureReference, parseAzureReference } from './reference.ts'
import { type AzureCryptographyClient, type AzureKey, type AzureKeyClient, type AzureKeyProperties, loadAzureSdk } from './sdk-shapes.ts'
import { createVaultHttpClient } from './vault-http-client.ts'

const versionsLimit = 500

/**
 * A key in Azure Key Vault or a managed HSM, by Azure's own SDK and its default credential chain.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see formats-and-flows §1.3 azurekms
 */
export function openAzureKey(reference: string, effects: ProviderEffects): RemoteKey {
  const parsed = parseAzureReference(reference)
  const { name, version: pinned } = parsed
  const what = `Azure Key Vault key ${quote(reference.slice('azurekms://'.length))}`
  let opened: Promise<Vault> | undefined
  const vault = () => {
    opened ??= openVault(parsed, what, effects)
    return opened
  }
  const now = () => effects.world.now()
  const call = <T>(operation: AzureOperation, work: (ask: Ask, vault: Vault) => Promise<T>): Promise<T> =>
    vault().then(connected =>
      withinDeadline(
        what,
        effects,
        cause => explainAzureFailure(what, operation, cause, now()),
        ask => work(ask, connected),
      ),
    )
  const getKey = async (id: string | undefined): Promise<AzureKey> => {
    const key = await call('read', (ask, { client }) =>
      ask(abortSignal => client.getKey(name, { abortSignal, ...(id !== undefined && { version: id }) })),
    )
    const { version } = key.properties
    if (id !== undefined && version !== id)
      throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want version ${id}, got ${quote(version ?? '')}`)
    return key
  }
  const keys = new Map<string, AzureKey>() // by version, for as long as this object lives: the SDK signs with what it once read
  const use = (key: AzureKey): AzureVersion => {
    checkUsable(key.properties, now(), what)
    const version = readAzureKey(key, what)
    keys.set(version.id, key)
    return version
  }
  const listed = async (): Promise<readonly AzureKeyProperties[]> => {
    const properties = await call('list', (ask, { client }) =>
      ask(abortSignal => collect(client.listPropertiesOfKeyVersions(name, { abortSignal }), what)),
    )
    if (properties.length === 0) throw new CountersignError('KEY_NOT_FOUND', `${what}: the vault has no such key`)
    return properties.toSorted((a, b) => (b.createdOn?.getTime() ?? 0) - (a.createdOn?.getTime() ?? 0))
  }
  /** The newest version as a rule; where that is turned off, the newest that is not. */
  const findCurrent = async (): Promise<AzureVersion> => {
    const newest = await getKey(pinned)
    if (pinned !== undefined || stateOf(newest.properties, now()) === 'enabled') return use(newest)
    const usable = (await listed()).find(properties => stateOf(properties, now()) === 'enabled')
    return use(usable ? await getKey(readVersionId(usable, what)) : newest)
  }
  let current: Promise<AzureVersion> | undefined
  const signing = new Map<string, AzureCryptographyClient>()
  return {
    what,
    current: () => {
      current ??= findCurrent().catch(cause => {
        current = undefined // what failed may be asked again
        throw cause
      })
      return current
    },
    versions: async () => {
      const properties = pinned === undefined ? await listed() : [(await getKey(pinned)).properties]
      return await Promise.all(
        properties.map(async (one): Promise<KeyVersion> => {
          const id = readVersionId(one, what)
          const state = stateOf(one, now())
          const kept = { id, state, ...(one.createdOn && { createdAt: one.createdOn }) }
          return state === 'enabled' ? { ...kept, publicKey: use(keys.get(id) ?? (await getKey(id))).publicKey } : kept
        }),
      )
    },
    sign: async (version, covered) => {
      const key = keys.get(version.id)
      if (!key) throw new TypeError(`${what}: version ${version.id} is none of this key's`)
      const { algorithm, read } = readAzureKey(key, what)
      const client = signing.get(version.id) ?? (await vault()).signerOf(key)
      signing.set(version.id, client)
      const { result } = await call('sign', ask => ask(abortSignal => client.sign(algorithm, covered, { abortSignal })))
      if (!(result instanceof Uint8Array)) throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want a signature, got none`)
      return read(result)
    },
    create: async () => {
      if (pinned !== undefined)
        throw new CountersignError('REFERENCE_MALFORMED', `${what}: want a key to make, got a version: leave it out`)
      try {
        return { publicKey: use(await getKey(undefined)).publicKey, isNew: false }
      } catch (cause) {
        if (!isNotFound(cause)) throw cause
      }
      const options = { curve: 'P-256', keyOps: ['sign', 'verify'], tags: { use: 'sigstore' } }
      const made = await call('create', (ask, { client }) => ask(abortSignal => client.createEcKey(name, { ...options, abortSignal })))
      return { publicKey: use(made).publicKey, isNew: true }
    },
  }
}

type Vault = { readonly client: AzureKeyClient; readonly signerOf: (key: AzureKey) => AzureCryptographyClient }

async function openVault({ vaultUrl, isLoopback }: AzureReference, what: string, effects: ProviderEffects): Promise<Vault> {
  const { KeyClient, CryptographyClient, DefaultAzureCredential } = await loadAzureSdk(effects)
  const authorityHost = authorityOf(effects.environment.get('AZURE_ENVIRONMENT') ?? '')
  const credential = new DefaultAzureCredential({ ...(authorityHost !== undefined && { authorityHost }) })
  const options = {
    httpClient: createVaultHttpClient(effects.fetch, what),
    // A vault says whose token it wants; the SDK gives none of Key Vault's to a host outside its domain, which an emulator is.
    disableChallengeResourceVerification: isLoopback,
    retryOptions: { maxRetries: 0 }, // retries are ours, and counted
    redirectOptions: { maxRetries: 0 },
  }
  const client = new KeyClient(vaultUrl, credential, options)
  // The SDK's own way to sign with the connection of a KeyClient, which has passed the vault's challenge already. Should it go, the first
  // signature costs one more round trip.
  const { client: generatedClient } = client as { readonly client?: unknown }
  return {
    client,
    signerOf: key => new CryptographyClient(key, credential, { ...options, ...(generatedClient !== undefined && { generatedClient }) }),
  }
}

/** Where tokens come from. Source: formats-and-flows §1.3, `AZURE_ENVIRONMENT`; without it, from where the SDK has them. */
function authorityOf(environment: string): string | undefined {
  switch (environment.toUpperCase()) {
    case '':
      return undefined
    case 'AZUREPUBLICCLOUD':
      return 'https://login.microsoftonline.com'
    case 'AZUREUSGOVERNMENT':
    case 'AZUREUSGOVERNMENTCLOUD':
      return 'https://login.microsoftonline.us'
    case 'AZURECHINACLOUD':
      return 'https://login.chinacloudapi.cn'
    default:
      throw new CountersignError(
        'USAGE',
        `AZURE_ENVIRONMENT: want AzurePublicCloud, AzureUSGovernmentCloud or AzureChinaCloud, got ${quote(environment)}`,
      )
  }
}

async function collect(versions: AsyncIterable<AzureKeyProperties>, what: string): Promise<readonly AzureKeyProperties[]> {
  const properties: AzureKeyProperties[] = []
  for await (const one of versions) {
    properties.push(one)
    if (properties.length > versionsLimit)
      throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want at most ${versionsLimit} versions, got more: name one`)
  }
  return properties
}
