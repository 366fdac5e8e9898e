import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A way to a registry on which a client can be made to die. */
export type KillingProxy = {
  readonly host: string
  /**
   * Calls `kill` at one of the requests that count, by number from 1: before it is passed on, or once the registry has done
   * what it asks and before it is answered. From then on nothing is passed on, until it is armed anew.
   */
  readonly arm: (plan: {
    readonly number: number
    readonly when: 'before' | 'after'
    readonly counts: (method: string) => boolean
    readonly kill: () => void
  }) => void
  /** Passes everything on again. */
  readonly disarm: () => void
  /** Whether the request came that the last plan waited for. */
  readonly hasStruck: () => boolean
  readonly stop: () => Promise<void>
}

/** Starts a proxy before a registry, on a free loopback port. The registry sees the proxy's name, so its addresses lead back here. */
export async function startKillingProxy(registry: string): Promise<KillingProxy> {
  let plan: Parameters<KillingProxy['arm']>[0] | undefined
  let seen = 0
  let hasStruck = false
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming
    if (hasStruck) return void incoming.socket.destroy()
    const isIt = plan?.counts(method) === true && ++seen === plan.number
    const strike = () => {
      hasStruck = true
      plan?.kill()
      incoming.socket.destroy()
    }
    if (isIt && plan?.when === 'before') return strike()
    const passedOn = request(`http://${registry}${url}`, { method, headers }, answer => {
      if (!isIt) return void answer.pipe(outgoing.writeHead(answer.statusCode ?? 502, answer.headers))
      answer.resume().once('end', strike)
    })
    passedOn.once('error', () => incoming.socket.destroy())
    incoming.pipe(passedOn)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    arm: next => {
      plan = next
      seen = 0
      hasStruck = false
    },
    disarm: () => {
      plan = undefined
      hasStruck = false
    },
    hasStruck: () => hasStruck,
    stop: () => {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
