import { writeFileSync } from 'node:fs'
import { type Actor, cosign2, cosign3 } from './actor.ts'
import { attachNote } from './attached.ts'
import { runOk, tool } from './command.ts'
import type { Scene } from './scene.ts'

/**
 * A copy of the scene's image to which the peers attached one thing of each kind: cosign 2 a signature, an attestation and
 * an SBOM under tags, cosign 3 a signature and an attestation as bundles, oras a note. Gives its name by digest.
 */
export async function copyWithEverything(scene: Scene, repository: string): Promise<string> {
  const image = await scene.copyImage(repository)
  const predicate = scene.place.path('predicate.json')
  writeFileSync(predicate, '{"verdict":"fine"}')
  const attest = (actor: Actor, ...flags: readonly string[]) =>
    runOk(scene.place, actor.command(), ['attest', ...flags, '--key', scene.a.key, '--predicate', predicate, '--type', 'custom', image])
  await scene.sign(cosign2, 'legacy', scene.a, image)
  await scene.sign(cosign3, 'bundle', scene.a, image)
  await attest(cosign2, ...cosign2.signs('legacy'))
  await attest(cosign3, ...cosign3.signs('bundle'))
  await runOk(scene.place, cosign2.command(), ['attach', 'sbom', '--sbom', predicate, image])
  await attachNote(scene.place, image)
  return image
}

/** Copies an image with everything to another repository of its registry: oras brings what refers to it, crane each tag. */
export async function cloneEverything(scene: Scene, image: string, repository: string): Promise<string> {
  const [from, to] = [image.replace(/@.*/, ''), `${scene.registry.host}/${repository}`]
  await runOk(scene.place, tool('oras'), ['cp', '-r', '--from-plain-http', '--to-plain-http', image, `${to}:v1`])
  for (const suffix of ['sig', 'att', 'sbom']) {
    const tag = `${scene.digest.replace(':', '-')}.${suffix}`
    await runOk(scene.place, tool('crane'), ['copy', '--insecure', `${from}:${tag}`, `${to}:${tag}`])
  }
  return `${to}@${scene.digest}`
}
