import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coversScope, parseScope, repositoryScope, scopeParameters, unionOfScopes } from './scope.ts'

for (const { text, want } of [
  { text: 'repository:team/app:pull,push', want: ['repository:team/app:pull,push'] },
  { text: 'repository:team/app:push,pull repository:b:delete,pull', want: ['repository:b:pull,delete', 'repository:team/app:pull,push'] },
  { text: 'repository:host:5000/app:pull', want: ['repository:host:5000/app:pull'] },
  { text: 'repository(plugin):a/b:pull', want: ['repository(plugin):a/b:pull'] },
  { text: 'registry:catalog:*', want: ['registry:catalog:*'] },
  { text: 'nonsense repository:a:pull "x"', want: ['repository:a:pull'] },
  { text: 'repository:a b:pull', want: [] },
  { text: '', want: [] },
  {
    text: Array.from({ length: 20 }, (_, n) => `repository:a${n}:pull`).join(' '),
    want: Array.from({ length: 8 }, (_, n) => `repository:a${n}:pull`),
  },
])
  test(`parseScope: ${text.slice(0, 60)}`, () => assert.deepEqual(scopeParameters(parseScope(text)), want))

test('coversScope: every resource and every action', () => {
  const have = unionOfScopes(repositoryScope('a', ['pull']), repositoryScope('a', ['push']), repositoryScope('b', ['pull']))
  assert.deepEqual(scopeParameters(have), ['repository:a:pull,push', 'repository:b:pull'])
  assert.equal(coversScope(have, repositoryScope('a', ['pull'])), true)
  assert.equal(coversScope(have, have), true)
  assert.equal(coversScope(have, repositoryScope('a', ['delete'])), false)
  assert.equal(coversScope(have, repositoryScope('b', ['pull', 'push'])), false)
  assert.equal(coversScope(have, repositoryScope('c', ['pull'])), false)
})
