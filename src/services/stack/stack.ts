import { join } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import type { Fetch, World } from '../../codec/world.ts'
import type { DeriveKey } from '../../crypto/encrypted-key.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { createCtLog } from '../ctlog/ct-log.ts'
import type { FulcioConfig } from '../fulcio/configuration/fulcio-config.ts'
import { createFulcio } from '../fulcio/fulcio.ts'
import { createIssuer, fileKeyStore, type Issuer } from '../issuer/issuer.ts'
import type { Handler } from '../listen.ts'
import { type Proving, proveHere } from '../proving/entry-prover.ts'
import { type ProvingThread, proveOnThread, type ThreadedProving } from '../proving/prove-on-thread.ts'
import { createRegistry, folderStore } from '../registry/registry.ts'
import { createRekorV1 } from '../rekor/rekor-v1.ts'
import { createRekorV2 } from '../rekor/rekor-v2.ts'
import { repeatedly } from '../repeatedly.ts'
import type { ServiceEvents } from '../service.ts'
import { type ClockWatch, createClockWatch } from '../tsa/ntp/clock-watch.ts'
import { exchangeByUdp, type UdpExchange } from '../tsa/ntp/udp-exchange.ts'
import { createTimestampAuthority } from '../tsa/timestamp-authority.ts'
import type { TufRepositoryService } from '../tuf/tuf-repository.ts'
import { openStackAuthority, type StackAuthority } from './authority/stack-authority.ts'
import type { StackConfig } from './config.ts'
import type { Measure } from './events.ts'
import { logFirstEntry } from './first-entry.ts'
import { type OpenedFolder, openFolder, stackFiles } from './folder.ts'
import { freezeWhenAsked } from './freezing/freeze-request.ts'
import { fulcioConfigOf } from './issuers.ts'
import type { LoadRemoteKey } from './keys/remote-keys.ts'
import { type ClusterAccount, withClusterAccount } from './kubernetes/cluster-account.ts'
import { ctOrigin, type OpenLogStore, openLogs, type StackLogs, treeIdOf } from './logs.ts'
import { measuresOf } from './measures.ts'
import { routeServices } from './routes.ts'
import { logHost, type StackIdentity, servicePaths } from './trust.ts'
import { openStackRepository, publishTrust } from './tuf.ts'

/** What a stack is opened with. */
export type StackOptions = {
  readonly folder: string
  readonly tufFolder: Folder // `stackFiles.tuf` of it
  readonly passphrase: Uint8Array // of its keys; the caller's to zero, once the stack is closed
  /** Tokens as GitHub's CI gives them, for whoever knows the secret. Refused unless the stack's URL is on loopback. */
  readonly dev?: { readonly ciSecret: string }
  readonly deriveKey?: DeriveKey
  readonly loadKey?: LoadRemoteKey // of keys that stay in a KMS or an HSM
  /** An HTTP client that trusts these authorities too, PEM: for issuers that have some. */
  readonly fetchTrusting?: (caCertificates: string) => Fetch
  readonly cluster?: ClusterAccount // of Kubernetes, where the stack runs in one
  readonly exchange?: UdpExchange // with NTP servers; by UDP unless told
  readonly openStore?: OpenLogStore // of each log, by its folder; SQLite unless told
  /** Starts a thread that proves entries, where a core is there for it; without one this thread does. */
  readonly startProving?: () => Promise<ProvingThread | undefined>
}

/** A private Sigstore that runs. */
export type Stack = {
  readonly config: StackConfig
  readonly handler: Handler
  readonly issuer: Issuer | undefined
  /** Why it should get no requests now. */
  readonly unready: () => readonly string[]
  /** What its gauges show now. */
  readonly measures: () => readonly Measure[]
  /** Logs what waits, and lets go of the folder. No request may be under way. */
  readonly close: () => Promise<void>
}

/**
 * Opens a stack's folder and its services. One process has a folder open; it holds the logs' databases until `close`.
 *
 * @throws CountersignError of the folder; `STORE_LOCKED` where another process has it open; `STORE_CORRUPT` where a log contradicts what it
 *   published; `CONFIGURATION_MALFORMED`
 */
export async function openStack(options: StackOptions, world: World, events: ServiceEvents): Promise<Stack> {
  const opened = await openFolder(options.folder, options.passphrase, options.deriveKey, options.loadKey)
  const fulcioConfig = await fulcioConfigOf(opened.config, stackFiles.config, options.dev !== undefined) // before anything is locked
  const logs = await openLogs({ folder: options.folder, openStore: options.openStore }, opened, world, events)
  const closing = new AbortController()
  let threaded: ThreadedProving | undefined
  const close = async () => {
    closing.abort()
    await logs.close()
    await threaded?.close()
  }
  try {
    const tell = async (next: StackIdentity) => publishTrust(repository, { config: opened.config, identity: next })
    const authority = await openStackAuthority({ ...options, ...opened, tell }, world, events)
    const repository = await openStackRepository({ ...opened, identity: authority.identity(), folder: options.tufFolder }, world, events)
    const isForClients = opened.config.rekor.signWith === 'v2'
    if (isForClients && logs.v2.isFrozen())
      throw new CountersignError('CONFIGURATION_MALFORMED', 'rekor.sign-with: want v1, got v2, whose log is frozen')
    void freezeWhenAsked(options.folder, { log: logs.v2, isForClients }, world, events, closing.signal)
    void refreshHourly(repository, world, events, closing.signal)
    const thread = await options.startProving?.()
    threaded = thread && proveOnThread(thread, events)
    const proving = threaded?.proving ?? proveHere
    const clock = watchedClock(opened.config, { ...world, exchange: options.exchange ?? exchangeByUdp }, events)
    const services = await openServices(
      options,
      opened,
      fulcioConfig,
      { logs, proving, threaded },
      { repository, authority, clock },
      world,
      events,
    )
    void authority.watch(closing.signal)
    void clock?.watch(closing.signal)
    return { ...services, config: opened.config, close }
  } catch (cause) {
    await close()
    throw cause
  }
}

const hourMs = 3_600_000

/** Keeps the repository from expiring while the stack runs. What fails is tried again in an hour, long before clients would notice. */
async function refreshHourly(repository: TufRepositoryService, world: World, events: ServiceEvents, signal: AbortSignal): Promise<void> {
  const onFailure = (reason: string) => events.log('error', 'the TUF repository was not signed anew', { reason })
  await repeatedly(() => repository.refresh(), { restMs: hourMs, onFailure }, world, signal)
}

async function openServices(
  { folder, passphrase, dev, cluster, fetchTrusting }: StackOptions,
  { config, signers, identity }: OpenedFolder,
  fulcioConfig: FulcioConfig,
  { logs, threaded, proving }: { readonly logs: StackLogs; readonly threaded: ThreadedProving | undefined; readonly proving: Proving },
  { repository, authority, clock }: { repository: TufRepositoryService; authority: StackAuthority; clock: ClockWatch | undefined },
  world: World,
  events: ServiceEvents,
): Promise<Pick<Stack, 'handler' | 'issuer' | 'unready' | 'measures'>> {
  if (dev && !config.issuer) throw new CountersignError('CONFIGURATION_MALFORMED', 'issuer: want one for tokens of development, got none')
  const issuer =
    config.issuer &&
    (await createIssuer(
      {
        url: config.url.origin,
        users: config.issuer.users,
        connectors: config.issuer.connectors,
        tokenSeconds: config.issuer.tokenMinutes * 60,
        ...(dev && { dev }),
      },
      fileKeyStore(join(folder, stackFiles.issuerKeys), passphrase, world.randomBytes),
      world,
      events,
    ))
  const ct = createCtLog({
    log: logs.ct,
    signer: signers['ct-log'],
    origin: ctOrigin(config),
    prefix: servicePaths.ct,
    roots: identity.authority.slice(-1),
    now: world.now,
    ...(threaded && { checkSignature: threaded.checkSignature }),
    events,
  })
  const fulcio = createFulcio({
    ...withClusterAccount(fulcioConfig, cluster),
    ...(fetchTrusting && { fetchTrusting }),
    authority: authority.current,
    trustBundle: () => [authority.identity().authority, ...authority.identity().formerAuthorities],
    log: { key: signers['ct-log'].publicKey, logPrecertificate: ct.logPrecertificate },
    ...(threaded && { provenKey: threaded.provenKey, checkSignature: threaded.checkSignature }),
    world: { ...world, fetch: issuer ? withinProcess(config.url, issuer.handler, world.fetch) : world.fetch },
    events,
  })
  const timestamps = await createTimestampAuthority({
    chain: identity.timestamps,
    signer: signers.timestamps,
    world,
    events,
    ...(clock && config.ntp?.failClosed && { clockProblem: clock.problem }),
  })
  const { signWith: _, ...rekorV2 } = config.rekor
  const unready = () =>
    [logs.unready(), timestamps.unready() ?? [], repository.unready() ?? [], expired(authority.current().chain, world.now())].flat()
  const rekorV1 = createRekorV1({
    log: logs.v1,
    treeId: treeIdOf(signers['rekor-v1'].publicKey),
    signer: signers['rekor-v1'],
    now: world.now,
    keepAttestations: true,
    proving,
    events,
  })
  await logFirstEntry(rekorV1, logs.v1, signers['rekor-v1'], config.url)
  const handler = routeServices({
    fulcio,
    rekorV1,
    rekorV2: createRekorV2({
      log: logs.v2,
      origin: logHost(config),
      publicKey: signers['rekor-v2'].publicKey,
      now: world.now,
      ...rekorV2,
      proving,
      events,
    }),
    timestamps: timestamps.handler,
    ct: ct.handler,
    tuf: repository.handler,
    ...(issuer && { issuer: issuer.handler }),
    ...(config.registry && { registry: createRegistry(await folderStore(join(folder, stackFiles.registry)), world, { deletes: false }) }),
    unready,
  })
  const measures = () => measuresOf({ ...authority.identity(), roles: repository.standing(), isReady: unready().length === 0 }, world.now())
  return { handler, issuer, unready, measures }
}

/** The clock is watched where the configuration names servers. */
function watchedClock(
  { ntp }: StackConfig,
  world: World & { readonly exchange: UdpExchange },
  events: ServiceEvents,
): ClockWatch | undefined {
  return ntp && createClockWatch({ servers: ntp.servers, maxOffsetMs: ntp.maxOffsetSeconds * 1000 }, world, events)
}

/** An issuer in this process is asked without a socket: its certificate may be one that only clients trust. */
function withinProcess(url: URL, handler: Handler, fetch: Fetch): Fetch {
  return async (input, init) => {
    const asked = new URL(input)
    return asked.origin === url.origin ? await handler(new Request(asked, init)) : await fetch(input, init)
  }
}

function expired(chain: readonly Certificate[], now: Date): readonly string[] {
  return chain
    .filter(({ notAfter }) => notAfter < now)
    .map(({ subject, notAfter }) => `certificate authority: ${subject.text} expired at ${notAfter.toISOString()}`)
}
