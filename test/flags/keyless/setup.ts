import { encodeUtf8 } from '../../../src/codec/text.ts'
import { ociDigestOf } from '../../../src/formats/oci-digest.ts'
import { assertRefused, type Outcome, type Refusal } from '../../../src/testing/command-rig.ts'
import { createTestSigstore, type SigningOptions } from '../../../src/testing/sigstore/test-sigstore.ts'
import { attestedImage, setAttestations, signEnvelope, statementAbout } from '../../attestations/scene.ts'
import { type AnnotationEdit, blobBundleOf, type Scene, setScene, who, workflowLeaf } from '../../keyless/scene.ts'
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
export const verifiers = ['verify', 'verify-attestation', 'verify-blob', 'verify-blob-attestation', 'manifest verify', 'dockerfile verify']

/** Whether a command verifies a file: it has no layers, and one signature. */
export function isOfFile(command: string): boolean {
  return command.startsWith('verify-blob')
}

/** A line of the command about something that is signed with a bundle, without flags. */
export async function signed(command: string, options?: SigningOptions, by: Scene = scene): Promise<string> {
  switch (command) {
    case 'verify-blob':
      return `${command} ${await by.blob(options)}`
    case 'verify-blob-attestation':
      return `${command} --bundle ${scene.write('attested', await attestedFile(by, options))} ${scene.write('file', fileBytes)}`
    case 'verify-attestation':
      return `${command} ${await attestations.witnessed('bundle', by.sigstore, review, withWorkflow(options))}`
    default:
      return onImage(command, await by.image(options))
  }
}

/** The same in the layout of cosign 2. Of a file the signature, the certificate and the log bundle are in one file. */
export async function signedBefore(command: string, options?: SigningOptions, edit?: AnnotationEdit): Promise<string> {
  switch (command) {
    case 'verify-blob':
      return `${command} ${await scene.legacyBlob(options)}`
    case 'verify-blob-attestation': {
      const { json, parts } = await signEnvelope(sigstore, reviewOfFile, withWorkflow(options))
      const bundle = blobBundleOf({ ...parts, signature: json })
      return `${command} --bundle ${scene.write('attested', JSON.stringify(bundle))} ${scene.write('file', fileBytes)}`
    }
    case 'verify-attestation':
      return `${command} ${await attestations.witnessed('legacy', sigstore, review, withWorkflow(options), edit)}`
    default:
      return onImage(command, await scene.legacyImage(options, edit))
  }
}

const fileBytes = encodeUtf8('countersign\n')
const predicateType = 'https://cosign.sigstore.dev/attestation/v1' // what --type names unless told
export const review = statementAbout(attestedImage.digest, { predicateType })
export const reviewOfFile = statementAbout(ociDigestOf(fileBytes), { predicateType })
export const attestations = setAttestations(rig, 'our-attested')

/** A bundle of an attestation about a file. */
export function attestedFile(by: Scene, options?: SigningOptions): Promise<Uint8Array> {
  return by.sigstore.signImage(ociDigestOf(fileBytes), { ...withWorkflow(options), statement: reviewOfFile })
}

export function withWorkflow(options: SigningOptions = {}): SigningOptions {
  return { ...options, leaf: { ...workflowLeaf, ...options.leaf } }
}

/** The line that verifies an image, directly or by a document that names it. */
export function onImage(command: string, image: string): string {
  return command === 'verify' || command === 'verify-attestation'
    ? `${command} ${image}`
    : `${command} ${scene.write('document.yaml', documentOf(command, [image]))}`
}

/** What no certificate matched ends with: cosign 2's layout of an image's signatures has an exit status of its own. */
export function exitOf(command: string, layout: 'bundle' | 'legacy'): 1 | 12 {
  return layout === 'legacy' && command !== 'verify-attestation' && !isOfFile(command) ? 12 : 1
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
