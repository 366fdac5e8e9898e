/** What a token is for: resources (`repository:library/alpine`), each with its actions (`pull`, `push`, `delete`). */
export type Scope = ReadonlyMap<string, ReadonlySet<string>>

const challengeLimit = 8
const actionOrder = ['pull', 'push', 'delete']

/** Scope of one repository: `repository:NAME` with these actions. */
export function repositoryScope(repository: string, actions: readonly string[]): Scope {
  return new Map([[`repository:${repository}`, new Set(actions)]])
}

/**
 * Reads the `scope` of a challenge: at most 8 of `TYPE:NAME:ACTION,ACTION`, separated by blanks. What does not read so is
 * left out, since it only widens what is asked for.
 */
export function parseScope(text: string): Scope {
  const scope = new Map<string, Set<string>>()
  for (const part of text.slice(0, 4096).split(' ').slice(0, challengeLimit)) {
    const [, resource, actions] = /^([a-z]+(?:\([a-z]+\))?:[A-Za-z0-9._/:-]+):([a-z*,]+)$/.exec(part) ?? []
    if (resource !== undefined) scope.set(resource, new Set(actions!.split(',').filter(action => action !== '')))
  }
  return scope
}

/** All resources of all scopes, each with all its actions. */
export function unionOfScopes(...scopes: readonly Scope[]): Scope {
  const union = new Map<string, Set<string>>()
  for (const [resource, actions] of scopes.flatMap(scope => [...scope]))
    union.set(resource, new Set([...(union.get(resource) ?? []), ...actions]))
  return union
}

/** Whether a token for `have` serves a request that needs `want`. */
export function coversScope(have: Scope, want: Scope): boolean {
  return [...want].every(([resource, actions]) => [...actions].every(action => have.get(resource)?.has(action)))
}

/** One `scope` parameter per resource, in one order for equal scopes. */
export function scopeParameters(scope: Scope): string[] {
  const rank = (action: string): number => (actionOrder.includes(action) ? actionOrder.indexOf(action) : actionOrder.length)
  const sorted = (actions: ReadonlySet<string>): string[] => [...actions].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  return [...scope].map(([resource, actions]) => `${resource}:${sorted(actions).join(',')}`).sort()
}
