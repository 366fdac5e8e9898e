import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fetch } from '../../codec/world.ts'
import { fetchFollowing } from './redirects.ts'

/** Reads `from`, which redirects to `to`, which answers. */
function follow(from: string, to: string): Promise<{ readonly url: URL }> {
  const fetch: Fetch = async input =>
    String(input) === from ? new Response(null, { status: 307, headers: { location: to } }) : new Response('bytes')
  const request = { method: 'GET', url: new URL(from), headers: {}, signal: AbortSignal.any([]) } as const
  return fetchFollowing(fetch, request, 'registry')
}

for (const { from, to, message } of [
  { from: 'http://localhost:5000/b', to: 'http://127.0.0.1:9000/b' }, // a registry and its storage on one machine
  { from: 'http://10.0.0.1:5000/b', to: 'http://10.0.0.2:9000/b' },
  { from: 'https://r.example/b', to: 'https://cdn.example/b' },
  { from: 'http://localhost:5000/b', to: 'http://169.254.169.254/latest', message: /"169\.254\.169\.254", which is a link-local address/ },
  { from: 'http://[::1]:5000/b', to: 'http://[fe80::1]/', message: /a link-local address/ },
  { from: 'http://10.0.0.1:5000/b', to: 'http://localhost:9000/', message: /a loopback address/ },
  { from: 'https://r.example/b', to: 'https://127.1/', message: /a loopback address/ },
])
  test(`fetchFollowing: from ${from} to ${to}`, async () => {
    if (message) await assert.rejects(follow(from, to), { code: 'CREDENTIALS_WITHHELD', message })
    else assert.equal((await follow(from, to)).url.href, to)
  })
