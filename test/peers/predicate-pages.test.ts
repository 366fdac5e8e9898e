import assert from 'node:assert/strict'
import { copyFileSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { binFolder } from './harness/bin-folder.ts'
import { run, tool } from './harness/command.ts'
import { cyclonedxNpm, debianRoot, giveAdvisories, scannerEnvironment } from './harness/document-tools.ts'
import { openScene, type Scene } from './harness/scene.ts'

// Every `sh` block of every page in docs/predicates is run as it stands, but for the address of the image, by bash, in the order of
// the page and in one folder, with the tools it names. A block that is marked `refused` must end with an error that says what the
// `text` block after it says.

const pages = globSync(join(import.meta.dirname, '../../docs/predicates/*.md'))
  .filter(page => basename(page) !== 'README.md')
  .sort()
const example = 'registry.example.com/app@sha256:...'

let scene: Scene
let env: Readonly<Record<string, string>>
before(async () => {
  scene = await openScene()
  const bin = binFolder(scene.place)
  for (const name of ['syft', 'grype', 'debsbom'] as const) symlinkSync(tool(name)[0], join(bin, name))
  writeFileSync(join(bin, 'cyclonedx-npm'), `#!/bin/sh\nexec '${cyclonedxNpm.join("' '")}' "$@"\n`, { mode: 0o755 })
  env = { ...scannerEnvironment(scene.place), PATH: `${bin}:${scene.place.env['PATH']}` }
  await giveAdvisories(scene.place, [
    { id: 'TEST-2026-1', ecosystem: 'npm', package: 'left-pad', constraint: '<2', severity: 'high' },
    { id: 'TEST-2026-2', ecosystem: 'npm', package: 'left-pad', constraint: '<1', severity: 'critical' },
  ])
})
after(() => scene.close())

/** A folder with what the pages take to be there: keys, an npm package, its SBOM, a root file system. */
function preparePage(name: string): string {
  const folder = scene.place.path(name)
  mkdirSync(join(folder, 'node_modules/left-pad'), { recursive: true })
  copyFileSync(scene.a.key, join(folder, 'cosign.key'))
  copyFileSync(scene.a.pub, join(folder, 'cosign.pub'))
  const leftPad = { name: 'left-pad', version: '1.3.0', license: 'WTFPL' }
  const app = { name: 'app', version: '1.0.0', license: 'Apache-2.0', dependencies: { 'left-pad': '1.3.0' } }
  writeFileSync(join(folder, 'node_modules/left-pad/package.json'), JSON.stringify(leftPad))
  writeFileSync(join(folder, 'package.json'), JSON.stringify(app))
  const component = { type: 'library', name: 'left-pad', version: '1.3.0', purl: 'pkg:npm/left-pad@1.3.0' }
  writeFileSync(
    join(folder, 'sbom.cdx.json'),
    JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [component] }),
  )
  symlinkSync(debianRoot, join(folder, 'rootfs'))
  return folder
}

type Block = { readonly script: string; readonly refusal: string | undefined }

function blocksOf(page: string): readonly Block[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/(<!-- refused -->\n)?```sh\n([\s\S]*?)```\n(?:```text\n([\s\S]*?)```)?/g)
  return [...blocks].map(([, refused, script, text]) => {
    assert.equal(refused !== undefined, text !== undefined, `${page}: a text block stands after each refusal, and nowhere else`)
    return { script: script!, refusal: text?.trim() }
  })
}

test('there is a page for each type in the list of them, and a line in the list for each page', () => {
  const list = readFileSync(join(import.meta.dirname, '../../docs/predicates/README.md'), 'utf8')
  const linked = [...list.matchAll(/^\| \[[^\]]+\]\(([^)]+)\)/gm)].map(([, page]) => page).sort()
  assert.deepEqual(
    pages.map(page => basename(page)),
    linked,
  )
})

describe('pages about predicates', { concurrency: 2 }, () => {
  for (const page of pages)
    test(`the page does what it says: ${basename(page)}`, async () => {
      const name = basename(page, '.md')
      const folder = preparePage(name)
      const image = await scene.copyImage(name)
      const blocks = blocksOf(page)
      assert.ok(blocks.length >= 3, 'it is made, attested, and asked')
      for (const { script, refusal } of blocks) {
        const input = script.replaceAll(example, image)
        const { code, stdout, stderr } = await run({ ...scene.place, folder }, ['/bin/bash', '-e', '-u', '-o', 'pipefail'], [], {
          env,
          input,
        })
        assert.equal(code === 0, refusal === undefined, `${script}${stdout}${stderr}`)
        if (refusal !== undefined) assert.ok(stderr.includes(refusal), `${script}says ${refusal}, got ${stderr}`)
      }
    })
})
