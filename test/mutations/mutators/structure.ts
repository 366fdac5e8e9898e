import type { Change } from '../change.ts'
import type { JsonTree } from '../json-tree.ts'

const scalar = (text: string): JsonTree => ({ kind: 'scalar', text })
const otherTypes: readonly (readonly [name: string, tree: JsonTree])[] = [
  ['null', scalar('null')],
  ['true', scalar('true')],
  ['a number', scalar('7')],
  ['a string', scalar('"7"')],
  ['an object', { kind: 'object', members: [] }],
  ['an array', { kind: 'array', items: [] }],
]

/** What is done to any JSON value: the wrong type, and a level more around it. */
export function changesOfType(node: JsonTree): readonly Change<JsonTree>[] {
  return [
    ...otherTypes.map(([name, value]) => ({ kind: `becomes ${name}`, value })),
    { kind: 'nested in an array', value: { kind: 'array', items: [node] } },
    { kind: 'nested in an object', value: { kind: 'object', members: [['"value"', node]] } },
  ]
}

/** What is done to an object by its members: each removed, twice, renamed, and more of them. */
export function changesOfMembers(node: JsonTree): readonly Change<JsonTree>[] {
  if (node.kind !== 'object') return []
  const { members } = node
  const object = (kind: string, changed: typeof members): Change<JsonTree> => ({ kind, value: { kind: 'object', members: changed } })
  const ofEach = members.flatMap(([token, value], at) => {
    const name = JSON.parse(token) as string
    const renamed = (kind: string, other: string) => object(`${kind}: ${name}`, members.with(at, [JSON.stringify(other), value]))
    const snake = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
    return [
      object(`removed: ${name}`, members.toSpliced(at, 1)),
      object(`twice: ${name}`, [...members, [token, value]]),
      object(`null before it: ${name}`, members.toSpliced(at, 0, [token, scalar('null')])),
      object(`null after it: ${name}`, [...members, [token, scalar('null')]]),
      object(`empty object before it: ${name}`, members.toSpliced(at, 0, [token, { kind: 'object', members: [] }])),
      object(`twice, escaped: ${name}`, [...members, [escaped(name), value]]),
      object(`name escaped: ${name}`, members.with(at, [escaped(name), value])),
      renamed('name in lower case', name.toLowerCase()),
      renamed('name in upper case', name.toUpperCase()),
      renamed('name ends in a space', `${name} `),
      renamed('name unknown', `${name}X`),
      ...(snake === name
        ? []
        : [renamed('proto name', snake), object(`both names: ${name}`, [...members, [JSON.stringify(snake), value]])]),
    ]
  })
  return [
    ...ofEach,
    object('unknown member', [...members, ['"unknown"', scalar('1')]]),
    object('unknown members nested', [
      ...members,
      ['"unknown"', { kind: 'object', members: [['"a"', { kind: 'array', items: [scalar('1')] }]] }],
    ]),
    object('prototype member', [...members, ['"__proto__"', { kind: 'object', members: [] }]]),
    object('type member', [...members, ['"@type"', scalar('"type.googleapis.com/dev.sigstore.bundle.v1.Bundle"')]]),
    object('members reversed', members.toReversed()),
    object('emptied', []),
  ]
}

function escaped(name: string): string {
  return `"\\u${name.codePointAt(0)!.toString(16).padStart(4, '0')}${name.slice(1)}"`
}

/** What is done to an array by its items. */
export function changesOfItems(node: JsonTree): readonly Change<JsonTree>[] {
  if (node.kind !== 'array') return []
  const { items } = node
  const array = (kind: string, changed: typeof items): Change<JsonTree> => ({ kind, value: { kind: 'array', items: changed } })
  const [first] = items
  return [
    array('emptied', []),
    array('null item before', [scalar('null'), ...items]),
    array('null item after', [...items, scalar('null')]),
    array('empty item before', [{ kind: 'object', members: [] }, ...items]),
    array('empty item after', [...items, { kind: 'object', members: [] }]),
    array('reversed', items.toReversed()),
    array('first item removed', items.slice(1)),
    array('last item removed', items.slice(0, -1)),
    ...(first
      ? [
          array('first item twice', [first, ...items]),
          array('all items twice', [...items, ...items]),
          array(
            'forty items',
            Array.from({ length: 40 }, () => first),
          ),
        ]
      : []),
    ...(items.length > 1 ? [array('first item last', [...items.slice(1), first!])] : []),
  ]
}
