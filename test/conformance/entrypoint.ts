#!/usr/bin/env node
// The command under test, as the public client conformance suite calls it: `ENTRYPOINT verify-bundle --bundle FILE …`.
// COUNTERSIGN names an executable; without it the sources run on the Node that runs this.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ourCommandLine } from './bundle-protocol.ts'

const executable = process.env['COUNTERSIGN'] ?? 'source'
const [program = '', ...first] =
  executable === 'source' ? [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts')] : [executable]
const { status, error } = spawnSync(program, [...first, ...ourCommandLine(process.argv.slice(2))], { stdio: 'inherit' })
if (error) throw error
process.exitCode = status ?? 128
