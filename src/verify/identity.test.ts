import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeDerText } from '../codec/der-writer.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { FulcioExtensionName } from '../formats/x509/fulcio-extensions.ts'
import { fulcioUsernameOid } from '../formats/x509/general-name.ts'
import { createRoot, type LeafOptions, type TestAuthority } from '../testing/sigstore/certificate-authority.ts'
import { readCertificateIdentity } from './certificate-identity.ts'
import { checkIdentity, describeIdentities, describeIdentity, type IdentityMatcher, problemOfMatcher } from './identity.ts'
import { parsePattern } from './pattern.ts'

let authority: TestAuthority
before(async () => {
  authority = await createRoot()
})

const identityOf = async (leaf: LeafOptions) => readCertificateIdentity((await authority.issueLeaf(leaf)).certificate)
const pattern = (source: string) => parsePattern(source, 'pattern')

const repository = 'https://github.com/org/app'
const file = '.github/workflows/build.yml'
/** What Fulcio certifies of a build on GitHub. */
function build(changes: Partial<Record<FulcioExtensionName, string>> = {}): LeafOptions {
  const uri = `${repository}/${file}@refs/heads/main`
  return {
    names: [{ kind: 'uri', value: uri }],
    fulcio: {
      issuer: 'https://token.actions.githubusercontent.com',
      'github-workflow-trigger': 'push',
      'github-workflow-repository': 'org/app',
      'github-workflow-ref': 'refs/heads/main',
      'build-signer-uri': uri,
      'source-repository-uri': repository,
      'source-repository-ref': 'refs/heads/main',
      'build-config-uri': uri,
      'build-trigger': 'push',
      ...changes,
    },
  }
}

const email: LeafOptions = {}
const several: LeafOptions = {
  names: [
    { kind: 'email', value: 'signer@example.com' },
    { kind: 'uri', value: 'https://example.com/robot' },
    { kind: 'dns', value: 'build.example.com' },
  ],
}
const username: LeafOptions = { names: [{ kind: 'other-name', type: fulcioUsernameOid, value: 'octocat!example.com' }] }
const principal: LeafOptions = { names: [{ kind: 'other-name', type: '1.3.6.1.4.1.311.20.2.3', value: 'signer@example.com' }] }
const extensionOne = (issuer: string) => ({ oid: '1.3.6.1.4.1.57264.1.1', critical: false, value: encodeUtf8(issuer) })

for (const { name, leaf, matchers } of [
  { name: 'exactly', leaf: email, matchers: [{ subject: { exact: 'signer@example.com' } }] },
  { name: 'by a pattern', leaf: email, matchers: [{ subject: { pattern: pattern('^signer@example\\.com$') } }] },
  {
    name: 'by a part that a pattern finds, for patterns are not anchored',
    leaf: email,
    matchers: [{ subject: { pattern: pattern('example') } }],
  },
  {
    name: 'exactly and by a pattern',
    leaf: email,
    matchers: [{ subject: { exact: 'signer@example.com', pattern: pattern('@example\\.com$') } }],
  },
  { name: 'by the second of several names', leaf: several, matchers: [{ subject: { exact: 'https://example.com/robot' } }] },
  { name: 'by the third of several names', leaf: several, matchers: [{ subject: { exact: 'build.example.com' } }] },
  { name: 'by the name of a user without an address', leaf: username, matchers: [{ subject: { exact: 'octocat!example.com' } }] },
  { name: 'by the issuer', leaf: email, matchers: [{ issuer: { exact: 'https://issuer.example' } }] },
  {
    name: 'by the issuer of the older extension alone',
    leaf: { without: ['1.3.6.1.4.1.57264.1.8'] },
    matchers: [{ issuer: { exact: 'https://issuer.example' } }],
  },
  {
    name: 'by the issuer of the newer extension alone',
    leaf: { without: ['1.3.6.1.4.1.57264.1.1'] },
    matchers: [{ issuer: { exact: 'https://issuer.example' } }],
  },
  {
    name: 'by one of two matchers',
    leaf: email,
    matchers: [{ subject: { exact: 'mallory@example.com' } }, { subject: { exact: 'signer@example.com' } }],
  },
  {
    name: 'by extensions',
    leaf: build(),
    matchers: [{ extensions: new Map([['github-workflow-repository', 'org/app'] as const, ['build-trigger', 'push'] as const]) }],
  },
  {
    name: 'by the build: path in the repository',
    leaf: build(),
    matchers: [{ workflow: { repository, workflow: file, ref: 'refs/heads/main', trigger: 'push' } }],
  },
  { name: 'by the build: path in full', leaf: build(), matchers: [{ workflow: { workflow: `${repository}/${file}` } }] },
  {
    name: 'by the build: a path in full of another repository than was built',
    leaf: build({ 'build-config-uri': `https://github.com/org/shared/${file}@refs/tags/v1` }),
    matchers: [{ workflow: { repository, workflow: `https://github.com/org/shared/${file}` } }],
  },
  {
    name: 'by the build: a branch with an at sign',
    leaf: build({ 'build-config-uri': `${repository}/${file}@refs/heads/user@feature` }),
    matchers: [{ workflow: { workflow: file } }],
  },
] satisfies { name: string; leaf: LeafOptions; matchers: readonly IdentityMatcher[] }[])
  test(`checkIdentity knows them: ${name}`, async () => {
    const identity = await identityOf(leaf)
    assert.equal(checkIdentity(identity, matchers).value, identity)
  })

/** A path that is not the wanted file's, however it reads. */
const config = (uri: string) => build({ 'build-config-uri': uri })
const workflow = (matcher: NonNullable<IdentityMatcher['workflow']>): readonly IdentityMatcher[] => [{ workflow: matcher }]

for (const { name, leaf, matchers, found } of [
  {
    name: 'somebody else',
    leaf: email,
    matchers: [{ subject: { exact: 'mallory@example.com' } }],
    found: /^want identity "mallory@example.com", got "signer@example.com"$/,
  },
  {
    name: 'the name in other letters',
    leaf: email,
    matchers: [{ subject: { exact: 'Signer@example.com' } }],
    found: /^want identity "Signer/,
  },
  { name: 'a name that only begins so', leaf: email, matchers: [{ subject: { exact: 'signer@example.co' } }], found: /^want identity/ },
  {
    name: 'a pattern that does not match',
    leaf: email,
    matchers: [{ subject: { pattern: pattern('^example') } }],
    found: /^want identity matching "\^example", got/,
  },
  {
    name: 'exact and pattern, of which one does not hold',
    leaf: email,
    matchers: [{ subject: { exact: 'signer@example.com', pattern: pattern('org$') } }],
    found: /^want identity "signer@example.com" matching "org\$", got/,
  },
  {
    name: 'exact and pattern, each held by another name',
    leaf: several,
    matchers: [{ subject: { exact: 'signer@example.com', pattern: pattern('robot') } }],
    found: /got "signer@example.com" and "https:\/\/example.com\/robot" and "build.example.com"$/,
  },
  {
    name: 'a certificate without names',
    leaf: { names: [], subject: [['CN', 'signer@example.com']] },
    matchers: [{ subject: { exact: 'signer@example.com' } }],
    found: /, got none$/,
  },
  {
    name: 'an otherName of a type that is not Fulcio’s',
    leaf: principal,
    matchers: [{ subject: { exact: 'signer@example.com' } }],
    found: /, got none$/,
  },
  {
    name: 'another issuer',
    leaf: email,
    matchers: [{ issuer: { exact: 'https://issuer.example/' } }],
    found: /^want issuer "https:\/\/issuer.example\/", got "https:\/\/issuer.example"$/,
  },
  {
    name: 'no issuer at all, whatever pattern',
    leaf: { without: ['1.3.6.1.4.1.57264.1.1', '1.3.6.1.4.1.57264.1.8'] },
    matchers: [{ issuer: { pattern: pattern('') } }],
    found: /^want issuer matching "", got none$/,
  },
  {
    name: 'name and issuer, held by two matchers',
    leaf: email,
    matchers: [
      { subject: { exact: 'signer@example.com' }, issuer: { exact: 'https://other.example' } },
      { subject: { exact: 'other@example.com' }, issuer: { exact: 'https://issuer.example' } },
    ],
    found: /^want issuer "https:\/\/other.example"/,
  },
  {
    name: 'an extension that is not there',
    leaf: email,
    matchers: [{ extensions: new Map([['build-trigger', 'push']]) }],
    found: /^want build-trigger "push", got none$/,
  },
  {
    name: 'an extension of another value',
    leaf: build(),
    matchers: [{ extensions: new Map([['build-trigger', 'pus']]) }],
    found: /^want build-trigger "pus", got "push"$/,
  },
  {
    name: 'an extension whose value is empty',
    leaf: email,
    matchers: [{ extensions: new Map([['build-trigger', '']]) }],
    found: /^want build-trigger "", got none$/,
  },
  { name: 'nobody was asked for', leaf: email, matchers: [], found: /^no identity was asked for$/ },
  {
    name: 'repository: another',
    leaf: build(),
    matchers: workflow({ repository: 'https://github.com/org/ap' }),
    found: /^want repository "https:\/\/github.com\/org\/ap", got "https:\/\/github.com\/org\/app"$/,
  },
  {
    name: 'repository: another host',
    leaf: build(),
    matchers: workflow({ repository: 'https://github.example/org/app' }),
    found: /^want repository/,
  },
  { name: 'repository: no build', leaf: email, matchers: workflow({ repository }), found: /^want repository .*, got none$/ },
  {
    name: 'ref: another',
    leaf: build(),
    matchers: workflow({ ref: 'refs/heads/mai' }),
    found: /^want ref "refs\/heads\/mai", got "refs\/heads\/main"$/,
  },
  {
    name: 'trigger: another',
    leaf: build(),
    matchers: workflow({ trigger: 'pull_request' }),
    found: /^want trigger "pull_request", got "push"$/,
  },
  { name: 'workflow: no build', leaf: email, matchers: workflow({ workflow: file }), found: /^want workflow .*, got none$/ },
  ...[
    ['another file that begins so', `${repository}/${file}.yml@refs/heads/main`],
    ['another file that ends so', `${repository}/x/${file}@refs/heads/main`],
    ['another repository', `https://github.com/mallory/app/${file}@refs/heads/main`],
    ['another repository that begins so', `${repository}-fork/${file}@refs/heads/main`],
    ['another repository whose name holds the file', `https://github.com/mallory/${repository}/${file}@refs/heads/main`],
    ['the file on another host', `https://github.example/org/app/${file}@refs/heads/main`],
    ['a commit in place of a ref', `${repository}/${file}@5f3c`],
    ['no ref', `${repository}/${file}`],
    ['an empty ref', `${repository}/${file}@`],
    ['a file whose name holds the file and a ref', `${repository}/${file}@refs/heads/main.yml@refs/heads/evil`],
    ['a path that climbs out of the file', `${repository}/${file}@refs/../../../evil.yml@refs/heads/main`],
    ['other letters', `${repository}/${file.toUpperCase()}@refs/heads/main`],
    ['a ref alone', '@refs/heads/main'],
  ].map(([what, uri]) => ({
    name: `workflow: ${what}`,
    leaf: config(uri!),
    matchers: workflow({ workflow: file }),
    found: /^want workflow "\.github\/workflows\/build\.yml", got "/,
  })),
  {
    name: 'workflow: the full path of another',
    leaf: build(),
    matchers: workflow({ workflow: `https://github.com/org/ap/${file}` }),
    found: /^want workflow/,
  },
  {
    name: 'workflow: a path relative to a repository that is not named',
    leaf: { fulcio: { 'build-config-uri': `/${file}@refs/heads/main` }, names: [{ kind: 'uri', value: 'https://x.example' }] },
    matchers: workflow({ repository, workflow: file }),
    found: /^want repository .*, got none$/,
  },
] satisfies { name: string; leaf: LeafOptions; matchers: readonly IdentityMatcher[]; found: RegExp }[])
  test(`checkIdentity knows better: ${name}`, async () => {
    const identity = await identityOf(leaf)
    assert.throws(() => checkIdentity(identity, matchers), { code: 'IDENTITY_MISMATCH', message: found })
  })

for (const { name, leaf, found } of [
  {
    name: 'two issuers that disagree',
    leaf: { extensions: [extensionOne('https://other.example')] },
    found: /its two issuer extensions disagree: "https:\/\/other.example" and "https:\/\/issuer.example"/,
  },
  {
    name: 'an issuer that is no UTF-8',
    leaf: { extensions: [{ ...extensionOne(''), value: Uint8Array.of(0xff) }] },
    found: /\(issuer\): want UTF-8 text/,
  },
  {
    name: 'a newer extension that is bare text',
    leaf: { extensions: [{ oid: '1.3.6.1.4.1.57264.1.20', critical: false, value: encodeUtf8('push') }] },
    found: /1\.3\.6\.1\.4\.1\.57264\.1\.20 \(build-trigger\)/,
  },
  {
    name: 'a newer extension of another kind of text',
    leaf: { extensions: [{ oid: '1.3.6.1.4.1.57264.1.20', critical: false, value: encodeDerText('ia5String', 'push') }] },
    found: /want a UTF8String/,
  },
] satisfies { name: string; leaf: LeafOptions; found: RegExp }[])
  test(`readCertificateIdentity refuses ${name}`, async () => {
    await assert.rejects(identityOf(leaf), { code: 'CERTIFICATE_MALFORMED', message: found })
  })

test('what was wanted and who it is can be read, to the last character', async () => {
  const long = `https://github.com/org/app/${'x'.repeat(200)}.yml@refs/heads/main`
  const identity = await identityOf({ names: [{ kind: 'uri', value: long }] })
  assert.equal(describeIdentity(identity), `"${long}", vouched for by "https://issuer.example"`)
  assert.equal(
    describeIdentities([
      {
        subject: { exact: 'a' },
        issuer: { pattern: pattern('b') },
        extensions: new Map([['build-trigger', 'push']]),
        workflow: { ref: 'r' },
      },
      { issuer: { exact: 'c' } },
    ]),
    'identity "a", issuer matching "b", build-trigger "push", ref "r" or issuer "c"',
  )
})

const wanted = (member: string) => `${member}: want a demand, got one that is empty or not understood`
for (const { name, matcher, problem } of [
  { name: 'a subject of nothing', matcher: { subject: {} }, problem: wanted('subject') },
  { name: 'an exact subject that is undefined', matcher: { subject: { exact: undefined } }, problem: wanted('subject') },
  { name: 'a subject that is undefined', matcher: { subject: undefined }, problem: wanted('subject') },
  { name: 'a misspelt pattern', matcher: { subject: { regexp: 'x' } }, problem: wanted('subject') },
  { name: 'a misspelt subject', matcher: { subjct: { exact: 'nobody' } }, problem: 'unknown member "subjct"' },
  { name: 'extensions that are no map', matcher: { extensions: { 'build-trigger': 'push' } }, problem: wanted('extensions') },
  {
    name: 'an extension that is undefined',
    matcher: { extensions: new Map([['build-trigger', undefined]]) },
    problem: wanted('extensions'),
  },
  { name: 'a repository that is undefined', matcher: { workflow: { repository: undefined, ref: 'x' } }, problem: wanted('workflow') },
  { name: 'a misspelt repository', matcher: { workflow: { repo: 'x' } }, problem: wanted('workflow') },
  { name: 'a workflow of nothing', matcher: { workflow: {} }, problem: wanted('workflow') },
])
  test(`a matcher beside an issuer admits nobody by an oversight (GHSA-46mp-8w32-6g94): ${name}`, () => {
    assert.equal(problemOfMatcher({ issuer: { exact: 'https://issuer.example' }, ...matcher } as IdentityMatcher), problem)
  })
