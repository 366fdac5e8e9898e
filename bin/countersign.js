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
// A checkout has the source, and it runs as it stands: what an earlier build left in dist does not shadow it. The package has dist.
const source = new URL('../src/cli/main.ts', import.meta.url)
await import(existsSync(source) ? source.href : '../dist/cli.cjs')
