import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChallenges } from './challenge.ts'

type Plain = [scheme: string, parameters: Record<string, string>]

for (const { name, header, want } of [
  {
    name: 'Docker Hub',
    header: 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    want: [['bearer', { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' }]],
  },
  {
    name: 'ECR',
    header: 'Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"',
    want: [['basic', { realm: 'https://1.dkr.ecr.eu-west-1.amazonaws.com/', service: 'ecr.amazonaws.com' }]],
  },
  {
    name: 'names in any case, blanks anywhere',
    header: '  BEARER  Realm = "r" ,\tSERVICE="s" ',
    want: [['bearer', { realm: 'r', service: 's' }]],
  },
  {
    name: 'values without quotes',
    header: 'Bearer realm=https://a.example/token,service=s',
    want: [['bearer', { realm: 'https://a.example/token', service: 's' }]],
  },
  { name: 'quotes and commas within quotes', header: 'Basic realm="a \\"b\\", \\\\c=d"', want: [['basic', { realm: 'a "b", \\c=d' }]] },
  {
    name: 'several in one field',
    header: 'Negotiate, Basic realm="b", Bearer realm="r",service="s"',
    want: [
      ['negotiate', {}],
      ['basic', { realm: 'b' }],
      ['bearer', { realm: 'r', service: 's' }],
    ],
  },
  {
    name: 'an opaque value',
    header: 'Negotiate YWJj==, Basic realm="b"',
    want: [
      ['negotiate', {}],
      ['basic', { realm: 'b' }],
    ],
  },
  { name: 'a scheme alone', header: 'Bearer', want: [['bearer', {}]] },
  { name: 'empty elements', header: ', Basic realm="b",, ,', want: [['basic', { realm: 'b' }]] },
  { name: 'an empty quoted value', header: 'Basic realm=""', want: [['basic', { realm: '' }]] },
  { name: 'nothing', header: '', want: [] },
] as { name: string; header: string; want: Plain[] }[])
  test(`parseChallenges: ${name}`, () => {
    const got = parseChallenges(header, 'registry r').map(({ scheme, parameters }): Plain => [scheme, Object.fromEntries(parameters)])
    assert.deepEqual(got, want)
  })

for (const { name, header, message } of [
  { name: 'no scheme', header: '"quoted"', message: /registry r: WWW-Authenticate: want an authentication scheme/ },
  { name: 'a quote that does not end', header: 'Basic realm="b', message: /want a parameter with a value/ },
  { name: 'a parameter twice', header: 'Bearer realm="a",REALM="b"', message: /want parameter REALM once/ },
  { name: 'too many challenges', header: Array(17).fill('Basic realm="b"').join(', '), message: /at most 16 challenges/ },
  {
    name: 'too many parameters',
    header: `Basic ${Array.from({ length: 17 }, (_, n) => `p${n}=1`).join(',')}`,
    message: /at most 16 parameters/,
  },
  { name: 'too long', header: `Basic realm="${'a'.repeat(17_000)}"`, message: /at most 16384 characters/ },
])
  test(`parseChallenges: ${name} is refused`, () => {
    assert.throws(() => parseChallenges(header, 'registry r'), { code: 'REGISTRY_RESPONSE_MALFORMED', message })
  })

test('parseChallenges: hostile fields take no longer than honest ones', () => {
  for (const unit of ['a', 'a ', 'a=', 'a,', '"', '\\"', ' ', ',', 'a="', '=', 'a= '])
    try {
      parseChallenges(`Basic realm="${unit}`.padEnd(16_000, unit), 'registry r') // would not end if matching were quadratic in earnest
    } catch (error) {
      assert.equal((error as { code: string }).code, 'REGISTRY_RESPONSE_MALFORMED')
    }
})
