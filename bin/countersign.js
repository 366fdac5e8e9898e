#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still read it and say what to do.
const oldest = 24
const [major] = process.versions.node.split('.').map(Number)
if (major < oldest && !process.versions.bun) {
  console.error(
    `countersign needs Node.js ${oldest} or newer; this is ${process.version}.\n` +
      'Install a newer one (https://nodejs.org), or, in a checkout, run `npm ci` and then `npx countersign`.',
  )
  process.exit(1)
}

const { default: module } = await import('node:module')
const { existsSync } = await import('node:fs')
module.enableCompileCache?.()
const built = new URL('../dist/cli.cjs', import.meta.url)
await import(existsSync(built) ? built.href : '../src/cli/main.ts')
