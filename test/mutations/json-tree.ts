/** JSON as it is written: members may come twice, and a scalar is its own text, so that any spelling of it can be made. */
export type JsonTree =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: JsonTree])[] }
  | { readonly kind: 'array'; readonly items: readonly JsonTree[] }
  | { readonly kind: 'scalar'; readonly text: string }

/** Names of members and indexes of arrays, from the root down. */
export type JsonPath = readonly (string | number)[]

/** The tree of a value. */
export function treeOf(value: unknown): JsonTree {
  if (Array.isArray(value)) return { kind: 'array', items: value.map(treeOf) }
  if (typeof value === 'object' && value !== null)
    return { kind: 'object', members: Object.entries(value).map(([name, member]) => [JSON.stringify(name), treeOf(member)]) }
  return { kind: 'scalar', text: JSON.stringify(value) }
}

/** The value of a scalar. */
export function scalarValue(tree: JsonTree): unknown {
  return tree.kind === 'scalar' ? JSON.parse(tree.text) : undefined
}

/** The tree as compact text. Names of members are texts too: `"logIndex"` with its quotes. */
export function printTree(tree: JsonTree): string {
  switch (tree.kind) {
    case 'object':
      return `{${tree.members.map(([name, value]) => `${name}:${printTree(value)}`).join(',')}}`
    case 'array':
      return `[${tree.items.map(printTree).join(',')}]`
    case 'scalar':
      return tree.text
    default:
      throw new TypeError(`unhandled tree ${tree satisfies never}`)
  }
}

/** A node, where it stands, and the whole document with something else in its place. */
export type JsonSpot = {
  readonly path: JsonPath
  readonly node: JsonTree
  readonly put: (other: JsonTree) => JsonTree
}

/** Every node of a tree, the root first. */
export function spotsOf(tree: JsonTree, path: JsonPath = [], put: JsonSpot['put'] = other => other): readonly JsonSpot[] {
  const self = { path, node: tree, put }
  if (tree.kind === 'object') {
    const { members } = tree
    return [
      self,
      ...members.flatMap(([name, value], at) =>
        spotsOf(value, [...path, JSON.parse(name) as string], other => put({ kind: 'object', members: members.with(at, [name, other]) })),
      ),
    ]
  }
  if (tree.kind === 'array')
    return [
      self,
      ...tree.items.flatMap((item, at) => spotsOf(item, [...path, at], other => put({ ...tree, items: tree.items.with(at, other) }))),
    ]
  return [self]
}

/** A path as classes of mutants name it, whatever the index: `verificationMaterial.tlogEntries[].logIndex`. */
export function placeOf(path: JsonPath): string {
  return path
    .map(step => (typeof step === 'number' ? '[]' : `.${step}`))
    .join('')
    .replace(/^\./, '')
}
