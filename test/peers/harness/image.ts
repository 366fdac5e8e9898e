import { realpathSync, writeFileSync } from 'node:fs'
import { runOk, tool } from './command.ts'
import type { Place } from './place.ts'

/**
 * Builds a real image as an OCI layout in the place: busybox in one layer and each text in one of its own, made by umoci.
 *
 * @param name - folder of the layout, and its only tag is `latest`
 * @returns path of the layout
 */
export async function buildImage(place: Place, name: string, texts: readonly string[] = ['one\n']): Promise<string> {
  const layout = place.path(name)
  const umoci = (...args: readonly string[]) => runOk(place, tool('umoci'), args)
  await umoci('init', '--layout', layout)
  await umoci('new', '--image', `${layout}:latest`)
  const [busybox] = tool('busybox')
  await umoci('insert', '--rootless', '--image', `${layout}:latest`, realpathSync(busybox), '/bin/busybox') // of a link it would insert the link
  for (const [index, text] of texts.entries()) {
    const file = place.path(`${name}-${index}.txt`)
    writeFileSync(file, text)
    await umoci('insert', '--rootless', '--image', `${layout}:latest`, file, `/etc/text-${index}`)
  }
  await umoci('config', '--image', `${layout}:latest`, '--config.cmd', '/bin/busybox', '--os', 'linux', '--architecture', 'amd64')
  return layout
}

/** Pushes a layout's image to a registry over http and gives its digest, `sha256:…`. */
export async function pushImage(place: Place, layout: string, reference: string): Promise<string> {
  await runOk(place, tool('oras'), ['cp', '--from-oci-layout', '--to-plain-http', `${layout}:latest`, reference])
  return digestOf(place, reference)
}

/** The digest that a reference has in a registry, as crane tells it. */
export async function digestOf(place: Place, reference: string): Promise<string> {
  return (await runOk(place, tool('crane'), ['digest', '--insecure', reference])).stdout.trim()
}

/** Makes an image index of pushed images at a reference and gives its digest. */
export async function pushIndex(place: Place, reference: string, images: readonly string[]): Promise<string> {
  await runOk(place, tool('crane'), ['index', 'append', '--insecure', ...images.flatMap(image => ['-m', image]), '-t', reference])
  return digestOf(place, reference)
}
