import { createHash } from 'node:crypto'

/** Puts a blob into a registry on loopback. `base` is `http://HOST/v2/NAME`. */
export async function putBlob(base: string, content: string | Uint8Array<ArrayBuffer>): Promise<{ digest: string; size: number }> {
  const digest = digestOf(content)
  const location = (await fetch(`${base}/blobs/uploads/`, { method: 'POST' })).headers.get('location') ?? ''
  const target = new URL(location, base)
  target.searchParams.set('digest', digest)
  await put(target.href, content, 'application/octet-stream')
  return { digest, size: Buffer.byteLength(content) }
}

/** Puts a manifest, under its digest or a tag, and gives its descriptor. */
export async function putManifest(
  base: string,
  manifest: object,
  tag?: string,
): Promise<{ mediaType: string; digest: string; size: number }> {
  const body = JSON.stringify(manifest)
  const { mediaType } = manifest as { mediaType: string }
  await put(`${base}/manifests/${tag ?? digestOf(body)}`, body, mediaType)
  return { mediaType, digest: digestOf(body), size: Buffer.byteLength(body) }
}

/** @throws when the answer is not 201 */
export async function put(url: string, body: string | Uint8Array<ArrayBuffer>, type: string): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })
  if (response.status !== 201) throw new Error(`PUT ${url}: want status 201, got ${response.status}: ${await response.text()}`)
}

function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
