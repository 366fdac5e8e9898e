import { join } from 'node:path'
import { decodeUtf8 } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import { entryBundles } from '../../formats/log/entry-bundle.ts'
import { type PolicyMember, parseWitnessPolicy } from '../../formats/log/witness/witness-policy.ts'
import { noteHeadSigner } from '../../log/note-heads.ts'
import { openTileLog, type TileLogOptions } from '../../log/open-tile-log.ts'
import type { LogStore } from '../../log/store.ts'
import type { LogEvents, TileLog } from '../../log/tile-log.ts'
import { createCosigning } from '../../log/witness/cosigning.ts'
import { checkpointName } from '../../log/write-behind.ts'
import { ctLogLayout } from '../ctlog/ct-heads.ts'
import type { ServiceEvents } from '../service.ts'
import type { StackConfig } from './config.ts'
import { type OpenedFolder, stackFiles } from './folder.ts'
import { type FencedStore, openFencedStore } from './logs/log-fence.ts'
import { readFileAt } from './private-files.ts'
import { logHost, servicePaths } from './trust.ts'

type LogName = keyof typeof stackFiles.logs

/** The three trees of a stack. */
export type StackLogs = Readonly<Record<LogName, TileLog>> & {
  /** Which of them no longer append, and why. */
  readonly unready: () => readonly string[]
  readonly close: () => Promise<void>
}

/** Opens the store of a log by its folder. */
export type OpenLogStore = (folder: string) => Promise<FencedStore>

/**
 * Opens the logs in a stack's folder, each with a store, a key and an origin of its own.
 *
 * @throws CountersignError `STORE_LOCKED` where another process has one open; what `openTileLog` throws. Then none is open
 */
export async function openLogs(
  { folder, openStore = openFencedStore }: { readonly folder: string; readonly openStore: OpenLogStore | undefined },
  { config, signers }: OpenedFolder,
  world: World,
  events: ServiceEvents,
): Promise<StackLogs> {
  const host = logHost(config)
  const treeId = treeIdOf(signers['rekor-v1'].publicKey)
  const layouts = {
    ct: ctLogLayout(ctOrigin(config), signers['ct-log']),
    v1: { ...noteHeadSigner(`${host} - ${treeId}`, signers['rekor-v1']), bundles: undefined },
    v2: await rekorV2Layout(folder, { config, signers }, world, events),
  } as const
  const problems: (() => string | undefined)[] = []
  const opened: TileLog[] = []
  const open = async (name: LogName, layout: Omit<TileLogOptions, 'store' | 'now'>): Promise<TileLog> => {
    const place = join(folder, stackFiles.logs[name])
    const fence = await openStore(place)
    const watched = eventsOf(stackFiles.logs[name], events)
    const store = name === 'v1' ? countingCheckpoints(fence.store, String(treeId), events) : fence.store
    const log = await openTileLog({ ...layout, store, now: world.now, sleep: world.sleep, events: watched.events })
    problems.push(watched.problem, fence.problem)
    opened.push(log)
    return log
  }
  const close = async () => void (await Promise.all(opened.map(log => log.close())))
  try {
    return {
      ct: await open('ct', layouts.ct),
      v1: await open('v1', layouts.v1),
      v2: await open('v2', layouts.v2),
      unready: () => problems.flatMap(problem => problem() ?? []),
      close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}

/**
 * What makes a tile log one of Rekor v2, whose heads are cosigned by the witnesses of a policy in the stack's folder.
 *
 * @throws CountersignError `FILE_UNREADABLE`; of the policy
 */
export async function rekorV2Layout(
  folder: string,
  { config, signers }: Pick<OpenedFolder, 'config' | 'signers'>,
  world: Pick<World, 'fetch' | 'sleep'>,
  events: ServiceEvents,
): Promise<Omit<TileLogOptions, 'store' | 'now'>> {
  const layout = { ...noteHeadSigner(logHost(config), signers['rekor-v2']), bundles: entryBundles }
  if (!config.witness) return layout
  const { policy: _, ...how } = config.witness
  const quorum = await readWitnessPolicy(folder, config)
  return quorum
    ? { ...layout, cosign: createCosigning({ quorum, ...how, world, events: eventsOf(stackFiles.logs.v2, events).events }) }
    : layout
}

/** Whose cosignatures the log of version 2 needs; nothing where it needs none. @throws CountersignError `FILE_UNREADABLE`; of the policy */
export async function readWitnessPolicy(folder: string, { witness }: Pick<StackConfig, 'witness'>): Promise<PolicyMember | undefined> {
  if (!witness) return undefined
  const path = join(folder, witness.policy)
  return parseWitnessPolicy(decodeUtf8(await readFileAt(path), path, 'CONFIGURATION_MALFORMED'), path).quorum
}

/** The events of one log, told from those of the others, and whether it said that it has stopped for good. */
function eventsOf(log: string, { count, observe, log: write }: ServiceEvents) {
  let isCorrupt = false
  const events: LogEvents = {
    count: (metric, labels) => {
      if (metric === 'log_corrupt') isCorrupt = true
      count(metric, { ...labels, log })
    },
    observe: (metric, seconds, labels) => observe(metric, seconds, { ...labels, log }),
    log: (level, message, facts) => write(level, message, { ...facts, log }),
  }
  return {
    events,
    problem: () => (isCorrupt ? `log ${log}: it contradicts itself or what was published, and appends nothing more` : undefined),
  }
}

/** Counts published checkpoints as Rekor v1 does. services §3.3 */
function countingCheckpoints(store: LogStore, shard: string, { count }: ServiceEvents): LogStore {
  return {
    ...store,
    writeObject: async (name, bytes) => {
      if (name !== checkpointName) return await store.writeObject(name, bytes)
      let code = 'Unavailable' // by the names of gRPC
      try {
        await store.writeObject(name, bytes)
        code = 'OK'
      } finally {
        count('rekor_checkpoint_publish', { shard, code })
      }
    },
  }
}

/** Of the tree of version 1: from its key, so that a new key makes a new tree. Positive, and not zero. */
export function treeIdOf({ id }: PublicKey): bigint {
  return new DataView(id.buffer, id.byteOffset, 8).getBigUint64(0) >> 1n || 1n
}

/** A CT log's submission prefix without its scheme. @see C2SP static-ct-api */
export function ctOrigin({ url }: StackConfig): string {
  return `${url.host}${servicePaths.ct}`
}
