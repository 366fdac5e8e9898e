import { listImageTree } from '../../../oci/image-tree.ts'
import { childOf, type Named, type Queued, type Subject } from './subject.ts'

/**
 * The images that one command is to verify, in order; each name comes once. With `recursive` an index is followed by every
 * manifest in it, listed when its turn comes.
 */
export class ImageQueue {
  readonly #recursive: boolean
  readonly #signal: AbortSignal
  readonly #waiting: Queued[] // the next one last
  readonly #underway: Named[] = []
  readonly #names: Set<string>

  constructor(subjects: readonly Queued[], options: { readonly recursive: boolean; readonly signal: AbortSignal }) {
    this.#recursive = options.recursive
    this.#signal = options.signal
    this.#names = new Set(subjects.map(({ name }) => name))
    this.#waiting = [...new Map(subjects.map(subject => [subject.name, subject])).values()].reverse()
  }

  /** How many there are, as far as that is known without looking into indexes. */
  get size(): number | undefined {
    return this.#recursive ? undefined : this.#names.size
  }

  async *take(): AsyncGenerator<Queued> {
    const roots = new Set<Queued>(this.#recursive ? this.#waiting : [])
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      this.#underway.push(next)
      yield roots.delete(next) && !('failure' in next) ? await this.#lookInto(next) : next
    }
  }

  /** Says that the first of those taken is dealt with. */
  settle(): void {
    this.#underway.shift()
  }

  /** Those that were not dealt with. */
  left(): readonly Named[] {
    return [...this.#underway, ...this.#waiting.toReversed()]
  }

  async #lookInto(subject: Subject): Promise<Queued> {
    try {
      const { client, reference } = subject
      const root = await client.resolve(reference, this.#signal)
      const [, ...nodes] = await listImageTree(client, reference, root, this.#signal)
      const children = nodes.map(({ descriptor }) => childOf(subject, descriptor.digest)).filter(({ name }) => !this.#names.has(name))
      for (const { name } of children) this.#names.add(name)
      this.#waiting.push(...children.reverse())
      return { ...subject, digest: root.digest }
    } catch (failure) {
      const { typed, name } = subject
      return { typed, name, failure }
    }
  }
}
