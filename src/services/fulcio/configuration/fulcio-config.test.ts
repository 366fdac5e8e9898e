import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRoot } from '../../../testing/sigstore/certificate-authority.ts'
import { defaultFulcioConfigText, findIssuer, parseFulcioConfig } from './fulcio-config.ts'

const parse = (text: string) => parseFulcioConfig(text, { what: 'issuers.yaml' })

const { pem } = await createRoot()

test('an issuer with all that people write', async () => {
  const { issuers } = await parse(`
oidc-issuers:
  https://login.example:
    issuer-url: https://login.example
    client-id: sigstore
    type: email
    issuer-claim: $.federated_claims['connector id'].x
    challenge-claim: email
    skip-email-verification: false
    description: People
    contact: ops@example.com
    environment: production
    ca-cert: |
${pem.replace(/^(?=.)/gm, '      ')}
`)
  const [issuer] = issuers
  assert.deepEqual(issuer, {
    url: 'https://login.example',
    pattern: undefined,
    clientId: 'sigstore',
    kind: { type: 'email', issuerClaim: ['federated_claims', 'connector id', 'x'], skipEmailVerification: false },
    caCertificates: pem,
    environment: 'production',
    description: 'People',
    contact: 'ops@example.com',
  })
})

test('JSON with the names of Go', async () => {
  const json = {
    OIDCIssuers: {
      'https://a.example': { IssuerURL: 'https://a.example', ClientID: 'sigstore', Type: 'email', SkipEmailVerification: true },
    },
    MetaIssuers: { 'https://*.b.example': { ClientID: 'sigstore', Type: 'ci-provider', CIProvider: 'x' } },
    CIIssuerMetadata: {
      x: { DefaultTemplateValues: { a: 'b' }, ExtensionTemplates: { BuildSignerURI: '{{ .a }}' }, SubjectAlternativeNameTemplate: 'sub' },
    },
  }
  const { issuers, metaIssuers } = await parse(JSON.stringify(json))
  assert.deepEqual(issuers[0]?.kind, { type: 'email', skipEmailVerification: true })
  const kind = metaIssuers[0]?.kind
  assert.ok(kind?.type === 'ci-provider')
  assert.deepEqual([...kind.provider.extensions.keys()], ['build-signer-uri'])
})

test('the default configuration', async () => {
  const config = await parse(defaultFulcioConfigText)
  assert.deepEqual(
    config.issuers.map(({ url, kind }) => [url, kind.type]),
    [
      ['https://oauth2.sigstore.dev/auth', 'email'],
      ['https://accounts.google.com', 'email'],
      ['https://token.actions.githubusercontent.com', 'github-workflow'],
    ],
  )
})

test('issuers of another environment are left out', async () => {
  const text = `oidc-issuers:
  https://a.example: {client-id: x, type: email, environment: staging}
  https://b.example: {client-id: x, type: email, environment: production}
  https://c.example: {client-id: x, type: email}
`
  const urls = async (environment: 'staging' | 'production') =>
    (await parseFulcioConfig(text, { environment })).issuers.map(({ url }) => url)
  assert.deepEqual(await urls('production'), ['https://b.example', 'https://c.example'])
  assert.deepEqual(await urls('staging'), ['https://a.example', 'https://c.example'])
})

test('an issuer is found by its URL, then by the first pattern', async () => {
  const config = await parse(`oidc-issuers:
  https://one.example.com/x/1: {client-id: exact, type: email}
meta-issuers:
  https://*.example.com/x/*: {client-id: first, type: kubernetes}
  https://*.example.com/*/1: {client-id: second, type: kubernetes}
  https://a+b.example/(*)/$: {client-id: quoted, type: kubernetes}
`)
  const found = (url: string) => findIssuer(config, url)?.clientId
  assert.equal(found('https://one.example.com/x/1'), 'exact')
  assert.equal(found('https://one.example.com/x/2'), 'first')
  assert.equal(found('https://two.example.com/x/1'), 'first')
  assert.equal(found('https://two.example.com/y-_Z9/1'), 'second')
  assert.equal(found('https://a+b.example/(c)/$'), 'quoted')
  for (const url of [
    '',
    'https://one.example.com/x/1/',
    'https://one.two.example.com/x/1',
    'http://h?https://one.example.com/x/2',
    'https://one.example.com/x/2?y',
    'https://onexexample.com/x/2',
    'https://.example.com/x/2',
    'https://one.example.com/x/2\nhttps://one.example.com/x/2',
    '__proto__',
  ])
    assert.equal(found(url), undefined, url)
})

const one = (fields: string, url = 'https://login.example') =>
  `oidc-issuers:\n  ${url}:\n    client-id: sigstore\n${fields.replace(/^/gm, '    ')}\n`
const meta = (fields: string, url: string) => one(fields, url).replace('oidc-', 'meta-')
const provider = (fields: string) => `ci-issuer-metadata:\n  ci:\n${fields.replace(/^/gm, '    ')}\n`

for (const { name, text, message } of [
  { name: 'no YAML', text: 'a: [', message: /^issuers.yaml: line 1: no YAML: / },
  { name: 'a key twice', text: 'define: 1\ndefine: 2', message: /^issuers.yaml: line 2: no YAML: "Map keys must be unique"/ },
  { name: 'a list', text: '- a', message: /^issuers.yaml \(line 1\): want a map$/ },
  { name: 'nothing', text: '', message: /want a map/ },
  { name: 'no JSON', text: '{\n"OIDCIssuers": {', message: /^issuers.yaml: line 2: no YAML: / },
  { name: 'an unknown section', text: 'define: 1\noidc-issuer: {}', message: /^issuers.yaml: oidc-issuer \(line 2\): no such field$/ },
  {
    name: 'an unknown field',
    text: one('type: email\nclientid2: x'),
    message: /oidc-issuers\["https:\/\/login.example"\].clientid2 \(line 5\): no such field/,
  },
  { name: 'a field in both spellings', text: one('type: email\nClientID: x'), message: /\(line 5\): the same as "client-id"/ },
  { name: 'no type', text: one('description: x'), message: /want a field "type"/ },
  { name: 'no client id', text: 'oidc-issuers: {"https://a.example": {type: email}}', message: /want a field "client-id"/ },
  {
    name: 'authorities that are none',
    text: one('type: email\nca-cert: PEM'),
    message: /ca-cert \(line 5\): want certificates, PEM, and nothing else/,
  },
  { name: 'an unknown type', text: one('type: mail'), message: /\.type \(line 4\): no such type of issuer: "mail"/ },
  { name: 'a type of objects', text: one('type: constructor'), message: /no such type of issuer/ },
  { name: 'a type that is a number', text: one('type: 1'), message: /want a text that is not empty, got "1"/ },
  {
    name: 'another URL inside',
    text: one('type: email\nissuer-url: https://other.example'),
    message: /\(line 5\): want "https:\/\/login.example", under which/,
  },
  { name: 'plain http', text: one('type: email', 'http://login.example'), message: /want an https URL, or http on this machine/ },
  { name: 'another scheme', text: one('type: email', 'ftp://login.example'), message: /want an https URL/ },
  { name: 'a URL with a user', text: one('type: email', 'https://a@login.example'), message: /without query and user/ },
  { name: 'a URL with a query', text: one('type: email', 'https://login.example?a'), message: /without query and user/ },
  { name: 'no URL', text: one('type: email', 'login'), message: /want the URL of an issuer/ },
  { name: 'a pattern among exact URLs', text: one('type: email', 'https://*.example'), message: /want a URL without \*/ },
  { name: 'an exact URL among patterns', text: meta('type: email', 'https://a.example'), message: /want a URL with \*/ },
  { name: 'another environment', text: one('type: email\nenvironment: test'), message: /want staging or production, got "test"/ },
  {
    name: 'a challenge that clients do not sign',
    text: one('type: email\nchallenge-claim: sub'),
    message: /want email, what clients of this type sign, got "sub"/,
  },
  { name: 'an issuer claim elsewhere', text: one('type: uri\nissuer-claim: $.a'), message: /is for issuers of type email, not "uri"/ },
  { name: 'an issuer claim that is no path', text: one('type: email\nissuer-claim: $..a'), message: /want a path of names/ },
  { name: 'an issuer claim with a filter', text: one('type: email\nissuer-claim: $.a[?(@.b)]'), message: /want a path of names/ },
  { name: 'a truth that is text', text: one('type: email\nskip-email-verification: "yes"'), message: /want true or false, got "yes"/ },
  { name: 'a domain elsewhere', text: one('type: email\nsubject-domain: a.example'), message: /is for issuers of type uri or username/ },
  { name: 'no domain', text: one('type: uri'), message: /want a field "subject-domain"/ },
  { name: 'a domain without scheme', text: one('type: uri\nsubject-domain: login.example'), message: /want a URI with scheme and host/ },
  {
    name: 'a domain of another scheme',
    text: one('type: uri\nsubject-domain: http://login.example'),
    message: /want the scheme of the issuer, got "http"/,
  },
  {
    name: 'a domain of somebody else',
    text: one('type: uri\nsubject-domain: https://login.other'),
    message: /shares its last two labels with "login.example", got "login.other"/,
  },
  {
    name: 'a user domain with scheme',
    text: one('type: username\nsubject-domain: https://login.example'),
    message: /want a domain without scheme/,
  },
  { name: 'a user domain of somebody else', text: one('type: username\nsubject-domain: example'), message: /shares its last two labels/ },
  { name: 'no trust domain', text: one('type: spiffe'), message: /want a field "spiffe-trust-domain"/ },
  { name: 'a trust domain that is none', text: one('type: spiffe\nspiffe-trust-domain: A/b'), message: /want a SPIFFE trust domain/ },
  {
    name: 'SPIFFE of many',
    text: meta('type: spiffe\nspiffe-trust-domain: a.example', 'https://*.example'),
    message: /cannot share one SPIFFE trust domain/,
  },
  { name: 'a CI provider that is not there', text: one('type: ci-provider\nci-provider: ci'), message: /ci-issuer-metadata has no "ci"/ },
  {
    name: 'a CI provider of objects',
    text: one('type: ci-provider\nci-provider: constructor'),
    message: /ci-issuer-metadata has no "constructor"/,
  },
  {
    name: 'a CI provider without subject',
    text: provider('default-template-values: {}'),
    message: /want a subject-alternative-name-template/,
  },
  {
    name: 'a CI provider with an empty subject',
    text: provider('subject-alternative-name-template: " "'),
    message: /\(line 3\): want a subject-alternative-name-template/,
  },
  {
    name: 'a template that is broken',
    text: provider('subject-alternative-name-template: "{{ .a"'),
    message: /subject-alternative-name-template: template: an action is not closed/,
  },
  {
    name: 'an extension that is not known',
    text: provider('subject-alternative-name-template: a\nextension-templates: {build: a}'),
    message: /build \(line 4\): no such field/,
  },
  {
    name: 'an extension that always comes from the token',
    text: provider('subject-alternative-name-template: a\nextension-templates: {issuer: a}'),
    message: /issuer \(line 4\): no such field/,
  },
  {
    name: 'a default that is a list',
    text: provider('subject-alternative-name-template: a\ndefault-template-values: {a: [b]}'),
    message: /want a text, got a list/,
  },
  {
    name: 'a bomb of aliases',
    text: `a: &a [x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g'].map((letter, at) => `${letter}: &${letter} [${Array(8).fill(`*${'abcdef'[at]}`).join(',')}]`).join('\n')}`,
    message: /no YAML: "Excessive alias count/,
  },
])
  test(`configuration refused: ${name}`, async () => {
    await assert.rejects(parse(text), { code: 'CONFIGURATION_MALFORMED', message })
  })

test('configuration refused: more than 2^20 characters', async () => {
  await assert.rejects(parse(`define: ${'x'.repeat(1 << 20)}`), { code: 'LIMIT_EXCEEDED', message: /at most 1048576 characters/ })
})
