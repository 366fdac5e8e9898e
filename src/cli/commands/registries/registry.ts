import { once } from 'node:events'
import { CountersignError, reasonOf } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { listen } from '../../../services/listen.ts'
import { createRegistry, folderStore, memoryStore } from '../../../services/registry/registry.ts'
import type { CommandFunction } from '../../command.ts'
import type { registryServerFlags } from '../../flags/registries.ts'
import { parseListenAddress } from '../../parsing/listen-address.ts'

/** `registry`: serves an OCI registry until it is interrupted; its address is the first line of standard output. */
export const serveRegistry: CommandFunction<typeof registryServerFlags> = async (context, flags) => {
  const { host, port } = parseListenAddress(flags.listen)
  const store = flags.dir === '' ? memoryStore() : await folderStore(flags.dir)
  const handler = createRegistry(store, context.world, { referrers: !flags.noReferrers, deletes: flags.deletes })
  const report = (error: unknown, request: Request) =>
    context.stderr(`${request.method} ${new URL(request.url).pathname}: ${reasonOf(error)}\n`)
  const { url, close } = await listen(handler, { host, port, report }).catch((cause: Error) => {
    throw new CountersignError('ADDRESS_UNAVAILABLE', `cannot serve on ${quote(flags.listen)}: ${cause.message}`, { cause })
  })
  context.stdout(`${url.origin}\n`)
  if (!context.signal.aborted) await once(context.signal, 'abort')
  await close()
  return 0
}
