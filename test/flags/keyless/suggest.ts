import assert from 'node:assert/strict'
import { workflow } from '../../keyless/scene.ts'
import { type Case, cs } from '../setup.ts'
import { fails, foreign, passes, root, scene } from './setup.ts'

/** Flags of identity suggest; those about the registry are among all commands'. */
export function suggestCases(): readonly Case[] {
  const cases: readonly Omit<Case, 'commands'>[] = [
    {
      flag: 'trusted-root',
      what: 'is whom to trust',
      check: async () => {
        const { stdout } = await passes(`identity suggest ${root} ${await scene.image()}`)
        assert.equal(
          stdout,
          `--certificate-identity '${workflow.identity}' --certificate-oidc-issuer '${workflow.issuer}'\n` +
            `--repository '${workflow.repository}' --workflow '${workflow.path}' --ref '${workflow.ref}' --trigger 'push' --certificate-oidc-issuer '${workflow.issuer}'\n`,
        )
        const line = `identity suggest ${await foreign.image()}`
        await fails(`${line} ${root}`, 'TLOG_UNKNOWN', /no trusted log/, { exit: 4 })
        await passes(`${line} --trusted-root their-trusted_root.json`)
      },
    },
    {
      flag: 'as-of',
      what: 'is when this is',
      check: async () => {
        const line = `identity suggest ${root} ${await scene.image()}`
        await passes(`${line} --as-of 2025-06-01T12:00:00Z`)
        await fails(`${line} --as-of 2025-06-01T11:59:59Z`, 'TIME_UNPROVEN', /later than/, { exit: 4 })
      },
    },
    {
      flag: 'insecure-ignore-sct',
      what: 'does without the certificate log',
      check: async () => {
        const line = `identity suggest ${root} ${await scene.image({ leaf: { ctLogs: [] } })}`
        await fails(line, 'SCT_INVALID', /brings none along/, { exit: 4 })
        await passes(`${line} --insecure-ignore-sct`)
      },
    },
    {
      flag: 'insecure-ignore-tlog',
      what: 'does without the log, and says so',
      check: async () => {
        const line = `identity suggest ${root} ${await scene.image({ logs: [], stamped: true })}`
        await fails(line, 'TLOG_ENTRY_MISSING', /brings no log entry/, { exit: 5 })
        assert.match((await passes(`${line} --insecure-ignore-tlog`)).stderr, /^WARNING: Skipping tlog verification/m)
      },
    },
    {
      flag: 'offline',
      what: 'asks nobody but the registry',
      check: async () => {
        const line = `identity suggest ${await scene.image()}`
        const environment = { TUF_ROOT: 'nothing-kept', TUF_MIRROR: '', TUF_ROOT_JSON: '' }
        const isForeign = (request: string) => !request.includes('https://registry.test/')
        assert.ok((await cs(line, { environment })).requests.some(isForeign))
        const { requests } = await fails(`${line} --offline`, 'TLOG_UNKNOWN', /no trusted log/, { exit: 4, environment })
        assert.deepEqual(requests.filter(isForeign), [])
      },
    },
  ]
  return cases.map(given => ({ ...given, commands: ['identity suggest'] }))
}
