import { assertRefused, type Outcome, type Refusal } from '../../../src/testing/command-rig.ts'
import { createTestSigstore, type SigningOptions } from '../../../src/testing/sigstore/test-sigstore.ts'
import { type AnnotationEdit, type Scene, setScene, who } from '../../keyless/scene.ts'
import { documentOf } from '../documents.ts'
import { cs, definePlain, good, rig } from '../setup.ts'

export { who }

export const sigstore = await createTestSigstore()
export const scene = setScene(rig, sigstore, 'our-')
/** Another Sigstore, which nobody here trusts. */
export const foreign = setScene(rig, await createTestSigstore(), 'their-')

export const root = '--trusted-root our-trusted_root.json'
/** The flags that a signature of the workflow passes with. */
export const strict = `${who} ${root}`

/** Commands that take all flags about certificates, logs and timestamps. */
export const verifiers = ['verify', 'verify-blob', 'manifest verify', 'dockerfile verify']

/** A line of the command about something that is signed with a bundle, without flags. */
export async function signed(command: string, options?: SigningOptions, by: Scene = scene): Promise<string> {
  return command === 'verify-blob' ? `${command} ${await by.blob(options)}` : onImage(command, await by.image(options))
}

/** The same in the layout of cosign 2. Of a file the signature, the certificate and the log bundle are in one file. */
export async function signedBefore(command: string, options?: SigningOptions, edit?: AnnotationEdit): Promise<string> {
  return command === 'verify-blob'
    ? `${command} ${await scene.legacyBlob(options)}`
    : onImage(command, await scene.legacyImage(options, edit))
}

/** The line that verifies an image, directly or by a document that names it. */
export function onImage(command: string, image: string): string {
  return command === 'verify' ? `verify ${image}` : `${command} ${scene.write('document.yaml', documentOf(command, [image]))}`
}

/** What no certificate matched ends with: cosign 2's layout of an image has an exit status of its own. */
export function exitOf(command: string, layout: 'bundle' | 'legacy'): 1 | 12 {
  return layout === 'legacy' && command !== 'verify-blob' ? 12 : 1
}

export async function passes(line: string, options?: Parameters<typeof cs>[1]): Promise<Outcome> {
  return await good(cs(line, options))
}

export async function fails(
  line: string,
  code: Refusal['code'],
  message: RegExp,
  { exit = 1, ...options }: { readonly exit?: Refusal['exit'] } & Parameters<typeof cs>[1] = {},
): Promise<Outcome> {
  const outcome = await cs(`${line} -o json`, options)
  assertRefused(outcome, { exit, code, message })
  return outcome
}

const suggested = await scene.image()
definePlain('identity suggest', {
  line: async () => `identity suggest ${root} ${suggested}`,
  failing: line => `${line} --as-of never`,
  prints: true,
})
