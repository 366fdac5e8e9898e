import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDer, encodeDerInteger, encodeDerOid, encodeDerSequence, encodeDerSet, encodeDerText } from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { createRoot } from '../../testing/sigstore/certificate-authority.ts'
import type { Certificate } from './certificate.ts'
import { extensionOid } from './certificate-extensions.ts'
import { proveCertificatePaths } from './certificate-path.ts'
import { encodeDistinguishedName } from './distinguished-name.ts'
import { type NewExtension, type NewGeneralName, nameConstraintsExtension } from './extension-writer.ts'

const email = (value: string): NewGeneralName => ({ kind: 'email', value })
const dns = (value: string): NewGeneralName => ({ kind: 'dns', value })
const uri = (value: string): NewGeneralName => ({ kind: 'uri', value })
const ip = (...bytes: number[]): NewGeneralName => ({ kind: 'ip', bytes: Uint8Array.from(bytes) })
const directory = (...attributes: [string, string][]): NewGeneralName => ({
  kind: 'directory-name',
  der: encodeDistinguishedName(attributes),
})

type Attributes = readonly (readonly [string, string])[]

type Case = {
  readonly name: string
  readonly permitted?: readonly NewGeneralName[]
  readonly excluded?: readonly NewGeneralName[]
  readonly names?: readonly NewGeneralName[]
  readonly subject?: Attributes
  readonly error?: RegExp
}

const outside = /is in no permitted subtree/
const inside = /is in an excluded subtree/

const cases: readonly Case[] = [
  { name: 'other forms are not constrained', permitted: [dns('a.example')], names: [email('x@b.example')] },
  {
    name: 'all names of a form must be within',
    permitted: [email('a.example')],
    names: [email('x@a.example'), email('x@b.example')],
    error: /email "x@b\.example" is in no permitted/,
  },
  { name: 'one of several subtrees is enough', permitted: [email('a.example'), email('b.example')], names: [email('x@b.example')] },
  {
    name: 'excluded wins over permitted',
    permitted: [email('a.example')],
    excluded: [email('x@a.example')],
    names: [email('x@a.example')],
    error: inside,
  },

  { name: 'email: a host', permitted: [email('a.example')], names: [email('x@A.EXAMPLE')] },
  { name: 'email: a host, not those below', permitted: [email('a.example')], names: [email('x@b.a.example')], error: outside },
  { name: 'email: a host excluded, with those below', excluded: [email('a.example')], names: [email('x@b.a.example')], error: inside },
  { name: 'email: a domain', permitted: [email('.a.example')], names: [email('x@b.a.example')] },
  { name: 'email: a domain, not its own host', permitted: [email('.a.example')], names: [email('x@a.example')], error: outside },
  { name: 'email: a mailbox', permitted: [email('x@a.example')], names: [email('x@a.example')] },
  { name: 'email: a mailbox, of that case', permitted: [email('x@a.example')], names: [email('X@a.example')], error: outside },
  { name: 'email: a mailbox, another', permitted: [email('x@a.example')], names: [email('y@a.example')], error: outside },
  { name: 'email: a host that ends alike', permitted: [email('a.example')], names: [email('x@ba.example')], error: outside },
  { name: 'email: a quoted @ in the mailbox', permitted: [email('a.example')], names: [email('"x@a.example"@b.example')], error: outside },
  { name: 'email: a quoted @ in the mailbox, excluded', excluded: [email('b.example')], names: [email('"x@y"@b.example')], error: inside },
  { name: 'email: no address, permitted', permitted: [email('a.example')], names: [email('a.example')], error: outside },
  { name: 'email: no address, excluded', excluded: [email('b.example')], names: [email('a.example')], error: inside },
  { name: 'email: an address without host', excluded: [email('b.example')], names: [email('a@')], error: inside },
  { name: 'email: everything excluded', excluded: [email('')], names: [email('x@a.example')], error: inside },
  {
    name: 'email: in the subject',
    permitted: [email('a.example')],
    names: [],
    subject: [['emailAddress', 'x@b.example']],
    error: /email "x@b\.example" is in no permitted/,
  },

  { name: 'dns: a host', permitted: [dns('a.example')], names: [dns('a.example')] },
  { name: 'dns: those below', permitted: [dns('a.example')], names: [dns('c.b.A.example')] },
  { name: 'dns: a host that ends alike', permitted: [dns('a.example')], names: [dns('ba.example')], error: outside },
  { name: 'dns: those below, excluded', excluded: [dns('a.example')], names: [dns('b.a.example')], error: inside },
  { name: 'dns: excluded with a dot at the end of the name', excluded: [dns('a.example')], names: [dns('b.a.example.')], error: inside },
  { name: 'dns: excluded with a dot before the base', excluded: [dns('.a.example')], names: [dns('b.a.example')], error: inside },
  { name: 'dns: everything', permitted: [dns('')], names: [dns('a.example')] },
  { name: 'dns: a wildcard, permitted', permitted: [dns('a.example')], names: [dns('*.a.example')], error: outside },
  { name: 'dns: a wildcard, excluded', excluded: [dns('x.a.example')], names: [dns('*.a.example')], error: inside },

  { name: 'uri: a host', permitted: [uri('a.example')], names: [uri('https://u:p@a.EXAMPLE:443/x?y#z')] },
  { name: 'uri: a host, not those below', permitted: [uri('a.example')], names: [uri('https://b.a.example/')], error: outside },
  { name: 'uri: a host excluded, with those below', excluded: [uri('a.example')], names: [uri('https://b.a.example/')], error: inside },
  { name: 'uri: a domain', permitted: [uri('.a.example')], names: [uri('spiffe://b.a.example')] },
  { name: 'uri: a domain, not its own host', permitted: [uri('.a.example')], names: [uri('https://a.example')], error: outside },
  { name: 'uri: the host in a path', permitted: [uri('a.example')], names: [uri('https://b.example/@a.example')], error: outside },
  {
    name: 'uri: the host before a backslash',
    permitted: [uri('a.example')],
    names: [uri('https://b.example\\@a.example')],
    error: outside,
  },
  { name: 'uri: the host as a user', permitted: [uri('a.example')], names: [uri('https://a.example@b.example/')], error: outside },
  { name: 'uri: two users', permitted: [uri('a.example')], names: [uri('https://x@y@a.example/')], error: outside },
  { name: 'uri: without authority, permitted', permitted: [uri('a.example')], names: [uri('urn:a.example')], error: outside },
  { name: 'uri: without authority, excluded', excluded: [uri('a.example')], names: [uri('urn:b.example')], error: inside },
  { name: 'uri: an address', excluded: [uri('a.example')], names: [uri('https://192.0.2.1/')], error: inside },
  { name: 'uri: an address of version 6', excluded: [uri('a.example')], names: [uri('https://[::1]/')], error: inside },

  { name: 'ip: within', permitted: [ip(192, 0, 2, 0, 255, 255, 255, 0)], names: [ip(192, 0, 2, 77)] },
  {
    name: 'ip: beside',
    permitted: [ip(192, 0, 2, 0, 255, 255, 255, 0)],
    names: [ip(192, 0, 3, 77)],
    error: /ip "192\.0\.3\.77" is in no permitted/,
  },
  { name: 'ip: excluded', excluded: [ip(192, 0, 2, 0, 255, 255, 255, 128)], names: [ip(192, 0, 2, 127)], error: inside },
  {
    name: 'ip: of the other version',
    permitted: [ip(192, 0, 2, 0, 255, 255, 255, 0)],
    names: [ip(192, 0, 2, 7, ...Array(12).fill(0))],
    error: outside,
  },

  {
    name: 'directory: begins with it',
    permitted: [directory(['O', 'a'])],
    subject: [
      ['O', 'a'],
      ['CN', 'x'],
    ],
  },
  {
    name: 'directory: without case, single spaces',
    permitted: [directory(['O', 'Some  Company'])],
    subject: [
      ['O', ' some company '],
      ['CN', 'x'],
    ],
  },
  {
    name: 'directory: another',
    permitted: [directory(['O', 'a'])],
    subject: [
      ['O', 'b'],
      ['CN', 'a'],
    ],
    error: /directory-name "CN=a,O=b" is in no permitted/,
  },
  { name: 'directory: the other way round', permitted: [directory(['O', 'a'], ['CN', 'x'])], subject: [['O', 'a']], error: outside },
  { name: 'directory: an empty subject has no name', permitted: [directory(['O', 'a'])] },
  { name: 'directory: an alternative name', permitted: [directory(['O', 'a'])], names: [directory(['O', 'b'])], error: outside },
  {
    name: 'directory: excluded in another type of string',
    excluded: [directory(['C', 'DE'])],
    subject: [['2.5.4.6', 'de']],
    error: inside,
  },
  {
    name: 'directory: excluded',
    excluded: [directory(['O', 'a'])],
    subject: [
      ['O', 'b'],
      ['CN', 'a'],
    ],
  },
]

for (const { name, permitted = [], excluded = [], names, subject, error } of cases)
  test(`name constraints: ${name}`, async () => {
    const root = await createRoot({ extensions: [nameConstraintsExtension(permitted, excluded)] })
    const leaf = await root.issueLeaf({ ...(names ? { names } : {}), ...(subject ? { subject } : {}) })
    await check(leaf.certificate, root.certificate, error)
  })

async function check(leaf: Certificate, root: Certificate, error: RegExp | undefined, intermediates: readonly Certificate[] = []) {
  const prove = () => proveCertificatePaths(leaf, { roots: [root], intermediates }, 'code-signing')
  if (error) await assert.rejects(prove, { code: 'CERTIFICATE_UNTRUSTED', message: error })
  else await prove()
}

const constraints = (...subtrees: Uint8Array[]): NewExtension => ({
  oid: extensionOid.nameConstraints,
  critical: false,
  value: encodeDerSequence(encodeDer(0xa0, ...subtrees)),
})
const base = encodeDer(0x81, encodeUtf8('a.example'))

for (const { name, extension, error } of [
  {
    name: 'a form that is not supported',
    extension: nameConstraintsExtension([{ kind: 'registered-id', oid: '1.2.3' }]),
    error: /"CN=root,O=example\.com": nameConstraints: constrains names of a form that is not supported/,
  },
  {
    name: 'such a form, not critical',
    extension: { ...nameConstraintsExtension([], [{ kind: 'other-name', type: '1.2.3', value: 'x' }]), critical: false },
    error: /of a form that is not supported/,
  },
  { name: 'none', extension: { ...constraints(), value: encodeDerSequence() }, error: /neither permits nor excludes/ },
  { name: 'an empty list', extension: constraints(), error: /want tag 0x30, got the end/ },
  { name: 'a minimum', extension: constraints(encodeDerSequence(base, encodeDer(0x80, Uint8Array.of(0)))), error: /3 bytes after the end/ },
  { name: 'a maximum', extension: constraints(encodeDerSequence(base, encodeDer(0x81, Uint8Array.of(1)))), error: /3 bytes after the end/ },
  { name: 'a mask with gaps', extension: nameConstraintsExtension([ip(192, 0, 2, 0, 255, 0, 255, 0)]), error: /a mask has gaps/ },
  {
    name: 'an address without mask',
    extension: nameConstraintsExtension([ip(192, 0, 2, 0)]),
    error: /want an address and a mask, got 4 bytes/,
  },
  {
    name: 'a base of no ASCII',
    extension: constraints(encodeDerSequence(encodeDer(0x81, encodeUtf8('é')))),
    error: /want a base of printable ASCII/,
  },
  { name: 'a number', extension: constraints(encodeDerInteger(1n)), error: /want tag 0x30, got 0x02/ },
])
  test(`name constraints: ${name}`, async () => {
    const root = await createRoot({ extensions: [extension] })
    await check((await root.issueLeaf()).certificate, root.certificate, error)
  })

test('name constraints: of every authority, about every certificate below it', async () => {
  const root = await createRoot({ extensions: [nameConstraintsExtension([directory(['O', 'a'])])] })
  const [within, beside] = [
    await root.issueIntermediate({
      subject: [
        ['O', 'a'],
        ['CN', 'i'],
      ],
    }),
    await root.issueIntermediate(),
  ]
  for (const { authority, error } of [
    { authority: within, error: undefined },
    {
      authority: beside,
      error: /"CN=root,O=example\.com": does not allow names of certificate "CN=intermediate 1,O=example\.com": directory-name/,
    },
  ]) {
    const leaf = await authority.issueLeaf()
    await check(leaf.certificate, root.certificate, error, [authority.certificate])
  }
})

test('name constraints: an authority issued to itself is passed over, a leaf is not', async () => {
  const subject = [['O', 'b']] as const
  const root = await createRoot({ subject, extensions: [nameConstraintsExtension([directory(['O', 'a'])])] })
  const renewed = await root.issueIntermediate({ subject })
  await check((await renewed.issueLeaf()).certificate, root.certificate, undefined, [renewed.certificate])
  await check((await root.issueLeaf({ subject })).certificate, root.certificate, outside)
})

test('name constraints: values that are no text are only the same by their bytes, and never beyond an exclusion', async () => {
  const bmp = (content: Uint8Array) =>
    encodeDerSequence(encodeDerSet(encodeDerSequence(encodeDerOid('2.5.4.10'), encodeDer(0x1e, content))))
  const [a, b] = [bmp(Uint8Array.of(0, 65)), bmp(Uint8Array.of(0, 66))]
  for (const { permitted = [], excluded = [], subject, error } of [
    { permitted: [a], subject: a, error: undefined },
    { permitted: [a], subject: b, error: outside },
    { excluded: [a], subject: b, error: inside },
  ]) {
    const names = (ders: readonly Uint8Array[]) => ders.map(der => ({ kind: 'directory-name', der }) as const)
    const root = await createRoot({ extensions: [nameConstraintsExtension(names(permitted), names(excluded))] })
    const leaf = await root.issueLeaf({ edit: contents => ({ ...contents, subject }) })
    await check(leaf.certificate, root.certificate, error)
  }
})

test('name constraints: a broken alternative name is no way around them', async () => {
  const root = await createRoot({ extensions: [nameConstraintsExtension([email('a.example')])] })
  const broken = { oid: extensionOid.subjectAlternativeNames, critical: true, value: encodeDerText('utf8String', 'x') }
  const leaf = await root.issueLeaf({ extensions: [broken] })
  await check(leaf.certificate, root.certificate, /subjectAlternativeNames: want tag 0x30, got 0x0c/)
})
