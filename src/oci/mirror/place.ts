import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'

/** A repository and how to reach it: of a registry, or of a layout on disk. */
export type Place = {
  readonly client: RegistryClient
  readonly repository: Repository
  /**
   * Where attached things are kept, if not beside the image (`COSIGN_REPOSITORY`): at a source they are looked for in both,
   * at a destination they are written there alone.
   */
  readonly attached?: Repository
}

/** Where what is attached to an image is written. */
export function attachedRepository({ repository, attached }: Place): Repository {
  return attached ?? repository
}

/** A place whose requests wait until one of the slots is free, so that as many as there are slots are under way. */
export function boundPlace(place: Place, inSlot: Slots): Place {
  const { client } = place
  const bound: RegistryClient = {
    ...client, // streamBlob is read by a pushBlob, which has a slot
    fetchManifest: (...args) => inSlot(() => client.fetchManifest(...args)),
    headManifest: (...args) => inSlot(() => client.headManifest(...args)),
    pushManifest: (...args) => inSlot(() => client.pushManifest(...args)),
    fetchBlob: (...args) => inSlot(() => client.fetchBlob(...args)),
    hasBlob: (...args) => inSlot(() => client.hasBlob(...args)),
    pushBlob: (...args) => inSlot(() => client.pushBlob(...args)),
    listTags: (...args) => inSlot(() => client.listTags(...args)),
    fetchReferrersPage: (...args) => inSlot(() => client.fetchReferrersPage(...args)),
  }
  return { ...place, client: bound }
}

/** Runs a task once fewer than so many others are under way. */
export type Slots = <T>(task: () => Promise<T>) => Promise<T>

/** Makes slots, at least one; tasks take them in the order they came. A task must not wait for another slot. */
export function createSlots(width: number): Slots {
  let free = width
  const waiting: (() => void)[] = []
  return async task => {
    if (free > 0) free--
    else await new Promise<void>(resolve => void waiting.push(resolve))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
