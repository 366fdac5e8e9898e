import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HostReach, hostAndPort, reachOf } from './host.ts'

const cases: [string, HostReach][] = [
  ['localhost', 'loopback'],
  ['LOCALHOST.', 'loopback'],
  ['registry.localhost', 'loopback'],
  ['localhost.example.com', 'public'],
  ['notlocalhost', 'public'],
  ['127.0.0.1', 'loopback'],
  ['127.1', 'loopback'], // the URL parser spells it out
  ['2130706433', 'loopback'],
  ['0x7f.1', 'loopback'],
  ['0.0.0.0', 'loopback'],
  ['[::1]', 'loopback'],
  ['[::]', 'loopback'],
  ['[::ffff:127.0.0.1]', 'loopback'],
  ['169.254.169.254', 'link-local'], // metadata services of clouds
  ['[::ffff:a9fe:a9fe]', 'link-local'],
  ['[64:ff9b::169.254.169.254]', 'link-local'],
  ['[fe80::1]', 'link-local'],
  ['[febf::1]', 'link-local'],
  ['[fec0::1]', 'public'],
  ['10.0.0.1', 'private'],
  ['172.15.255.255', 'public'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['172.32.0.0', 'public'],
  ['192.168.1.1', 'private'],
  ['192.169.1.1', 'public'],
  ['100.64.0.1', 'private'],
  ['100.128.0.1', 'public'],
  ['[fd00:ec2::254]', 'private'],
  ['[2001:db8::1]', 'public'],
  ['printer.local', 'private'],
  ['ghcr.io', 'public'],
  ['10.0.0.1.example.com', 'public'],
]
for (const [host, reach] of cases)
  test(`reachOf: ${host} is ${reach}`, () => {
    assert.equal(reachOf(new URL(`https://${host}/`).hostname), reach)
  })

test('hostAndPort: the port is spelled out', () => {
  assert.deepEqual(
    ['https://a.example/x', 'http://a.example', 'https://a.example:5000'].map(url => hostAndPort(new URL(url))),
    ['a.example:443', 'a.example:80', 'a.example:5000'],
  )
})
