import assert from 'node:assert/strict'
import type { World } from '../../codec/world.ts'
import { type ClusterConnection, createClusterConnection } from '../../webhook/cluster/cluster-connection.ts'
import { filesOf, providerEffects } from '../kms/provider-effects.ts'
import type { MemoryCluster } from './memory-cluster.ts'

const kubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'test',
  contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
  clusters: [{ name: 'c', cluster: { server: 'https://cluster.test' } }],
  users: [{ name: 'u', user: { token: 't0ken' } }],
})

/** A connection to a cluster in memory. */
export function connectTo({ fetch }: Pick<MemoryCluster, 'fetch'>, now = () => new Date(0)): ClusterConnection {
  const effects = providerEffects(fetch, {
    ...filesOf({ '/k': kubeconfig }),
    environment: new Map([['KUBECONFIG', '/k']]),
    connect: () => fetch,
  })
  return createClusterConnection({ ...effects, world: { ...effects.world, now } })
}

/** Time in which pauses of at most five seconds pass at once, and all others when they are told to. */
export type RigTime = {
  readonly world: Pick<World, 'now' | 'sleep' | 'randomBytes'>
  readonly pauses: readonly number[] // that passed at once
  readonly pass: (ms: number) => void // all waits of this length
}

/** Starts one. @param isPassing - which pauses pass at once; unless told all of a retry, and none of a resync */
export function createRigTime(isPassing: (ms: number) => boolean = ms => ms !== 200 && ms <= 6500): RigTime {
  const pauses: number[] = []
  const waits = new Map<number, Set<() => void>>()
  return {
    pauses,
    pass: ms => {
      for (const resolve of waits.get(ms) ?? []) resolve()
      waits.delete(ms)
    },
    world: {
      now: () => new Date('2026-01-02T03:04:05Z'),
      randomBytes: length => new Uint8Array(length),
      sleep: async (ms, signal) => {
        signal.throwIfAborted()
        if (isPassing(ms)) {
          pauses.push(ms)
          return await turn()
        }
        const wait = Promise.withResolvers<void>()
        waits.set(ms, (waits.get(ms) ?? new Set()).add(wait.resolve))
        signal.addEventListener('abort', () => wait.reject(signal.reason), { once: true })
        await wait.promise
      },
    },
  }
}

/** Waits, without a clock, for what others are doing. */
export async function untilSo(what: string, isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    assert.ok(turns < 5000, `${what}: it never comes`)
    await turn()
  }
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
