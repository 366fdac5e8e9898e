import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../codec/json.ts'

/** A member that a reader of documents must look at. */
export type MemberCase = {
  readonly at: readonly (string | number)[] // from the document down
  readonly message: RegExp
  readonly isOptional?: boolean // left out it is no error
}

/** Tests that a document is read as it is, and refused with the place once a member is of another type, or is missing. */
export function testMembers(name: string, read: (document: Json) => unknown, document: Json, members: readonly MemberCase[]): void {
  test(`${name}: the document as it is`, () => void read(document))
  for (const { at, message, isOptional } of members) {
    const place = at.join('.') || 'the document'
    test(`${name} refuses ${place} of another type`, () =>
      assert.throws(() => read(replaced(document, at, true)!), { code: 'PREDICATE_MALFORMED', message }))
    if (at.length > 0 && typeof at.at(-1) === 'string')
      test(`${name} ${isOptional ? 'does without' : 'refuses to do without'} ${place}`, () => {
        const without = replaced(document, at, undefined)!
        if (isOptional) read(without)
        else assert.throws(() => read(without), { code: 'PREDICATE_MALFORMED', message })
      })
  }
}

/** The document with another value in one place; without the member, for `undefined`. */
function replaced(document: Json | undefined, [member, ...rest]: readonly (string | number)[], value: Json | undefined): Json | undefined {
  if (member === undefined) return value
  assert.ok(typeof document === 'object' && document !== null && member in document, `${member} is in the document`)
  const inner = replaced((document as Record<string | number, Json>)[member], rest, value)
  if (Array.isArray(document)) return document.with(member as number, inner)
  const { [member]: _, ...others } = document as Record<string, Json>
  return inner === undefined ? others : { ...others, [member]: inner }
}
