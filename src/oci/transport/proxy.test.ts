import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proxyFor } from './proxy.ts'

const proxy = 'http://proxy.example:3128'
const both = { HTTP_PROXY: proxy, HTTPS_PROXY: 'http://secure-proxy.example' }

for (const { name, url, environment, want } of [
  { name: 'nothing is set', url: 'https://ghcr.io', environment: {}, want: undefined },
  { name: 'https has its own', url: 'https://ghcr.io', environment: both, want: 'http://secure-proxy.example/' },
  { name: 'http has its own', url: 'http://registry.example', environment: both, want: `${proxy}/` },
  { name: 'https does not use HTTP_PROXY', url: 'https://ghcr.io', environment: { HTTP_PROXY: proxy }, want: undefined },
  { name: 'lower case', url: 'https://ghcr.io', environment: { https_proxy: proxy }, want: `${proxy}/` },
  {
    name: 'upper case goes first',
    url: 'https://ghcr.io',
    environment: { https_proxy: 'http://other', HTTPS_PROXY: proxy },
    want: `${proxy}/`,
  },
  { name: 'empty is unset', url: 'https://ghcr.io', environment: { HTTPS_PROXY: '', https_proxy: proxy }, want: `${proxy}/` },
  { name: 'without a scheme', url: 'https://ghcr.io', environment: { HTTPS_PROXY: 'proxy.example:3128' }, want: `${proxy}/` },
  {
    name: 'a CGI request sets HTTP_PROXY',
    url: 'http://a.example',
    environment: { HTTP_PROXY: proxy, REQUEST_METHOD: 'GET' },
    want: undefined,
  },
  { name: 'localhost', url: 'http://localhost:5000', environment: both, want: undefined },
  { name: 'loopback address', url: 'http://127.0.0.9:5000', environment: both, want: undefined },
])
  test(`proxyFor: ${name}`, () => assert.equal(proxyFor(new URL(url), environment)?.href, want))

for (const [list, url, direct] of [
  ['*', 'https://ghcr.io', true],
  ['ghcr.io', 'https://ghcr.io', true],
  ['GHCR.IO', 'https://ghcr.io', true],
  ['ghcr.io', 'https://sub.ghcr.io', true],
  ['ghcr.io', 'https://notghcr.io', false],
  ['.ghcr.io', 'https://sub.ghcr.io', true],
  ['.ghcr.io', 'https://ghcr.io', false],
  ['*.ghcr.io', 'https://sub.ghcr.io', true],
  ['*.ghcr.io', 'https://ghcr.io', false],
  ['a.example, ghcr.io ,b.example', 'https://ghcr.io', true],
  ['ghcr.io:443', 'https://ghcr.io', true],
  ['ghcr.io:5000', 'https://ghcr.io', false],
  ['ghcr.io:5000', 'https://ghcr.io:5000', true],
  ['10.1.2.3', 'https://10.1.2.3:5000', true],
  ['10.1.2.3:5000', 'https://10.1.2.3:5000', true],
  ['10.1.2.4', 'https://10.1.2.3', false],
  ['10.0.0.0/8', 'https://10.200.2.3', true],
  ['10.0.0.0/8', 'https://11.0.0.1', false],
  ['10.0.0.0/33', 'https://10.0.0.1', false],
  ['10.0.0.0/x', 'https://10.0.0.1', false],
  ['0.0.0.0/0', 'https://11.0.0.1', true],
  ['0.0.0.0/0', 'https://[2001:db8::1]', false],
  ['2001:db8::/32', 'https://[2001:db8:1::5]', true],
  ['2001:db8::/32', 'https://[2001:db9::5]', false],
  ['[2001:db8::1]:443', 'https://[2001:db8::1]', true],
  ['10.0.0.0/8', 'https://ghcr.io', false],
  ['', 'https://ghcr.io', false],
  [',,', 'https://ghcr.io', false],
] as const)
  test(`proxyFor: NO_PROXY=${list} ${direct ? 'lets' : 'does not let'} ${url} go direct`, () => {
    assert.equal(proxyFor(new URL(url), { HTTPS_PROXY: proxy, NO_PROXY: list }) === undefined, direct)
    assert.equal(proxyFor(new URL(url), { https_proxy: proxy, no_proxy: list }) === undefined, direct)
  })

for (const value of [
  'socks5://user:hunter2@proxy',
  'ftp://proxy',
  'http://',
  'http://[',
  'http://a b',
  'http://user:100%@proxy',
  'http://user:%ff@proxy',
])
  test(`proxyFor: HTTPS_PROXY=${value} is refused and not shown`, () => {
    assert.throws(() => proxyFor(new URL('https://ghcr.io'), { HTTPS_PROXY: value }), {
      code: 'USAGE',
      message: 'HTTPS_PROXY: want an http or https URL of a proxy, got something else',
    })
  })
