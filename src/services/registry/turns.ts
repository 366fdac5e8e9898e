/** Runs a task when those begun before it under the same key have ended; tasks of different keys do not wait for each other. */
export type InTurn = <T>(key: string, task: () => Promise<T>) => Promise<T>

/** Makes tasks that share a name wait for each other, in the order they came. */
export function createTurns(): InTurn {
  const last = new Map<string, Promise<unknown>>()
  return async (key, task) => {
    const run = (last.get(key) ?? Promise.resolve()).then(task, task)
    last.set(key, run)
    try {
      return await run
    } finally {
      if (last.get(key) === run) last.delete(key)
    }
  }
}
