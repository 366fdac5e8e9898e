import assert from 'node:assert/strict'
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { installPackage } from '../../scripts/install-package.ts'
import { bun, root, runOrDie } from '../../scripts/process.ts'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { encodeHex } from '../../src/codec/hex.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { answer, type Question } from '../browser/wycheproof.ts'
import { type BundleCase, readBundleCases } from '../conformance/bundle-cases.ts'
import { type BrowserRig, openBrowser } from './harness/browser.ts'

// The door ./verify of the installed package in Chromium, bundled as a user would, on the conformance suite's bundles; and Wycheproof by
// Chromium's own WebCrypto.

const folder = mkdtempSync(join(tmpdir(), 'countersign-browser-'))
let browser: BrowserRig

before(async () => {
  await installPackage(folder)
  copyFileSync(join(root, 'test/browser/page.js'), join(folder, 'user/page.js'))
  const bundle = (entry: string, to: string, cwd: string) =>
    runOrDie(bun, ['build', '--target=browser', '--format=esm', entry, `--outfile=${join(folder, 'pages', to)}`], { cwd })
  await bundle('./page.js', 'page.js', join(folder, 'user'))
  await bundle('./test/browser/wycheproof.ts', 'vectors.js', root)
  copyFileSync(join(root, 'test/browser/index.html'), join(folder, 'pages/index.html'))
  browser = await openBrowser(join(folder, 'pages'))
})
after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

for (const origin of ['secure', 'plain'] as const)
  test(`conformance bundles get their verdicts in a page, ${origin === 'plain' ? 'without' : 'by'} WebCrypto, by file and by digest`, async () => {
    const page = await browser.open('index.html', origin)
    assert.equal(await page.evaluate('typeof crypto.subtle'), origin === 'plain' ? 'undefined' : 'object')
    const asked = readBundleCases().flatMap(one => (['file', 'digest'] as const).map(by => ({ one, by })))
    const told = await page.evaluate(examineInPage, ['/page.js', asked.map(({ one, by }) => fieldsOf(one, by))] as const)
    const wrong = asked.flatMap(({ one, by }, index) => {
      const { verdict, reason, steps } = told[index]!
      return verdict === (one.isGood ? 'Verified' : 'Refused') ? [] : [`${one.name} by ${by}: ${verdict}: ${reason}\n${steps}`]
    })
    assert.deepEqual(wrong, [])
  })

for (const { name, artifact, verdict, reason, steps } of [
  {
    name: 'happy-path-v0.3',
    verdict: 'Verified',
    reason: /^$/,
    steps: ['✓ certificate', '✓ sct', '✓ transparency-log', '✓ identity', '✓ artifact'],
  },
  { name: 'managed-key-and-trusted-root', verdict: 'Verified', reason: /^$/, steps: ['✓ signer', '✓ transparency-log', '✓ signature'] },
  { name: 'happy-path-v0.3', artifact: 'another', verdict: 'Refused', reason: /^ARTIFACT_MISMATCH: /, steps: ['✗ artifact'] },
])
  test(`a person's page: ${name}${artifact ? ` for ${artifact} artifact` : ''}: ${verdict}, and by which steps`, async () => {
    const one = readBundleCases().find(known => known.name === name)
    assert.ok(one)
    const page = await browser.open('index.html', 'secure')
    await page.setInputFiles('[name=bundle]', one.bundle)
    await page.setInputFiles('[name=trustedRoot]', one.trustedRoot)
    await page.setInputFiles('[name=artifact]', artifact ? one.bundle : one.artifact)
    if ('key' in one.signer) await page.setInputFiles('[name=key]', one.signer.key)
    else for (const [field, text] of Object.entries(one.signer)) await page.fill(`[name=${field}]`, text)
    await page.click('button')
    await page.locator('output', { hasText: /^(Verified|Refused|Broken)$/ }).waitFor({ timeout: 10_000 })
    const [said, why, shown] = await Promise.all(['output', '#reason', 'pre'].map(selector => page.locator(selector).textContent()))
    assert.equal(said, verdict, `${why}\n${shown}`)
    assert.match(why!, reason)
    for (const step of steps) assert.ok(shown!.includes(`    ${step}: `), `${step} in\n${shown}`)
  })

/** The form's fields for one case: texts, and files in base64. */
type Fields = readonly { readonly name: string; readonly text?: string; readonly base64?: string }[]

function fieldsOf({ bundle, artifact, trustedRoot, signer }: BundleCase, by: 'file' | 'digest'): Fields {
  const file = (name: string, path: string | undefined) => ({ name, base64: path === undefined ? '' : encodeBase64(readFileSync(path)) })
  const { key, identity, issuer } = { key: undefined, identity: '', issuer: '', ...signer }
  return [
    file('bundle', bundle),
    file('trustedRoot', trustedRoot),
    file('artifact', by === 'file' ? artifact : undefined),
    { name: 'digest', text: by === 'digest' ? `sha256:${encodeHex(sha256(readFileSync(artifact)))}` : '' },
    file('key', key),
    { name: 'identity', text: identity },
    { name: 'issuer', text: issuer },
  ]
}

/** Runs in the page: hands the page's own function a form for each list of fields. */
async function examineInPage([script, forms]: readonly [string, readonly Fields[]]) {
  const { examine } = await import(script)
  const told: { verdict: string; reason: string; steps: string }[] = []
  for (const fields of forms) {
    const form = new FormData()
    for (const { name, text, base64 } of fields)
      if (text !== undefined) form.set(name, text)
      else form.set(name, new File([Uint8Array.from(atob(base64 ?? ''), character => character.charCodeAt(0))], name))
    told.push(await examine(form))
  }
  return told
}

type Vectors = {
  readonly testGroups: readonly {
    readonly publicKeyDer: string
    readonly sha?: string
    readonly tests: readonly { readonly tcId: number; readonly msg: string; readonly sig: string }[]
  }[]
}

test('Wycheproof: Chromium, with WebCrypto and without, gives the answers of Node to every case, over the message and over its digest', async () => {
  const pages = await Promise.all((['secure', 'plain'] as const).map(origin => browser.open('index.html', origin)))
  let cases = 0
  for (const path of globSync('test/vectors/wycheproof/*.json.gz', { cwd: root }).sort()) {
    const { testGroups }: Vectors = JSON.parse(gunzipSync(readFileSync(join(root, path))).toString('utf8'))
    const questions = testGroups.flatMap(({ publicKeyDer, sha = 'SHA-512', tests }) =>
      tests.map(({ msg, sig }): Question => ({ spki: publicKeyDer, hash: hashOf(sha), message: msg, signature: sig })),
    )
    cases += questions.length
    const wanted = await answer(questions)
    const got = await Promise.all(pages.map(page => page.evaluate(answerInPage, ['/vectors.js', questions] as const)))
    for (const [side, answers] of got.entries())
      for (const [index, pair] of answers.entries())
        assert.deepEqual(pair, wanted[index], `${basename(path)}, case ${index}, ${side === 0 ? 'by' : 'without'} WebCrypto`)
  }
  assert.ok(cases > 5000, `${cases} cases`)
})

function hashOf(sha: string): Question['hash'] {
  const hash = sha.toLowerCase().replace('-', '')
  assert.ok(hash === 'sha224' || hash === 'sha256' || hash === 'sha384' || hash === 'sha512', sha)
  return hash
}

/** Runs in the page. */
async function answerInPage([script, questions]: readonly [string, readonly Question[]]): ReturnType<typeof answer> {
  return (await import(script)).answer(questions)
}
