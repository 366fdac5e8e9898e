#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still read it and say what to do; CommonJS, which starts 5 ms sooner.
'use strict'
const { existsSync, lstatSync, mkdirSync } = require('node:fs')
const { join } = require('node:path')

const oldest = 24
const [major] = process.versions.node.split('.').map(Number)
if (major < oldest && !process.versions.bun) {
  console.error(
    `countersign needs Node.js ${oldest} or newer; this is ${process.version}.\n` +
      'Install a newer one (https://nodejs.org), or, in a checkout, run `npm ci` and then `npx countersign`.',
  )
  process.exit(1)
}

// A checkout has the source, and it runs as it stands: what an earlier build left in dist does not shadow it. The package has dist.
const source = join(__dirname, '../src/cli/main.ts')
if (existsSync(source)) void import(require('node:url').pathToFileURL(source).href)
else {
  const { enableCompileCache } = require('node:module')
  const caches = process.env.XDG_CACHE_HOME || (process.env.HOME && join(process.env.HOME, '.cache')) || process.env.LOCALAPPDATA
  // Compiled code is run without being looked at, so it is never kept where others may write, as Node's own default is.
  if (caches && isOurs(join(caches, 'countersign'))) enableCompileCache?.(join(caches, 'countersign'))
  require('../dist/cli.cjs')
}

/** Makes the folder if need be. It is another's where HOME is: of the user who called sudo, or a /tmp that many share. */
function isOurs(folder) {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = lstatSync(folder)
    return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
  } catch {
    return false
  }
}
