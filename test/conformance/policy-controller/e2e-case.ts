import type { Built } from '../../../src/testing/image-builder.ts'
import { createTestSigstore } from '../../../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../../../src/testing/test-keys.ts'
import { type AdmissionRig, type Asked, unlogged } from './admission-rig.ts'
import { plainImage } from './multi-arch-image.ts'

/** One look at a policy of upstream's: what its script wants of it, and where what we do is known to be something else. */
export type EndToEndCase = {
  readonly name: string
  readonly prepare?: (rig: AdmissionRig) => Promise<unknown>
  readonly beside?: readonly string[] // documents besides the policy
  readonly patched?: (text: string) => string // as upstream's script patches it
  readonly asked?: Partial<Asked>
  readonly admitted: boolean // by upstream
  readonly says?: string // upstream, where it refuses or warns
  readonly ours?: { readonly admitted?: boolean; readonly says?: string; readonly why: string } // where ours differs; it fails when it does no more
}

/** Whose root stands in the place of the public one. */
export const sigstore: Awaited<ReturnType<typeof createTestSigstore>> = await createTestSigstore()

/** The look-alike of the image that upstream's scripts build, and where they push it. */
export const image: Built = plainImage
export const demo = { repository: 'policy-controller/demo' } as const
export const demoImage: string = `registry.local:5000/${demo.repository}@${image.digest}`

/** Who signs with the key that the policies name, and is in the log; and who is in none. */
export const keyed = { key: teamKey.signer() } as const
export const keyedUnlogged = unlogged(keyed.key)
