import { encodeHex } from '../../codec/hex.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Included, TileLog } from '../../log/tile-log.ts'

/** What is read of a tree of Rekor v1. Its heads are notes by `publicKey` of `HOST - TREEID`. */
export type ReadableTree = {
  readonly treeId: bigint // 1 to 2^63 - 1
  readonly publicKey: PublicKey
  readonly log: Pick<TileLog, 'head' | 'entry' | 'find' | 'include' | 'search' | 'consistencyPath'>
}

/** An entry in its tree. */
export type TreeEntry = { readonly tree: NumberedTree; readonly included: Included }

/** A tree, and how many entries the trees before it have: clients count them all. */
export type NumberedTree = ReadableTree & { readonly firstIndex: bigint }

/** The trees of one Rekor v1, which all but the last have ended. */
export type RekorTrees = {
  readonly active: NumberedTree
  readonly inactive: readonly NumberedTree[] // oldest first
  readonly byId: (treeId: bigint) => NumberedTree | undefined
  /** By the index that is counted across trees. */
  readonly byIndex: (virtualIndex: bigint) => Promise<TreeEntry | undefined>
  /** In one tree, or in the first that has it: the active one, then from the oldest on. */
  readonly byLeafHash: (leafHash: Sha256, tree?: NumberedTree) => Promise<TreeEntry | undefined>
}

/** @param earlier - trees that have ended, oldest first */
export function numberTrees(active: ReadableTree, earlier: readonly ReadableTree[]): RekorTrees {
  let firstIndex = 0n
  const inactive = earlier.map(tree => {
    const numbered = { ...tree, firstIndex }
    firstIndex += tree.log.head().size
    return numbered
  })
  const current = { ...active, firstIndex }
  const all = [current, ...inactive]
  const include = async (tree: NumberedTree, index: bigint | undefined): Promise<TreeEntry | undefined> => {
    const included = index === undefined ? undefined : await tree.log.include(index)
    return included && { tree, included }
  }
  return {
    active: current,
    inactive,
    byId: treeId => all.find(tree => tree.treeId === treeId),
    byIndex: virtualIndex => {
      const tree =
        inactive.findLast(({ firstIndex: first, log }) => virtualIndex >= first && virtualIndex < first + log.head().size) ?? current
      return virtualIndex < tree.firstIndex ? Promise.resolve(undefined) : include(tree, virtualIndex - tree.firstIndex)
    },
    byLeafHash: async (leafHash, only) => {
      for (const tree of only ? [only] : all) {
        const found = await include(tree, await tree.log.find(leafHash))
        if (found) return found
      }
      return undefined
    },
  }
}

/** How an entry is named: 16 hex digits of its tree, 64 of its leaf hash. services §3.2 */
export function entryIdOf({ treeId }: Pick<ReadableTree, 'treeId'>, leafHash: Sha256): string {
  return treeId.toString(16).padStart(16, '0') + encodeHex(leafHash)
}
