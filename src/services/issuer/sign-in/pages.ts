import { createHash } from 'node:crypto'

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem;color:#1a1a1a}
h1{font-size:1.4rem}label{display:block;margin:.8rem 0}input{display:block;width:100%;box-sizing:border-box;padding:.5rem;font:inherit}
button{padding:.5rem 1rem;margin:.8rem .5rem 0 0;font:inherit}code{font-size:1.2rem;overflow-wrap:anywhere}.wrong{color:#b00020}`

/** A form has no `form-action`: browsers would hold the redirect to the client's loopback port to it. */
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'`

/** What every page is sent with: no scripts, no frames, nothing kept, no address told to others. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': policy,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** A page as an answer. */
export function page(html: string, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(html, { status, headers: { ...pageHeaders, ...headers } })
}

/** The form for email address and password; posts to its own address. */
export function loginPage(wrong?: string): string {
  return frame(
    'Sign in',
    `${wrong === undefined ? '' : `<p class="wrong" role="alert">${escapeHtml(wrong)}</p>`}
<p>A program on your computer asks who you are, to put your email address into a signing certificate.</p>
<form method="post"><label>Email address <input name="email" type="email" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button name="action" value="login">Sign in</button><button name="action" value="abort" formnovalidate>Cancel</button></form>`,
  )
}

/** Asks for the code that a device shows. `form` is the provider's own, with its token against forgery. */
export function deviceCodePage(form: string, wrong?: string): string {
  return frame(
    'Sign in on another device',
    `${wrong === undefined ? '' : `<p class="wrong" role="alert">${escapeHtml(wrong)}</p>`}
<p>Enter the code that the device shows.</p>${form}<button type="submit" form="op.deviceInputForm">Continue</button>`,
  )
}

/** Asks whether it is this device; others may have sent the link. RFC 8628 §5.4. */
export function deviceConfirmPage(form: string, userCode: string): string {
  return frame(
    'Is this your device?',
    `<p>It shows the code <code>${escapeHtml(userCode)}</code>. If it does not, or somebody sent you here, cancel: they would sign in your name.</p>
${form}<button type="submit" form="op.deviceConfirmForm">Continue</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Cancel</button>`,
  )
}

/** A title and a text, nothing to do. */
export function noticePage(title: string, text: string): string {
  return frame(title, `<p>${escapeHtml(text)}</p>`)
}

/** Shows a code to be pasted into a program that no browser can reach. */
export function pasteCodePage(code: string): string {
  return frame('Almost there', `<p>Paste this code into the program that sent you here:</p><p><code>${escapeHtml(code)}</code></p>`)
}

function frame(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${style}</style></head><body><h1>${escapeHtml(title)}</h1>
${content}
</body></html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
