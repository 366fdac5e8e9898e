import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../src/codec/error.ts'
import { materialAnnotations } from '../src/formats/signature-material.ts'
import { assertRefused, createRig, good, type Outcome } from '../src/testing/command-rig.ts'
import { createTestSigstore, type SigningOptions } from '../src/testing/sigstore/test-sigstore.ts'
import type { LogFlaw } from '../src/testing/sigstore/transparency-log.ts'
import { setScene, who } from './keyless/scene.ts'

// Published flaws of this field that ended in a wrong exit status, on the commands themselves. What the engine refuses, and in which
// words, stands in src/verify/*.test.ts.

const rig = createRig()
const { cs, disk } = rig
const scene = setScene(rig, await createTestSigstore())
const strict = `${who} --trusted-root trusted_root.json --offline`

const forms = [
  { form: 'image', sign: async (options?: SigningOptions) => `verify ${strict} ${await scene.image(options)}` },
  { form: 'layer', sign: async (options?: SigningOptions) => `verify ${strict} ${await scene.legacyImage(options)}` },
  { form: 'blob', sign: async (options?: SigningOptions) => `verify-blob ${strict} ${await scene.blob(options)}` },
  { form: 'legacy blob', sign: async (options?: SigningOptions) => `verify-blob ${strict} ${await scene.legacyBlob(options)}` },
] as const

for (const { form, sign } of forms)
  test(`sound evidence ends with 0: ${form}`, async () => {
    await good(cs(await sign()))
  })

function assertNothingVerified({ code, stdout, stderr }: Outcome): void {
  assert.notEqual(code, 0)
  assert.equal(stdout, '')
  assert.doesNotMatch(stderr, /Verified OK|following checks were performed/)
}

const inEveryForm: readonly LogFlaw[] = [
  'another log id',
  'promise by another key',
  'promise over another body',
  'promise at another time',
  'promise at another index',
  'body of another entry',
]
const inBundles: readonly LogFlaw[] = [
  'checkpoint by another key',
  'checkpoint of another root',
  'checkpoint without signatures',
  'proof of another root',
  'path too long',
  'path with a flipped bit',
  'index off by one',
]
for (const { form, sign } of forms)
  test(`a bad log entry is never a success (GHSA-8gw7-4j42-w388): ${form}`, async () => {
    for (const logFlaw of form === 'image' || form === 'blob' ? [...inEveryForm, ...inBundles] : inEveryForm)
      assertNothingVerified(await cs(await sign({ logFlaw })))
  })

test('a log entry that is claimed and not there is missed, and nobody is told that it was checked (GHSA-ccxc-vr6p-4858)', async () => {
  const name = await scene.legacyImage({}, annotations => {
    const { [materialAnnotations.logBundle]: _, ...others } = Object.fromEntries(annotations)
    return others
  })
  const outcome = await cs(`verify ${strict} ${name}`)
  assertNothingVerified(outcome)
  assert.match(outcome.stderr, /the signature brings no log entry/)
})

/** A bundle whose file is changed before it is verified. */
async function editedBlob(sign: () => Promise<string>, edit: (bundle: Record<string, unknown>) => unknown): Promise<string> {
  const line = await sign()
  const [, path = ''] = /--bundle (\S+)/.exec(line) ?? []
  const content = disk.get(path)!
  const bundle = JSON.parse(typeof content === 'string' ? content : new TextDecoder().decode(content))
  disk.set(path, JSON.stringify({ ...bundle, ...(edit(bundle) as object) }))
  return line
}

for (const { name, form, edit, code, message } of [
  {
    name: 'of no certificates',
    form: 'blob',
    edit: ({ verificationMaterial }) => ({
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
      verificationMaterial: { ...(verificationMaterial as object), certificate: undefined, x509CertificateChain: { certificates: [] } },
    }),
    code: 'BUNDLE_MALFORMED',
    message: /certificates: want at least one, got none/,
  },
  {
    name: 'of a certificate of no bytes',
    form: 'blob',
    edit: ({ verificationMaterial }) => ({ verificationMaterial: { ...(verificationMaterial as object), certificate: { rawBytes: '' } } }),
    code: 'CERTIFICATE_MALFORMED',
    message: /certificate/,
  },
  {
    name: 'without a certificate',
    form: 'legacy blob',
    edit: () => ({ cert: '' }),
    code: 'MATERIAL_UNSUPPORTED',
    message: /no certificate found on signature/,
  },
  {
    name: 'of an empty PEM file',
    form: 'legacy blob',
    edit: () => ({ cert: 'Cg==' }),
    code: 'BUNDLE_MALFORMED',
    message: /want PEM PUBLIC KEY or CERTIFICATE, got/,
  },
] satisfies {
  name: string
  form: 'blob' | 'legacy blob'
  edit: (bundle: Record<string, unknown>) => unknown
  code: ErrorCode
  message: RegExp
}[])
  test(`a chain without certificates is a failure (GHSA-7c37-gx6w-8vc5): ${name}`, async () => {
    const line = await editedBlob(() => forms.find(other => other.form === form)!.sign(), edit)
    assertNothingVerified(await cs(line))
    assertRefused(await cs(`${line} -o json`), { exit: 1, code, message })
  })
