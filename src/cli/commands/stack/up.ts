import { once } from 'node:events'
import { join } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import { ciPath } from '../../../services/issuer/clients/ci-tokens.ts'
import { listen } from '../../../services/listen.ts'
import { createOperatedEvents } from '../../../services/stack/events.ts'
import { stackFiles } from '../../../services/stack/folder.ts'
import { openClusterAccount } from '../../../services/stack/kubernetes/cluster-account.ts'
import { buildMeasures } from '../../../services/stack/measures.ts'
import { serveStack } from '../../../services/stack/serve.ts'
import { openStack } from '../../../services/stack/stack.ts'
import type { CommandFunction } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { stackUpFlags } from '../../flags/sigstore/stack.ts'
import { variable } from '../../parsing/environment.ts'
import { versionFacts } from '../version.ts'
import { createDevelopmentStack } from './init.ts'
import { remoteKeyLoader } from './remote-keys.ts'

/** `stack up`: serves a stack until it is interrupted; its URL is the first line of standard output. */
export const runStack: CommandFunction<typeof stackUpFlags> = async (context, { data, dev, url, given }) => {
  const isMade = await context.files.exists(join(data, stackFiles.config))
  if (given.has('url') && (!dev || isMade))
    throw new CountersignError(
      'USAGE',
      `--url goes with --dev and a folder that is still to be made; of ${data} the URL is in ${stackFiles.config}`,
    )
  if (!isMade && !dev) throw new CountersignError('STACK_MISSING', `${quote(join(data, stackFiles.config))} is not there`)
  const passphrase = await passphraseOf(context, dev)
  if (!isMade) await createDevelopmentStack(context, data, await withPort(url), passphrase)
  const operated = createOperatedEvents(line => context.stderr(line), context.world.now)
  const ciSecret = encodeHex(context.world.randomBytes(16))
  const cluster = await openClusterAccount(context.files)
  const options = {
    folder: data,
    tufFolder: context.files.folder(join(data, stackFiles.tuf)),
    passphrase,
    loadKey: remoteKeyLoader(context),
    ...(dev && { dev: { ciSecret } }),
    ...(cluster && { cluster }),
    fetchTrusting: (ca: string) => context.connect({ ca }),
    ...(context.deriveKey && { deriveKey: context.deriveKey }),
    ...(context.startProving && { startProving: context.startProving }),
  }
  const stack = await openStack(options, context.world, operated.events)
  const { gitVersion, gitCommit, buildDate } = versionFacts()
  operated.measure(() => [...buildMeasures({ version: gitVersion, revision: gitCommit, build_date: buildDate }), ...stack.measures()])
  try {
    const serving = await serveStack(data, stack.config, stack.handler, operated, context.world)
    try {
      if (dev) await writeDevelopmentEnvironment(context, data, stack.config.url.origin, ciSecret)
      operated.events.log('info', 'serving', { url: stack.config.url.origin, address: serving.url.origin, data })
      context.stdout(`${stack.config.url.origin}\n`)
      if (!context.signal.aborted) await once(context.signal, 'abort')
      operated.events.log('info', 'stopping')
    } finally {
      await serving.close()
    }
  } finally {
    await stack.close()
    passphrase.fill(0)
  }
  return 0
}

/** For trying things out nothing is asked; a passphrase that is set counts all the same. */
async function passphraseOf(context: CommandContext, dev: boolean): Promise<Uint8Array> {
  if (!dev) return await context.prompts.passphrase({ confirm: false })
  return encodeUtf8(variable(context.environment, 'PASSWORD') ?? '')
}

/** A URL whose port is 0 gets one that is free now. */
async function withPort(text: string): Promise<string> {
  const url = URL.parse(text)
  if (url?.port !== '0') return text
  const { url: free, close } = await listen(async () => new Response(), { host: url.hostname, report: () => {} })
  await close()
  url.port = free.port
  return url.origin
}

/** What a job of GitHub Actions has in its environment, to be read by a shell: with it, keyless signing finds its token by itself. */
async function writeDevelopmentEnvironment(context: CommandContext, data: string, url: string, secret: string): Promise<void> {
  const path = join(data, 'dev.env')
  const lines = [
    `export ACTIONS_ID_TOKEN_REQUEST_URL='${url}${ciPath}/token?api-version=2.0'`,
    `export ACTIONS_ID_TOKEN_REQUEST_TOKEN='${secret}'`,
  ]
  await context.files.write(path, `${lines.join('\n')}\n`, { mode: 0o600 })
}
