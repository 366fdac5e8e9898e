import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { encodeUtf8 } from '../src/codec/text.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { runOk, tool } from '../test/peers/harness/command.ts'
import { buildImage, pushImage } from '../test/peers/harness/image.ts'
import { createPlace, type Place } from '../test/peers/harness/place.ts'
import { type Server, startDockerRegistry, startOwnRegistry } from '../test/peers/harness/server.ts'

/** A registry on loopback that holds an image. */
export type Stocked = {
  readonly host: string
  /** `127.0.0.1:PORT/bench@sha256:…`, signed with cosign.key. */
  readonly image: string
  /** References of images that nobody has signed, as many as asked for. */
  readonly unsigned: (count: number) => Promise<readonly string[]>
}

/** What the measured commands work on: by real cosign 3 keys, a signed blob and a signed image in each of two registries; by our test Sigstore a blob. */
export type Scene = {
  readonly place: Place
  /** docker-registry 2.8, which has no referrers API. */
  readonly plain: Stocked
  /** Our own, which has it. */
  readonly withApi: Stocked
  readonly end: () => Promise<void>
}

/** Flags by which cosign 3 signs and verifies with a key alone. */
export const alone = {
  sign: ['--key', 'cosign.key', '--use-signing-config=false', '--tlog-upload=false', '--yes'],
  verify: ['--key', 'cosign.pub', '--insecure-ignore-tlog=true'],
} as const

/** Flags by which cosign 3 verifies what a Sigstore in memory signed. */
export const keyless = [
  ...['--trusted-root', 'trusted_root.json'],
  ...['--certificate-identity', 'signer@example.com', '--certificate-oidc-issuer', 'https://issuer.example'],
] as const

/** Sets the scene. `cosign.key`, `cosign.pub`, `blob`, `blob.bundle`, `keyless.bundle` and `trusted_root.json` lie in its place. */
export async function setScene(): Promise<Scene> {
  const place = createPlace()
  const registries = [await startDockerRegistry(place), await startOwnRegistry(place)] as const
  const cosign = (...args: readonly string[]) => runOk(place, tool('cosign-3'), args)
  await cosign('generate-key-pair')
  const blob = 'a kilobyte of blob\n'.repeat(54)
  writeFileSync(place.path('blob'), blob)
  await cosign('sign-blob', ...alone.sign, '--bundle', 'blob.bundle', 'blob')
  const sigstore = await createTestSigstore('p384')
  writeFileSync(place.path('keyless.bundle'), await sigstore.signBlob(encodeUtf8(blob)))
  writeFileSync(place.path('trusted_root.json'), sigstore.trustedRootJson)
  const image = await buildImage(place, 'bench')
  const stock = async ({ host }: Server): Promise<Stocked> => {
    const digest = await pushImage(place, image, `${host}/bench:latest`)
    await cosign('sign', ...alone.sign, `${host}/bench@${digest}`)
    return { host, image: `${host}/bench@${digest}`, unsigned: count => pushVariants(host, 'bench', count) }
  }
  const end = async () => {
    for (const registry of registries) await registry.stop()
    place.remove()
  }
  return { place, plain: await stock(registries[0]), withApi: await stock(registries[1]), end }
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
