import { concatBytes } from '../../src/codec/bytes.ts'

/** A value of BER as it is written: its length may be spelled in any way, and a constructed one holds others. */
export type DerTree = {
  readonly tag: number
  readonly content: Uint8Array | readonly DerTree[]
  /** Octets of the length; the shortest unless given. */
  readonly length?: (length: number) => Uint8Array
}

/** Reads DER of any type; nothing when the bytes are not exactly one value. */
export function derTreeOf(bytes: Uint8Array): DerTree | undefined {
  const read = readTrees(bytes)
  return read?.length === 1 ? read[0] : undefined
}

function readTrees(bytes: Uint8Array): readonly DerTree[] | undefined {
  const trees: DerTree[] = []
  for (let at = 0; at < bytes.length; ) {
    const [tag, first] = [bytes[at]!, bytes[at + 1]]
    if (first === undefined || (tag & 0x1f) === 0x1f || first === 0x80 || first > 0x84) return undefined
    const octets = first < 0x80 ? 0 : first & 0x7f
    const start = at + 2 + octets
    let length = octets === 0 ? first : 0
    for (const octet of bytes.subarray(at + 2, start)) length = length * 256 + octet
    if (start + length > bytes.length) return undefined
    const content = bytes.subarray(start, start + length)
    trees.push({ tag, content: (tag & 0x20) !== 0 ? (readTrees(content) ?? content) : content })
    at = start + length
  }
  return trees
}

/** The tree as bytes; lengths follow from what is inside. */
export function derBytes(tree: DerTree): Uint8Array {
  const content = contentBytes(tree)
  return concatBytes(Uint8Array.of(tree.tag), (tree.length ?? shortest)(content.length), content)
}

/** What a value holds, as bytes. */
export function contentBytes({ content }: DerTree): Uint8Array {
  return content instanceof Uint8Array ? content : concatBytes(...content.map(derBytes))
}

/** The shortest octets for a length, X.690 §10.1. */
export function shortest(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  return Uint8Array.of(0x80 | octetsOf(length).length, ...octetsOf(length))
}

/** A length in one octet more than it takes, which BER allows and DER does not. */
export function padded(length: number): Uint8Array {
  const octets = length < 0x80 ? [length] : [0, ...octetsOf(length)]
  return Uint8Array.of(0x80 | octets.length, ...octets)
}

function octetsOf(length: number): readonly number[] {
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return octets
}

/** A node, where it stands (`0.3.1`: second of the fourth of the first), and the whole with something else in its place. */
export type DerSpot = {
  readonly place: string
  readonly node: DerTree
  /** None removes it, several stand there instead. */
  readonly put: (...others: readonly DerTree[]) => DerTree | undefined
}

/** Every node of a tree, the root first. */
export function derSpotsOf(
  tree: DerTree,
  place = '',
  put: DerSpot['put'] = (...others) => (others.length === 1 ? others[0] : undefined),
): readonly DerSpot[] {
  const { content } = tree
  if (content instanceof Uint8Array) return [{ place, node: tree, put }]
  const inner = content.flatMap((node, at) =>
    derSpotsOf(node, place === '' ? `${at}` : `${place}.${at}`, (...others) =>
      put({ ...tree, content: content.toSpliced(at, 1, ...others) }),
    ),
  )
  return [{ place, node: tree, put }, ...inner]
}
