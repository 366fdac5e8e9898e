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

const { existsSync } = await import('node:fs')
// A checkout has the source, and it runs as it stands: what an earlier build left in dist does not shadow it. The package has dist.
const source = new URL('../src/cli/main.ts', import.meta.url)
if (existsSync(source)) await import(source.href)
else {
  const { enableCompileCache } = await import('node:module')
  const caches = process.env.XDG_CACHE_HOME || (process.env.HOME && `${process.env.HOME}/.cache`) || process.env.LOCALAPPDATA
  // Compiled code is run without being looked at, so it is never kept where others may write, as Node's own default is.
  if (caches) enableCompileCache?.(`${caches}/countersign`)
  await import('../dist/cli.cjs')
}
