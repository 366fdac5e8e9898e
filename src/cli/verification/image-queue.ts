import { listImageTree } from '../../oci/image-tree.ts'
import { childOf, type Subject } from './subject.ts'

/** The next image, or why the images in one that was given cannot be told. */
export type Queued = { readonly subject: Subject; readonly failure?: unknown }

/**
 * The images that one command is to verify, in order; each name comes once. With `recursive` an index is followed by every
 * manifest in it, listed when its turn comes.
 */
export class ImageQueue {
  readonly #recursive: boolean
  readonly #signal: AbortSignal
  readonly #waiting: Subject[] // the next one last
  readonly #underway: Subject[] = []
  readonly #names: Set<string>

  constructor(subjects: readonly Subject[], options: { readonly recursive: boolean; readonly signal: AbortSignal }) {
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
    const roots = this.#recursive ? new Set(this.#waiting) : new Set()
    for (let subject = this.#waiting.pop(); subject; subject = this.#waiting.pop()) {
      this.#underway.push(subject)
      yield roots.delete(subject) ? await this.#lookInto(subject) : { subject }
    }
  }

  /** Says that the first of those taken is dealt with. */
  settle(): void {
    this.#underway.shift()
  }

  /** Those that were not dealt with. */
  left(): readonly Subject[] {
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
      return { subject: { ...subject, digest: root.digest } }
    } catch (failure) {
      return { subject, failure }
    }
  }
}
