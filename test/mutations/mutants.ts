import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { BundleCase } from '../conformance/bundle-cases.ts'
import type { Change } from './change.ts'
import { contentAt, textOf } from './contents.ts'
import { type JsonSpot, type JsonTree, placeOf, printTree, spotsOf, treeOf } from './json-tree.ts'
import { changesOfBytes } from './mutators/bytes.ts'
import { changesOfCheckpoint } from './mutators/checkpoint.ts'
import { changesOfDer } from './mutators/der.ts'
import { changesOfDocument } from './mutators/document.ts'
import { changesOfNumber } from './mutators/numbers.ts'
import { changesOfMediaType, changesOfText, spellingsOfBase64, spellingsOfString } from './mutators/spelling.ts'
import { changesOfItems, changesOfMembers, changesOfType } from './mutators/structure.ts'
import type { Random } from './random.ts'

/** A bundle that was changed in one way. */
export type Mutant = {
  readonly case: BundleCase
  /** `KIND @ PLACE`: what was done, and where. Differences between judges are listed by these. */
  readonly class: string
  readonly bytes: Uint8Array
}

/**
 * Mutants of one case's bundle, each of other bytes than it and than every other of them.
 *
 * @param donors - other cases, whose values are put in its place
 */
export function mutantsOf(one: BundleCase, donors: readonly BundleCase[], random: Random): readonly Mutant[] {
  const original = treeAt(one)
  const elsewhere = Map.groupBy(
    donors.flatMap(donor => spotsOf(treeAt(donor))),
    ({ path }) => placeOf(path),
  )
  const seen = new Set([digest(readFileSync(one.bundle)), digest(new TextEncoder().encode(printTree(original)))])
  const changes = [
    ...changesOfDocument(printTree(original), random).map(({ kind, value }) => ({ kind: `${kind} @ file`, value })),
    ...spotsOf(original)
      .filter(isWorthIt)
      .flatMap(spot => [...changesOfSpot(spot, random), ...swaps(spot, elsewhere, random)])
      .map(asBytes),
  ]
  return changes.flatMap(({ kind, value }) => {
    const key = digest(value)
    if (seen.has(key)) return []
    seen.add(key)
    return { case: one, class: kind, bytes: value }
  })
}

/** Of a long inclusion path the first hashes speak for the others. */
function isWorthIt({ path }: JsonSpot): boolean {
  return path.at(-2) !== 'hashes' || Number(path.at(-1)) < 2
}

function treeAt(one: BundleCase): JsonTree {
  return treeOf(JSON.parse(readFileSync(one.bundle, 'utf8')))
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

function asBytes({ kind, value }: Change<JsonTree>): Change<Uint8Array> {
  return { kind, value: new TextEncoder().encode(printTree(value)) }
}

/** Everything done to one value of the bundle, each with the whole bundle around it. */
function changesOfSpot({ path, node, put }: JsonSpot, random: Random): readonly Change<JsonTree>[] {
  const place = placeOf(path)
  const text = textOf(node)
  const changes = [
    ...changesOfType(node),
    ...changesOfMembers(node),
    ...changesOfItems(node),
    ...(node.kind === 'scalar' ? spellingsOfString(node.text).map(asScalar) : []),
    ...(text === undefined ? [] : changesInside(place, text, random)),
  ]
  return changes.map(({ kind, value }) => ({ kind: `${kind} @ ${place || 'bundle'}`, value: put(value) }))
}

function asScalar({ kind, value }: Change<string>): Change<JsonTree> {
  return { kind, value: { kind: 'scalar', text: value } }
}

/** What is done to a string by what it holds. */
function changesInside(place: string, text: string, random: Random): readonly Change<JsonTree>[] {
  const content = contentAt(place)
  const quoted = ({ kind, value }: Change<string>) => asScalar({ kind, value: JSON.stringify(value) })
  switch (content) {
    case 'media-type':
      return [...changesOfMediaType(), ...changesOfText(text)].map(quoted)
    case 'number':
      return changesOfNumber(BigInt(text)).map(asScalar)
    case 'checkpoint':
      return changesOfCheckpoint(text, random).map(quoted)
    case 'text':
      return changesOfText(text).map(quoted)
    case 'base64 of DER':
    case 'base64 of JSON':
    case 'base64 of bytes': {
      const bytes = new Uint8Array(Buffer.from(text, 'base64'))
      const changed = [
        ...changesOfBytes(bytes, random, place.includes('[]') ? 3 : 6),
        ...(content === 'base64 of DER' ? changesOfDer(bytes, random, 8) : []),
        ...(content === 'base64 of JSON' ? changesOfInnerJson(bytes, random) : []),
      ]
      const again = changed.map(({ kind, value }) => ({ kind, value: Buffer.from(value).toString('base64') }))
      return [...again, ...spellingsOfBase64(text)].map(quoted)
    }
    default:
      throw new TypeError(`unhandled content ${content satisfies never}`)
  }
}

/** A document within: the same things done to some of its values. They are signed or logged, so that all of them must show. */
function changesOfInnerJson(bytes: Uint8Array, random: Random): readonly Change<Uint8Array>[] {
  const text = new TextDecoder().decode(bytes)
  const inside = random.sample(spotsOf(treeOf(JSON.parse(text))), 12).flatMap(({ path, node, put }) => {
    const value = textOf(node)
    const changes = [
      ...changesOfType(node),
      ...changesOfMembers(node),
      ...changesOfItems(node),
      ...(value === undefined ? [] : changesOfText(value).map(change => asScalar({ ...change, value: JSON.stringify(change.value) }))),
    ]
    return random
      .sample(changes, 6)
      .map(({ kind, value }) => asBytes({ kind: `inner ${kind} at ${placeOf(path) || 'root'}`, value: put(value) }))
  })
  return [...inside, ...random.sample(changesOfDocument(text, random), 12).map(({ kind, value }) => ({ kind: `inner ${kind}`, value }))]
}

/** The same place of other cases' bundles, at most three that differ. */
function swaps(
  { path, node, put }: JsonSpot,
  elsewhere: ReadonlyMap<string, readonly JsonSpot[]>,
  random: Random,
): readonly Change<JsonTree>[] {
  const place = placeOf(path)
  if (place === '') return []
  const own = printTree(node)
  const others = new Map((elsewhere.get(place) ?? []).map(spot => [printTree(spot.node), spot.node]))
  others.delete(own)
  return random.sample([...others.values()], 3).map(other => ({ kind: `of another bundle @ ${place}`, value: put(other) }))
}
