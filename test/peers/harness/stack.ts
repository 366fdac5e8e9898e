import { readFileSync, writeFileSync } from 'node:fs'
import { countersign, runOk } from './command.ts'
import type { Place } from './place.ts'
import { startServer } from './server.ts'

/** A stack in the folder `stack` of a place, on a free port, with the imitated CI; what clients are told of it is in `trust`. */
export type StackServer = {
  readonly url: string
  /** Whom its certificates name, and on whose word. */
  readonly signer: { readonly subject: string; readonly issuer: string }
  /** What a job of the CI has in its environment. */
  readonly jobVariables: Readonly<Record<string, string>>
  /** A token of such a job. */
  readonly token: () => Promise<string>
  /** Paths of files of `stack export-trust`; services are told by `log`. */
  readonly trust: Readonly<Record<'trustedRoot' | 'ctLog' | 'firstRoot', string>>
  readonly services: (kind: 'signing_config' | 'client_trust_config', log: 'v1' | 'v2') => string
  readonly stop: () => Promise<void>
}

const serviceFiles = { signing_config: 'signing_config.v0.2.json', client_trust_config: 'client_trust_config.v0.1.json' } as const

/** @param user - somebody who can sign in */
export async function startStack(place: Place, user?: { readonly email: string; readonly password: string }): Promise<StackServer> {
  const up = (...args: readonly string[]) =>
    startServer(place, countersign(), ['stack', 'up', '--dev', '--data', 'stack', ...args], /^http:\/\/(127\.0\.0\.1:\d+)$/m)
  let server = await up('--url', 'http://127.0.0.1:0')
  if (user) {
    await server.stop()
    const hash = await runOk(place, countersign(), ['stack', 'hash-password'], { input: user.password })
    const users = `  users: [{ email: ${user.email}, password-hash: ${JSON.stringify(hash.stdout.trim())} }]\n`
    const path = place.path('stack/stack.yaml')
    writeFileSync(path, readFileSync(path, 'utf8').replace('  users: []\n', users))
    server = await up()
  }
  const url = `http://${server.host}`
  await runOk(place, countersign(), ['stack', 'export-trust', '--data', 'stack', '--out', 'trust'])
  for (const name of Object.values(serviceFiles))
    writeFileSync(place.path(`trust/v2-${name}`), signingByV2(readFileSync(place.path(`trust/${name}`), 'utf8')))
  const firstRoot = place.path('trust/1.root.json')
  writeFileSync(firstRoot, new Uint8Array(await (await fetch(`${url}/tuf/1.root.json`)).arrayBuffer()))
  const variables = readFileSync(place.path('stack/dev.env'), 'utf8')
  const jobVariables = Object.fromEntries([...variables.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name!, value!]))
  return {
    url,
    signer: { subject: 'https://github.com/example/app/.github/workflows/build.yml@refs/heads/main', issuer: `${url}/actions` },
    jobVariables,
    token: async () => {
      const headers = { authorization: `bearer ${jobVariables['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}` }
      const response = await fetch(`${jobVariables['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=sigstore`, { headers })
      return ((await response.json()) as { value: string }).value
    },
    trust: { trustedRoot: place.path('trust/trusted_root.json'), ctLog: place.path('trust/ctfe.pub'), firstRoot },
    services: (kind, log) => place.path(`trust/${log === 'v2' ? 'v2-' : ''}${serviceFiles[kind]}`),
    stop: server.stop,
  }
}

/** What the stack says with `sign-with: v2`: both logs are served whatever it says. */
function signingByV2(json: string): string {
  const config = JSON.parse(json)
  const { rekorTlogUrls } = config.signingConfig ?? config
  for (const log of rekorTlogUrls) log.majorApiVersion = 2
  return JSON.stringify(config)
}
