import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import type { Sha256 } from '../crypto/digest.ts'
import type { HeadSigner } from './note-heads.ts'
import { corrupt, type Published, unavailable } from './published.ts'
import type { StoredState } from './store.ts'
import type { SignedHead } from './tile-log.ts'
import type { Tree } from './tree.ts'

/** How far the log has come in its store. */
export type Committed = { readonly state: StoredState; readonly tree: Tree }

/** What is done to a committed head before anybody is told of it. */
export type HeadSteps = HeadSigner & {
  /** Resolves when the head outlives a crash. Called for heads that could not be made again as they were. */
  readonly writeHead: (published: Published) => Promise<void>
}

/**
 * The head of what is committed, fit to be published. The last one of a log is written first: when somebody reads that a log has ended, it has.
 *
 * @throws CountersignError `STORE_UNAVAILABLE`; the entries under it are durable, and the next head covers them
 */
export async function makeHead(steps: HeadSteps, { state, tree }: Committed): Promise<Published> {
  const published = { head: await signHead(steps, state), tree }
  if (state.frozen !== undefined) await steps.writeHead(published)
  return published
}

/** Signs a committed head, and reads what was signed. */
async function signHead(signer: HeadSigner, { size, root, timeMs, frozen }: StoredState): Promise<SignedHead> {
  const head = { size: BigInt(size), root, timeMs: BigInt(timeMs), ...(frozen !== undefined && { frozen }) }
  try {
    const note = await signer.signHead(head)
    const said = await signer.verifyHead(note)
    if (said.size !== head.size || !bytesEqual(said.root, root))
      throw corrupt(`the head of size ${size} was signed as one of size ${said.size}`)
    if (said.frozen !== frozen) throw corrupt(`the head of size ${size} was signed with another word of its end`)
    return { ...head, note }
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'STORE_CORRUPT') throw cause
    throw unavailable(`the head of size ${size} could not be signed`, cause)
  }
}

/**
 * Proves that a tree begins with what was published.
 *
 * @throws CountersignError `STORE_CORRUPT`: an older backup, or another tree (G2, G8)
 */
export async function checkExtends(tree: Tree, head: { readonly size: bigint; readonly root: Sha256 }): Promise<void> {
  const { size } = tree.edge
  if (head.size > BigInt(size))
    throw corrupt(`a head of size ${head.size} was published, and ${size} entries are stored: an older backup must not be continued`)
  const root = await tree.rootAt(Number(head.size))
  if (!bytesEqual(root, head.root))
    throw corrupt(`root ${encodeHex(head.root)} was published for size ${head.size}, and what is stored has root ${encodeHex(root)}`)
}
