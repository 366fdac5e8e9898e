import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BoundLimits, createBound } from './bound.ts'
import { readRequestBody, ServiceRefusal } from './service.ts'

const limits: BoundLimits = { bodyBytes: 4 << 20, inFlight: 100, bytesInFlight: 1 << 20 }
const full = () => new ServiceRefusal(503, 'full')

/** A request whose body has come so far, and goes on when it is told to; its announced length is not looked at. */
function slowly(bytes: number): { readonly request: Request; readonly arrived: Promise<void>; readonly end: () => void } {
  const arrived = Promise.withResolvers<void>()
  let end = (): void => {}
  const body = new ReadableStream<Uint8Array>(
    {
      start: controller => {
        end = () => controller.close()
        if (bytes > 0) controller.enqueue(new Uint8Array(bytes))
      },
      pull: () => arrived.resolve(), // whoever read the bytes waits for more
    },
    { highWaterMark: 0 },
  )
  const headers = { 'content-length': String(limits.bodyBytes) }
  return { request: new Request('http://log.example', { method: 'POST', body, headers, duplex: 'half' }), arrived: arrived.promise, end }
}

const whole = (bytes: number) => new Request('http://log.example', { method: 'POST', body: new Uint8Array(bytes) })

test('who announces long bodies and sends nothing keeps nobody out', async () => {
  const bounded = createBound(limits, full)
  const idle = Array.from({ length: 50 }, () => slowly(0))
  const waiting = idle.map(({ request }) => bounded(request, readBody => readBody()))
  await Promise.all(idle.map(({ arrived }) => arrived))
  assert.equal((await bounded(whole(1 << 20), readBody => readBody())).length, 1 << 20)
  for (const { end } of idle) end()
  await Promise.all(waiting)
})

test('a long body is refused where others are held, a short one never; afterwards there is room again', async () => {
  const bounded = createBound(limits, full)
  const held = slowly(1 << 20)
  const waiting = bounded(held.request, readBody => readBody())
  await held.arrived
  await assert.rejects(
    bounded(whole(100_000), readBody => readBody()),
    full(),
  )
  assert.equal((await bounded(whole(60_000), readBody => readBody())).length, 60_000)
  held.end()
  assert.equal((await waiting).length, 1 << 20)
  assert.equal((await bounded(whole(1 << 20), readBody => readBody())).length, 1 << 20)
})

test('bytes are held until the request is answered, also where that fails', async () => {
  const bounded = createBound(limits, full)
  const answer = Promise.withResolvers<void>()
  const read = Promise.withResolvers<void>()
  const failing = bounded(whole(1 << 20), async readBody => {
    await readBody()
    read.resolve()
    await answer.promise
  })
  await read.promise
  await assert.rejects(
    bounded(whole(100_000), readBody => readBody()),
    full(),
  )
  answer.reject(new Error('no'))
  await assert.rejects(failing, /no/)
  assert.equal((await bounded(whole(100_000), readBody => readBody())).length, 100_000)
})

test('requests too many are refused unread', async () => {
  const bounded = createBound({ ...limits, inFlight: 1 }, full)
  const held = slowly(1)
  const waiting = bounded(held.request, readBody => readBody())
  await assert.rejects(
    bounded(whole(1), () => assert.fail('was read')),
    full(),
  )
  held.end()
  await waiting
})

test('a body that does not come to its end is waited for so long', async () => {
  const { request } = slowly(10)
  await assert.rejects(readRequestBody(request, limits.bodyBytes, { timeoutMs: 1 }), {
    status: 408,
    message: 'request: want the body within 1 ms',
  })
})
