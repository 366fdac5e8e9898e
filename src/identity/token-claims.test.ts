import assert from 'node:assert/strict'
import { test } from 'node:test'
import { disclosedFacts } from './disclosure.ts'
import { challengeOf, checkUsable, looksLikeToken, parseIdentityToken } from './token-claims.ts'

const part = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const now = new Date('2026-01-02T03:04:05Z')
const always = { iss: 'https://issuer.test', sub: 'someone', exp: now.getTime() / 1000 + 60 }
const tokenOf = (claims: unknown) => `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`

for (const { name, claims, challenge } of [
  { name: 'the subject', claims: {}, challenge: 'someone' },
  { name: 'the e-mail address where there is one', claims: { email: 'a@b.test', email_verified: true }, challenge: 'a@b.test' },
  { name: 'verified in words, as some issuers write it', claims: { email: 'a@b.test', email_verified: 'true' }, challenge: 'a@b.test' },
])
  test(`the challenge of a token is ${name}`, () => {
    const token = parseIdentityToken(`${tokenOf({ ...always, ...claims })}\n`)
    checkUsable(token, now)
    assert.equal(challengeOf(token), challenge)
  })

for (const { name, text, message } of [
  { name: 'two parts', text: 'eyJh.eyJi', message: /want three parts of base64url/ },
  { name: 'four parts', text: 'eyJh.eyJi.c.d', message: /want three parts/ },
  { name: 'no JSON', text: `${part({ alg: 'RS256' })}.${part('nothing')}.c`, message: /its claims are no JSON object$/ },
  { name: 'an array', text: `${part({ alg: 'RS256' })}.${part([])}.c`, message: /its claims are no JSON object$/ },
  { name: 'spare bits', text: `${part({ alg: 'RS256' })}.YQ-.c`, message: /its claims are not base64url$|no JSON object$/ },
  { name: 'no issuer', text: tokenOf({ sub: 'a', exp: 1 }), message: /iss: want a string, got nothing/ },
  { name: 'no end', text: tokenOf({ iss: 'a', sub: 'a' }), message: /exp: want a whole number, got nothing/ },
  { name: 'an end in words', text: tokenOf({ ...always, exp: 'never' }), message: /exp: want a whole number/ },
  { name: 'a subject that is none', text: tokenOf({ ...always, sub: 7 }), message: /sub: want a string, got "7"/ },
  {
    name: 'a claim twice',
    text: `${part({ alg: 'RS256' })}.${part('{"iss":"a","iss":"b"}')}.c`,
    message: /its claims are no JSON object$/,
  },
])
  test(`a token is refused: ${name}`, () => {
    assert.throws(
      () => parseIdentityToken(text),
      error => {
        assert.match(String(error), message)
        assert.ok(!String((error as Error).cause ?? '').includes(text.split('.')[1]!))
        return (error as { code?: string }).code === 'TOKEN_MALFORMED'
      },
    )
  })

test('a token past 64 KiB is not looked at', () => {
  assert.throws(() => parseIdentityToken(tokenOf({ ...always, more: 'x'.repeat(65_536) })), { code: 'LIMIT_EXCEEDED' })
})

for (const { name, claims, message } of [
  { name: 'past its end', claims: { exp: now.getTime() / 1000 }, message: /it has expired at 2026-01-02T03:04:05\.000Z/ },
  { name: 'past every calendar', claims: { exp: Number.MAX_SAFE_INTEGER }, message: /it has expired$/ },
  { name: 'an address that nobody verified', claims: { email: 'a@b.test' }, message: /has not verified the e-mail address "a@b\.test"/ },
  { name: 'nobody', claims: { sub: '' }, message: /it names nobody/ },
])
  test(`a token cannot be used: ${name}`, () => {
    assert.throws(() => checkUsable(parseIdentityToken(tokenOf({ ...always, ...claims })), now), { code: 'TOKEN_INVALID', message })
  })

for (const { text, is } of [
  { text: tokenOf(always), is: true },
  { text: 'eyJ.a.', is: true },
  { text: 'token.jwt', is: false },
  { text: './eyJ.a.b', is: false },
  { text: 'eyJ.a.b/c', is: false },
])
  test(`${text.slice(0, 12)} is meant as ${is ? 'a token' : 'a file'}`, () => assert.equal(looksLikeToken(text), is))

for (const { name, claims, facts } of [
  {
    name: 'a person',
    claims: { email: 'a@b.test', email_verified: true },
    facts: ['identity: a@b.test', 'vouched for by: https://issuer.test'],
  },
  {
    name: 'a workflow of GitHub',
    claims: {
      job_workflow_ref: 'org/app/.github/workflows/b.yml@refs/heads/main',
      repository: 'org/app',
      ref: 'refs/heads/main',
      sha: 'abc',
    },
    facts: [
      'identity: https://github.com/org/app/.github/workflows/b.yml@refs/heads/main',
      'vouched for by: https://issuer.test',
      'repository: org/app',
      'ref: refs/heads/main',
      'commit: abc',
      'subject of the token: someone',
    ],
  },
  {
    name: 'a pipeline of GitLab',
    claims: { ci_config_ref_uri: 'gitlab.com/org/app//.gitlab-ci.yml@refs/heads/main', project_path: 'org/app' },
    facts: [
      'identity: https://gitlab.com/org/app//.gitlab-ci.yml@refs/heads/main',
      'vouched for by: https://issuer.test',
      'repository: org/app',
      'subject of the token: someone',
    ],
  },
  {
    name: 'text that would drive a terminal',
    claims: { sub: 'a\u001b[2J' },
    facts: ['identity: a\\u{001b}[2J', 'vouched for by: https://issuer.test'],
  },
])
  test(`what signing makes known: ${name}`, () =>
    assert.deepEqual(disclosedFacts(parseIdentityToken(tokenOf({ ...always, ...claims }))), facts))
