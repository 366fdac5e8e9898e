import { type Actor, cosign3, type Format } from './actor.ts'
import { type Ended, type RunOptions, run, runOk, tool } from './command.ts'
import { buildImage, pushImage } from './image.ts'
import { generateKey, type KeyPair } from './keys.ts'
import { createPlace, type Place } from './place.ts'
import { type Server, startDockerRegistry } from './server.ts'

/** What most scenarios begin with: a registry that holds an image, and two key pairs. */
export type Scene = {
  readonly place: Place
  readonly registry: Server
  /** Digest of the image. */
  readonly digest: string
  readonly a: KeyPair
  readonly b: KeyPair
  /** A copy of the image, tagged `v1`, in a repository of its own; gives `HOST/NAME@sha256:…`. */
  readonly copyImage: (name: string) => Promise<string>
  /** Runs a command of an actor; how it ended is the test's business. */
  readonly run: (actor: Actor, args: readonly string[], options?: RunOptions) => Promise<Ended>
  /** Signs without a log; it must succeed. */
  readonly sign: (actor: Actor, format: Format, key: KeyPair, ...rest: readonly string[]) => Promise<Ended>
  /** Verifies without a log. */
  readonly verify: (actor: Actor, key: KeyPair, ...rest: readonly string[]) => Promise<Ended>
  readonly close: () => Promise<void>
}

/** @param start - starts the registry; docker-registry 2.8 unless told */
export async function openScene(start: (place: Place) => Promise<Server> = startDockerRegistry): Promise<Scene> {
  const place = createPlace()
  const registry = await start(place)
  const source = `${registry.host}/image`
  const digest = await pushImage(place, await buildImage(place, 'image', ['one\n', 'two\n']), `${source}:v1`)
  const [a, b] = await Promise.all([generateKey(place, cosign3, 'a'), generateKey(place, cosign3, 'b')])
  return {
    place,
    registry,
    digest,
    a,
    b,
    copyImage: async name => {
      await runOk(place, tool('crane'), ['copy', '--insecure', `${source}@${digest}`, `${registry.host}/${name}:v1`])
      return `${registry.host}/${name}@${digest}`
    },
    run: (actor, args, options) => run(place, actor.command(), args, options),
    sign: (actor, format, { key }, ...rest) => runOk(place, actor.command(), ['sign', ...actor.signs(format), '--key', key, ...rest]),
    verify: (actor, { pub }, ...rest) => run(place, actor.command(), ['verify', ...actor.verifies('legacy', place), '--key', pub, ...rest]),
    close: async () => {
      await registry.stop()
      place.remove()
    },
  }
}
