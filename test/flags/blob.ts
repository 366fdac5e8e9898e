import assert from 'node:assert/strict'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { type Case, cs, good, noLog, plainLine, refuses, trusting, unreadable, usage } from './setup.ts'

/** Flags that only the commands on files have. */
export function blobCases(): readonly Case[] {
  return [
    {
      flag: 'bundle',
      commands: ['verify-blob'],
      what: 'is the bundle that is verified',
      check: async () => {
        await good(cs(`verify-blob ${trusting} --bundle blob.json blob`))
        assertRefused(await cs(`verify-blob ${trusting} -o json blob`), usage(/^missing flag '--bundle'/))
        assertRefused(await cs(`verify-blob ${trusting} --bundle nowhere.json -o json blob`), unreadable)
      },
    },
    {
      flag: 'b64',
      commands: ['sign-blob'],
      what: 'off, the signature is raw bytes',
      check: async () => {
        const raw = await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --b64=false blob`))
        assert.equal(raw.stdoutBytes[0], 0x30)
        await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --b64=false --output raw.sig blob`))
        await good(cs(`verify-blob ${trusting} --signature raw.sig blob`))
        await refuses('sign-blob', `${await plainLine('sign-blob')} --b64=false`, usage(/--b64 concerns the bare signature/))
      },
    },
    {
      flag: 'output',
      commands: ['sign-blob'],
      what: 'is the older name of --output-signature',
      check: async () => {
        await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --output older.sig blob`))
        await good(cs(`verify-blob ${trusting} --signature older.sig blob`))
        const line = `sign-blob --key team.key ${noLog} --new-bundle-format=false --output a --output-signature b blob`
        assert.match((await cs(line)).stderr, /want one of --output and --output-signature, got both/)
      },
    },
  ]
}
