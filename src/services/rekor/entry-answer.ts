import { encodeBase64 } from '../../codec/base64.ts'
import { encodeHex } from '../../codec/hex.ts'
import { decodeEntryExtra } from './entry-extra.ts'
import { entryIdOf, type TreeEntry } from './rekor-trees.ts'

/** What Rekor v1 says of an entry, ready for JSON: `{ID: {body, integratedTime, …}}`. services §3.2 */
export function entryAnswer({ tree, included: { entry, head, path } }: TreeEntry): object {
  const { signedEntryTimestamp, attestation } = decodeEntryExtra(entry.extra)
  return {
    [entryIdOf(tree, entry.leafHash)]: {
      ...(attestation && { attestation: { data: encodeBase64(attestation) } }),
      body: encodeBase64(entry.data),
      integratedTime: Number(entry.timeMs / 1000n),
      logID: encodeHex(tree.publicKey.id),
      logIndex: Number(tree.firstIndex + entry.index),
      verification: {
        inclusionProof: {
          checkpoint: head.note,
          hashes: path.map(encodeHex),
          logIndex: Number(entry.index),
          rootHash: encodeHex(head.root),
          treeSize: Number(head.size),
        },
        signedEntryTimestamp: encodeBase64(signedEntryTimestamp),
      },
    },
  }
}
