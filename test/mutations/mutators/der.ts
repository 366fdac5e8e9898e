import { concatBytes } from '../../../src/codec/bytes.ts'
import { derTag } from '../../../src/codec/der.ts'
import type { Change } from '../change.ts'
import { contentBytes, type DerSpot, type DerTree, derBytes, derSpotsOf, derTreeOf, padded } from '../der-tree.ts'
import type { Random } from '../random.ts'
import { twinOfSignature } from './ecdsa-twin.ts'

/** What is done to DER: at most `spots` of its values are changed each in every way, with the lengths around them made right. */
export function changesOfDer(bytes: Uint8Array, random: Random, spots: number): readonly Change<Uint8Array>[] {
  const tree = derTreeOf(bytes)
  if (!tree) return []
  const all = derSpotsOf(tree)
  const twin = twinOfSignature(bytes)
  return [
    ...(twin ? [{ kind: 'ECDSA twin', value: twin }] : []),
    ...all.filter(({ node }) => node.tag === derTag.octetString || node.tag === derTag.bitString).flatMap(innerTwin),
    ...random.sample(all, spots).flatMap(spot => changesOfSpot(spot, random)),
  ]
}

/** A signature inside, as a certificate and a timestamp hold one. */
function innerTwin({ node, put }: DerSpot): readonly Change<Uint8Array>[] {
  const content = contentBytes(node)
  const unused = node.tag === derTag.bitString ? content.subarray(0, 1) : new Uint8Array(0)
  const twin = twinOfSignature(content.subarray(unused.length))
  return twin ? [{ kind: 'inner ECDSA twin', value: derBytes(put({ ...node, content: concatBytes(unused, twin) })!) }] : []
}

function changesOfSpot({ node, put }: DerSpot, random: Random): readonly Change<Uint8Array>[] {
  const content = contentBytes(node)
  const changes: (readonly [kind: string, ...others: readonly DerTree[]])[] = [
    ['length in an octet more', { ...node, length: padded }],
    ['indefinite length', { tag: node.tag, content: concatBytes(content, Uint8Array.of(0, 0)), length: () => Uint8Array.of(0x80) }],
    ['length too long', { ...node, content, length: () => Uint8Array.of(0x84, 0xff, 0xff, 0xff, 0xff) }],
    ['value removed'],
    ['value twice', node, node],
    ['value emptied', { ...node, content: new Uint8Array(0) }],
    ['value nested', { tag: derTag.sequence, content: [node] }],
    ['value truncated', { ...node, content: content.subarray(0, -1) }],
    ['value extended', { ...node, content: concatBytes(content, Uint8Array.of(0)) }],
    ['value before it', { tag: derTag.null, content: new Uint8Array(0) }, node],
    ['value after it', node, { tag: derTag.null, content: new Uint8Array(0) }],
    ['other tag', { ...node, tag: node.tag ^ (1 << random.below(5)) }],
    ['constructed bit turned', { ...node, tag: node.tag ^ 0x20 }],
    ['class turned', { ...node, tag: node.tag ^ 0x80 }],
    ...ofItsType(node, content, random),
  ]
  return changes.flatMap(([kind, ...others]) => {
    const changed = put(...others)
    return changed ? [{ kind: `DER: ${kind}`, value: derBytes(changed) }] : []
  })
}

function ofItsType(
  node: DerTree,
  content: Uint8Array,
  random: Random,
): readonly (readonly [kind: string, ...others: readonly DerTree[]])[] {
  const set = (kind: string, value: DerTree['content']) => [kind, { ...node, content: value }] as const
  const flipped = () => {
    const bit = random.below(content.length * 8)
    return content.with(bit >> 3, content[bit >> 3]! ^ (1 << (bit & 7)))
  }
  if (node.content instanceof Uint8Array && content.length > 0)
    switch (node.tag) {
      case derTag.integer:
        return [
          set('integer padded', concatBytes(Uint8Array.of(content[0]! < 0x80 ? 0 : 0xff), content)),
          set('integer up by one', content.with(-1, (content.at(-1)! + 1) & 0xff)),
          set('integer negated', content.with(0, content[0]! ^ 0x80)),
        ]
      case derTag.boolean:
        return [set('boolean 01', Uint8Array.of(1)), set('boolean turned', Uint8Array.of(content[0]! ^ 0xff))]
      case derTag.bitString:
        return [set('unused bits', content.with(0, 1)), set('flipped bit', flipped())]
      case derTag.utcTime:
      case derTag.generalizedTime:
        return [
          set('second later', content.with(-2, content.at(-2)! === 0x39 ? 0x30 : content.at(-2)! + 1)),
          set('offset for Z', concatBytes(content.subarray(0, -1), new TextEncoder().encode('+0000'))),
          set('fraction of zeros', concatBytes(content.subarray(0, -1), new TextEncoder().encode('.000Z'))),
          set('without seconds', concatBytes(content.subarray(0, -3), content.subarray(-1))),
        ]
      case derTag.oid:
        return [
          set('arc padded', concatBytes(content.subarray(0, 1), Uint8Array.of(0x80), content.subarray(1))),
          set('last arc up by one', content.with(-1, content.at(-1)! ^ 1)),
        ]
      default:
        return [set('flipped bit', flipped())]
    }
  if (node.content instanceof Uint8Array || node.content.length < 2) return []
  return [set('members reversed', node.content.toReversed()), set('first member last', [...node.content.slice(1), node.content[0]!])]
}
