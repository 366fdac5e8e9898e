import { existsSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type Listener, listen } from '../../../src/services/listen.ts'

/** Chromium with pages of one folder. */
export type BrowserRig = {
  /**
   * A page of the folder, where `crypto.subtle` is there or, as on any page that came over plain HTTP from another machine, is not.
   * It may load its own scripts and nothing else; an error in it fails whatever is awaited of it next.
   */
  readonly open: (file: string, origin: 'secure' | 'plain') => Promise<Page>
  readonly close: () => Promise<void>
}

const program = '/usr/bin/chromium'
const types = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript'],
])

/** @throws where Debian's Chromium is missing */
export async function launchChromium(): Promise<Browser> {
  if (!existsSync(program)) throw new Error(`${program} is missing: apt-get install chromium`)
  const args = ['--no-sandbox', '--host-resolver-rules=MAP countersign.example 127.0.0.1'] // no sandbox: containers and CI run as root
  return await chromium.launch({ executablePath: program, args })
}

/** Chromium, with the files of a folder served to it. @throws as `launchChromium` */
export async function openBrowser(folder: string): Promise<BrowserRig> {
  const browser = await launchChromium()
  const server = await serve(folder)
  return {
    open: (file, origin) =>
      openPage(browser, `http://${origin === 'secure' ? '127.0.0.1' : 'countersign.example'}:${server.url.port}/${file}`),
    close: async () => {
      await browser.close()
      await server.close()
    },
  }
}

function serve(folder: string): Promise<Listener> {
  const handle = async (request: Request) => {
    const name = new URL(request.url).pathname.slice(1)
    const path = join(folder, name)
    if (!/^[a-z]+\.(html|js)$/.test(name) || !existsSync(path)) return new Response('no such file\n', { status: 404 })
    const headers = { 'content-type': types.get(extname(name))!, 'content-security-policy': "default-src 'none'; script-src 'self'" }
    return new Response(readFileSync(path), { headers })
  }
  return listen(handle, { report: error => process.emitWarning(String(error)) })
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage()
  page.on('pageerror', error => void page.close({ reason: `error in the page: ${error.message}` }))
  await page.goto(url)
  return page
}
