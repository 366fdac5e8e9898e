import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import type { Sha256 } from '../crypto/digest.ts'
import { emptyRoot } from '../formats/log/merkle.ts'
import type { HeadSigner } from './note-heads.ts'
import { corrupt, type Published, unavailable } from './published.ts'
import type { StoredState } from './store.ts'
import type { SignedHead, TreeHead } from './tile-log.ts'
import type { Tree } from './tree.ts'

/** How far the log has come in its store. */
export type Committed = { readonly state: StoredState; readonly tree: Tree }

/**
 * Has others sign a head too: resolves with its note and their lines, and whether they are a quorum. `consistencyPath` leads from an earlier
 * head to this one.
 *
 * It throws `WITNESS_UNAVAILABLE` where the head is not to be published without them, and `WITNESS_CONTRADICTED` where they have seen what this
 * log does not have; what it throws of the store.
 */
export type CosignHead = (
  note: string,
  consistencyPath: (first: bigint) => Promise<readonly Sha256[]>,
) => Promise<{ readonly note: string; readonly isQuorum: boolean }>

/** What is done to a committed head before anybody is told of it. */
export type HeadSteps = HeadSigner & {
  readonly cosign: CosignHead | undefined
  /** Resolves when the head outlives a crash. Called for heads that could not be made again as they were. */
  readonly writeHead: (published: Published) => Promise<void>
}

/**
 * The head of what is committed, fit to be published. The last one of a log is written first: when somebody reads that a log has ended, it has.
 * So is one that others cosigned, for without them it could not be published again (G3).
 *
 * @throws CountersignError `STORE_UNAVAILABLE`, and what `cosign` throws; the entries under it are durable, and the next head covers them
 */
export async function makeHead(steps: HeadSteps, { state, tree }: Committed): Promise<Published> {
  const signed = { head: await signHead(steps, state), tree }
  const published = steps.cosign ? await cosigned(steps.cosign, signed) : signed
  if (steps.cosign || state.frozen !== undefined) await steps.writeHead(published)
  return published
}

/**
 * The head that a log opens with: the one that was published last, if it is of all that is committed, for what was signed is not signed again
 * (G6); else a new one. Where witnesses must cosign, and do not, or what they cosigned cannot be kept, it stays the one that was.
 *
 * @param written - the head that was published last
 * @param treeAt - the tree under an earlier head
 * @throws CountersignError `STORE_CORRUPT` where witnesses have seen what is not there (G8); `STORE_UNAVAILABLE`
 */
export async function openingHead(
  steps: HeadSteps,
  { state, tree }: Committed,
  written: SignedHead | undefined,
  treeAt: (head: TreeHead) => Promise<Tree>,
): Promise<Published> {
  const isLatest = written?.size === BigInt(state.size) && written.frozen === state.frozen
  try {
    if (!isLatest || !written) return await makeHead(steps, { state, tree })
    if (!steps.cosign) return { head: written, tree }
    return await cosignAgain({ ...steps, cosign: steps.cosign }, { head: written, tree })
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    if (cause.code === 'WITNESS_CONTRADICTED') throw corrupt(`a backup must not be continued: ${cause.message}`, cause)
    if (!steps.cosign || !/^(WITNESS|STORE)_UNAVAILABLE$/.test(cause.code)) throw cause
    const head = written ?? (await signHead(steps, { size: 0, root: emptyRoot, timeMs: state.timeMs, tilesFiled: 0 }))
    return isLatest ? { head, tree, lacksQuorum: true } : { head, tree: await treeAt(head) }
  }
}

/**
 * A head that was published before, with the lines of witnesses that it lacked.
 *
 * @throws CountersignError `STORE_UNAVAILABLE`, and what `cosign` throws
 */
export async function cosignAgain(
  { cosign, writeHead }: Pick<HeadSteps, 'writeHead'> & { readonly cosign: CosignHead },
  { head, tree }: Published,
): Promise<Published> {
  const published = await cosigned(cosign, { head, tree })
  await writeHead(published)
  return published
}

/** An empty tree has nothing that witnesses could have seen. */
async function cosigned(cosign: CosignHead, { head, tree }: Published): Promise<Published> {
  if (head.size === 0n) return { head, tree }
  const { note, isQuorum } = await cosign(head.note, first => tree.consistencyPath(Number(first), Number(head.size)))
  return { head: { ...head, note }, tree, lacksQuorum: !isQuorum }
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
