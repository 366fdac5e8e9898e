import type { World } from '../../codec/world.ts'
import type { ImageReference, Repository } from '../reference.ts'
import { createRegistryClient, type RegistryClient, type ResolvedImage } from '../registry-client.ts'
import { createSend, repositoryUrl, type Send } from '../registry-exchange.ts'
import { createRegistryFetch, type RegistryFetchOptions } from '../registry-fetch.ts'
import { createObserver, type Observer } from './observer.ts'

/** What is to be examined, and how it is reached. */
export type ExaminationOptions = {
  readonly image: ImageReference
  readonly repository: Repository // where its signatures are kept
  readonly access: RegistryFetchOptions
  readonly locateCredentials: (host: string) => Promise<string | undefined> // where those for a host come from, never their secrets
  readonly verifiesTls: boolean
  readonly attachmentBytes?: number // of one signature at most
}

/** An examination under way. */
export type Examination = ExaminationOptions & {
  readonly world: World // its fetch is observed
  readonly host: string
  readonly observer: Observer
  readonly client: RegistryClient
  readonly send: Send
  readonly signal: AbortSignal
  resolved?: ResolvedImage // once the image was found
}

/** Begins an examination: nothing is asked yet. */
export function beginExamination(world: World, options: ExaminationOptions, signal: AbortSignal): Examination {
  const { host } = repositoryUrl(options.image, '')
  const observer = createObserver(world, host, options.access.credentials)
  const observed = { ...world, fetch: observer.fetch }
  const fetch = createRegistryFetch(observed, options.access)
  return { ...options, world: observed, host, observer, client: createRegistryClient(fetch), send: createSend(fetch, false), signal }
}
