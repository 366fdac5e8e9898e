import { encodeBase64 } from '../../src/codec/base64.ts'
import { serializeGoJson } from '../../src/codec/go-json.ts'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { messageOfBytes } from '../../src/crypto/message.ts'
import { logAnswerJson } from '../../src/formats/log/log-answer.ts'
import { logBundleJson, logBundleOfEntry } from '../../src/formats/log/log-bundle.ts'
import type { LogEntry } from '../../src/formats/log/log-entry.ts'
import { signatureAnnotation } from '../../src/formats/simple-signing.ts'
import type { Handler } from '../../src/services/listen.ts'
import type { Rig } from '../../src/testing/command-rig.ts'
import { type BuiltImage, buildImage } from '../../src/testing/image-builder.ts'
import { createHand } from '../../src/testing/registry-hand.ts'
import type { LeafOptions } from '../../src/testing/sigstore/certificate-authority.ts'
import { pemOf, type SignedParts, type SigningOptions, type TestSigstore } from '../../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../../src/testing/test-keys.ts'

/** The workflow that signs in these tests, and the issuer of its tokens. */
export const workflow = {
  repository: 'https://github.com/org/app',
  path: '.github/workflows/build.yml',
  ref: 'refs/heads/main',
  trigger: 'push',
  identity: 'https://github.com/org/app/.github/workflows/build.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
} as const

/** The flags that ask for it, exactly. */
export const who = `--certificate-identity ${workflow.identity} --certificate-oidc-issuer ${workflow.issuer}`

/** What Fulcio certifies of it. */
export const workflowLeaf = {
  names: [{ kind: 'uri', value: workflow.identity }],
  fulcio: {
    issuer: workflow.issuer,
    'github-workflow-trigger': workflow.trigger,
    'github-workflow-sha': 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'github-workflow-name': 'Build',
    'github-workflow-repository': 'org/app',
    'github-workflow-ref': workflow.ref,
    'build-signer-uri': workflow.identity,
    'runner-environment': 'github-hosted',
    'source-repository-uri': workflow.repository,
    'source-repository-ref': workflow.ref,
    'build-config-uri': workflow.identity,
    'build-trigger': workflow.trigger,
  },
} as const satisfies LeafOptions

/** Signs images and files by a Sigstore, and leaves them where commands of a rig find them. */
export type Scene = {
  readonly sigstore: TestSigstore
  /** An image in a repository of its own, with a bundle; its name by digest. */
  readonly image: (options?: SigningOptions, built?: BuiltImage) => Promise<string>
  /** The same in the layout of cosign 2. `without` names annotations that are left out, `edit` has the last word on them. */
  readonly legacyImage: (options?: SigningOptions, edit?: AnnotationEdit) => Promise<string>
  /** An image that nobody signed. */
  readonly bareImage: () => Promise<string>
  /** A file with its bundle: `--bundle F FILE`. */
  readonly blob: (options?: SigningOptions) => Promise<string>
  /** The same with the bundle of cosign 2. */
  readonly legacyBlob: (options?: SigningOptions, edit?: (bundle: BlobBundleJson) => BlobBundleJson) => Promise<string>
  /** A file with its signature and certificate beside it: `--signature F --certificate F FILE`. */
  readonly detachedBlob: (options?: SigningOptions) => Promise<{ readonly line: string; readonly parts: SignedParts }>
  /** Writes a file with a name of its own. */
  readonly write: (name: string, content: string | Uint8Array) => string
}

export type AnnotationEdit = (annotations: ReadonlyMap<string, string>, parts: SignedParts) => Readonly<Record<string, string>>
export type BlobBundleJson = { readonly base64Signature: string; readonly cert?: string; readonly rekorBundle?: unknown }

/**
 * Sets the scene on a rig. The disk gets `PREFIXtrusted_root.json` and, as PEM, `roots`, `intermediates`, `chain`, `tsa`, `rekor` and `ctfe`.
 *
 * @param prefix - of the names of files and repositories, so that two Sigstores share a rig
 */
export function setScene(rig: Rig, sigstore: TestSigstore, prefix = ''): Scene {
  const { disk } = rig
  const hand = createHand(rig.registry)
  let made = 0
  const write: Scene['write'] = (name, content) => {
    const path = `${prefix}${++made}-${name}`
    disk.set(path, typeof content === 'string' ? encodeUtf8(content) : content)
    return path
  }
  for (const [name, content] of Object.entries(trustFiles(sigstore))) disk.set(`${prefix}${name}`, content)
  const withWorkflow = (options: SigningOptions = {}): SigningOptions => ({ ...options, leaf: { ...workflowLeaf, ...options.leaf } })
  const push = async (built: BuiltImage) => {
    const repository = `${prefix}keyless-${++made}`
    return { repository, name: await rig.push(repository, built) }
  }
  const bytes = encodeUtf8('countersign\n')
  const signBytes = (options?: SigningOptions) =>
    sigstore.sign(bytes, { kind: 'message', message: messageOfBytes(bytes) }, withWorkflow(options))
  const file = () => write('file', bytes)
  return {
    sigstore,
    write,
    image: async (options, built = anImage) => {
      const { repository, name } = await push(built)
      await hand.attachBundle(repository, built, await sigstore.signImage(built.digest, withWorkflow(options)))
      return name
    },
    legacyImage: async (options, edit = annotations => Object.fromEntries(annotations)) => {
      const { repository, name } = await push(anImage)
      const { payload, annotations: all, parts } = await sigstore.signPayload(anImage.digest, withWorkflow(options))
      const { [signatureAnnotation]: signature = '', ...annotations } = edit(all, parts)
      await hand.putSignatures(repository, anImage.digest, [{ payload, signature, annotations }])
      return name
    },
    bareImage: async () => (await push(anImage)).name,
    blob: async options => `--bundle ${write('bundle', await sigstore.signBlob(bytes, withWorkflow(options)))} ${file()}`,
    legacyBlob: async (options, edit = bundle => bundle) => {
      const bundle = blobBundleOf(await signBytes(options))
      return `--bundle ${write('bundle', JSON.stringify(edit(bundle)))} ${file()}`
    },
    detachedBlob: async options => {
      const parts = await signBytes(options)
      const signature = write('signature', encodeBase64(parts.signature))
      const certificate = parts.certificate ? `--certificate ${write('certificate', parts.certificate.pem)} ` : ''
      return { line: `--signature ${signature} ${certificate}${file()}`, parts }
    },
  }
}

export const anImage = buildImage()

/** What `--trusted-root`, the flags for PEM files and the `SIGSTORE_…` variables may name. */
function trustFiles({ root, authority, timestampAuthority, logs, ctLog, trustedRootJson }: TestSigstore) {
  return {
    'trusted_root.json': trustedRootJson,
    'roots.pem': pemOf(root),
    'intermediates.pem': pemOf(authority),
    'chain.pem': pemOf(authority, root),
    'tsa.pem': timestampAuthority.chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
    'rekor.pub': encodePem('PUBLIC KEY', logs.v1.logKey.key.spki),
    'ctfe.pub': encodePem('PUBLIC KEY', ctLog.key.spki),
  }
}

/** What came of signing in the bundle of cosign 2. */
export function blobBundleOf({ signature, certificate, logEntries: [entry] }: SignedParts): BlobBundleJson {
  const pem = certificate?.pem ?? teamKey.publicPem
  return {
    base64Signature: encodeBase64(signature),
    cert: encodeBase64(encodeUtf8(pem)),
    ...(entry?.inclusionPromise && { rekorBundle: JSON.parse(serializeGoJson(logBundleJson(logBundleOfEntry(entry)))) }),
  }
}

/** A Rekor that answers every search with these entries of the log. */
export function rekorWith({ logs }: TestSigstore, entries: readonly LogEntry[]): Handler {
  return async () => new Response(serializeGoJson(entries.map(entry => logAnswerJson(logs.v1.treeId, entry))))
}
