import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { runOk, tool } from '../test/peers/harness/command.ts'
import { buildImage, pushImage } from '../test/peers/harness/image.ts'
import { createPlace, type Place } from '../test/peers/harness/place.ts'
import { type Server, startDockerRegistry } from '../test/peers/harness/server.ts'

/** What the measured commands work on: keys, a signed blob and a signed image in a registry on loopback, all made by real cosign 3. */
export type Scene = {
  readonly place: Place
  readonly registry: Server
  /** `127.0.0.1:PORT/bench@sha256:…`, signed with cosign.key. */
  readonly image: string
  /** References of images that nobody has signed, as many as asked for. */
  readonly unsigned: (count: number) => Promise<readonly string[]>
  readonly end: () => Promise<void>
}

/** Flags by which cosign 3 signs and verifies with a key alone. */
export const alone = {
  sign: ['--key', 'cosign.key', '--use-signing-config=false', '--tlog-upload=false', '--yes'],
  verify: ['--key', 'cosign.pub', '--insecure-ignore-tlog=true'],
} as const

/** Sets the scene. `cosign.key`, `cosign.pub`, `blob` and `blob.bundle` lie in its place. */
export async function setScene(): Promise<Scene> {
  const place = createPlace()
  const registry = await startDockerRegistry(place)
  const cosign = (...args: readonly string[]) => runOk(place, tool('cosign-3'), args)
  await cosign('generate-key-pair')
  writeFileSync(place.path('blob'), 'a kilobyte of blob\n'.repeat(54))
  await cosign('sign-blob', ...alone.sign, '--bundle', 'blob.bundle', 'blob')
  const repository = `${registry.host}/bench`
  const digest = await pushImage(place, await buildImage(place, 'bench'), `${repository}:latest`)
  await cosign('sign', ...alone.sign, `${repository}@${digest}`)
  const end = async () => {
    await registry.stop()
    place.remove()
  }
  return { place, registry, image: `${repository}@${digest}`, unsigned: count => pushVariants(registry.host, 'bench', count), end }
}

/** Pushes copies of `NAME:latest` that differ in one annotation, so that each has its own digest. */
export async function pushVariants(host: string, name: string, count: number): Promise<readonly string[]> {
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = await (await fetch(`http://${host}/v2/${name}/manifests/latest`, { headers: { accept } })).json()
  const references: string[] = []
  for (let index = 0; index < count; index++) {
    const body = JSON.stringify({ ...(manifest as object), annotations: { variant: `${references.length} of ${count}` } })
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
    const response = await fetch(`http://${host}/v2/${name}/manifests/${digest}`, {
      method: 'PUT',
      headers: { 'content-type': accept },
      body,
    })
    if (response.status !== 201) throw new Error(`PUT of a manifest: want status 201, got ${response.status}: ${await response.text()}`)
    references.push(`${host}/${name}@${digest}`)
  }
  return references
}
