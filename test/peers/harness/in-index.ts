import type { BuildScene } from './buildkit.ts'
import { tool } from './command.ts'

/** A statement in an index, as crane finds it. */
export type InIndexStatement = { readonly image: string; readonly predicateType: string; readonly text: string }

/** What an index of BuildKit holds. */
export type InIndex = {
  readonly digest: string
  /** `HOST/NAME@sha256:…` of each image, by its architecture. */
  readonly images: Readonly<Record<string, string>>
  readonly statements: readonly InIndexStatement[]
}

type Entry = {
  readonly digest: string
  readonly platform: { readonly architecture: string }
  readonly annotations?: Readonly<Record<string, string>>
}

/** Reads an index in the scene's registry without a line of ours: by its annotations, as Docker documents them. */
export async function readInIndex(scene: BuildScene, image: string): Promise<InIndex> {
  const repository = image.slice(0, image.lastIndexOf(':'))
  const crane = async (...args: readonly string[]) => (await scene.runOk(tool('crane'), args)).stdout
  const manifest = async (reference: string) => JSON.parse(await crane('manifest', '--insecure', reference))
  const entries: readonly Entry[] = (await manifest(image)).manifests
  const images: Record<string, string> = {}
  const statements: InIndexStatement[] = []
  for (const { digest, platform, annotations } of entries) {
    const about = annotations?.['vnd.docker.reference.digest']
    if (about === undefined) images[platform.architecture] = `${repository}@${digest}`
    else
      for (const layer of (await manifest(`${repository}@${digest}`)).layers)
        statements.push({
          image: `${repository}@${about}`,
          predicateType: layer.annotations['in-toto.io/predicate-type'],
          text: await crane('blob', '--insecure', `${repository}@${layer.digest}`),
        })
  }
  return { digest: (await crane('digest', '--insecure', image)).trim(), images, statements }
}
