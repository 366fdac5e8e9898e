/** What the OpenID provider keeps of one model, in the shape in which it asks for it. */
export type ProviderAdapter = {
  readonly upsert: (id: string, payload: Payload, expiresInSeconds?: number) => Promise<void>
  readonly find: (id: string) => Promise<Payload | undefined>
  readonly findByUserCode: (userCode: string) => Promise<Payload | undefined>
  readonly findByUid: (uid: string) => Promise<Payload | undefined>
  readonly consume: (id: string) => Promise<void>
  readonly destroy: (id: string) => Promise<void>
  readonly revokeByGrantId: (grantId: string) => Promise<void>
}

/** What the provider keeps, by its own names. */
export type Payload = { readonly [member: string]: unknown }

/** Sign-ins under way: codes, sessions, grants. Lost when the process ends, which costs whoever was signing in a second attempt. */
export type IssuerState = {
  readonly adapter: (model: string) => ProviderAdapter
  /**
   * Makes room for another sign-in: what has expired goes, then what was begun the longest ago and has no user yet. So whoever begins sign-ins
   * without end keeps nobody out, and ends none that a user has signed in for.
   *
   * @returns what had to go before its time; nothing where there is no room even so. Those under way still have some then.
   */
  readonly makeRoom: () => number | undefined
}

/** What sign-ins under way may take. */
export type StateLimits = { readonly items: number; readonly bytes: number }

type Item = { readonly json: string; readonly expiresMs: number; readonly keys: readonly string[]; readonly hasUser: boolean }

/**
 * Keeps them in memory.
 *
 * @param limits - of what sign-ins may take; twice that is refused even to those under way
 */
export function createIssuerState(now: () => Date, limits: StateLimits): IssuerState {
  const items = new Map<string, Item>() // what was written the longest ago is the first
  const index = new Map<string, string>() // secondary key -> key
  let bytes = 0

  const forget = (key: string): void => {
    const item = items.get(key)
    if (!item) return
    items.delete(key)
    bytes -= item.json.length
    for (const secondary of item.keys) if (index.get(secondary) === key) index.delete(secondary)
  }
  const forgetExpired = (): void => {
    const nowMs = now().getTime()
    for (const [key, { expiresMs }] of items) if (expiresMs <= nowMs) forget(key)
  }
  const exceeds = (times: number): boolean => items.size >= times * limits.items || bytes >= times * limits.bytes
  const read = (key: string | undefined): Payload | undefined => {
    const item = key === undefined ? undefined : items.get(key)
    return item && item.expiresMs > now().getTime() ? (JSON.parse(item.json) as Payload) : undefined
  }

  const adapter = (model: string): ProviderAdapter => {
    const keyOf = (id: string): string => `${model} ${id}`
    const store = (id: string, payload: Payload, expiresMs: number): void => {
      const key = keyOf(id)
      forget(key)
      if (exceeds(2)) forgetExpired()
      if (exceeds(2)) throw new Error('too many sign-ins are under way')
      const keys = ['uid', 'userCode'].flatMap(name => (typeof payload[name] === 'string' ? [`${model} ${name} ${payload[name]}`] : []))
      const json = JSON.stringify(payload)
      items.set(key, { json, expiresMs, keys, hasUser: hasUser(payload) })
      bytes += json.length
      for (const secondary of keys) index.set(secondary, key)
    }
    return {
      upsert: async (id, payload, expiresInSeconds) => {
        store(id, payload, expiresInSeconds === undefined ? Number.POSITIVE_INFINITY : now().getTime() + expiresInSeconds * 1000)
      },
      find: async id => read(keyOf(id)),
      findByUserCode: async userCode => read(index.get(`${model} userCode ${userCode}`)),
      findByUid: async uid => read(index.get(`${model} uid ${uid}`)),
      consume: async id => {
        const [payload, item] = [read(keyOf(id)), items.get(keyOf(id))]
        if (payload && item) store(id, { ...payload, consumed: Math.floor(now().getTime() / 1000) }, item.expiresMs)
      },
      destroy: async id => forget(keyOf(id)),
      revokeByGrantId: async grantId => {
        for (const [key, { json }] of items)
          if (key.startsWith(`${model} `) && (JSON.parse(json) as Payload)['grantId'] === grantId) forget(key)
      },
    }
  }

  return {
    adapter,
    makeRoom: () => {
      if (exceeds(1)) forgetExpired()
      let forgotten = 0
      for (const [key, item] of items) {
        if (!exceeds(1)) break
        if (item.hasUser) continue
        forget(key)
        forgotten++
      }
      return exceeds(1) ? undefined : forgotten
    },
  }
}

/** Whether a user has signed in, as each model of the provider says it: codes, grants and sessions; a sign-in that is to be resumed. */
function hasUser({ accountId, result, session }: Payload): boolean {
  const { login } = (result ?? {}) as { readonly login?: unknown }
  const { accountId: inSession } = (session ?? {}) as { readonly accountId?: unknown }
  return accountId !== undefined || login !== undefined || inSession !== undefined
}
