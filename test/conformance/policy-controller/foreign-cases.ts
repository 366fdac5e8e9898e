import { gzipSync } from 'node:zlib'
import { encodeBase64 } from '../../../src/codec/base64.ts'
import type { Json } from '../../../src/codec/json.ts'
import { encodePem } from '../../../src/codec/pem.ts'
import { decodeUtf8, encodeUtf8 } from '../../../src/codec/text.ts'
import { encodePublicKeyPem } from '../../../src/crypto/public-key.ts'
import type { SigningOptions } from '../../../src/testing/sigstore/test-sigstore.ts'
import { encodeTar } from '../../../src/testing/tar.ts'
import { strangerKey } from '../../../src/testing/test-keys.ts'
import { createTufRepository } from '../../../src/testing/tuf-repository.ts'
import { type AdmissionRig, serviceAccount } from './admission-rig.ts'
import { demo, type EndToEndCase, image, keyed, keyedUnlogged, sigstore } from './e2e-case.ts'
import { multiArchImage } from './multi-arch-image.ts'
import { upstreamText } from './upstream-policy.ts'

/** A policy whose programs are in another language: why it is refused, and what it comes to with programs in CEL in their place. */
export type ForeignPolicy = {
  readonly language: 'CUE' | 'Rego'
  readonly programs: readonly string[] // in the order in which they stand in the policy
  readonly cases: readonly EndToEndCase[]
}

const custom = 'https://cosign.sigstore.dev/attestation/v1'
const vulnerabilities = 'https://cosign.sigstore.dev/attestation/vuln/v1'
const scanned: Json = JSON.parse(upstreamText('attestations/vuln-predicate.json'))
const data = (text: string): Json => ({ Data: text, Timestamp: '2022-04-13T17:10:27Z' })
const server = { repository: 'sigstore/timestamp-server' } as const
const [asAgreed, asRoot] = [multiArchImage('65530'), multiArchImage('0')]
const serverImage = (built = asAgreed) => `ghcr.io/${server.repository}@${built.digest}`

const ofCel = (words: string) => ({ says: words, why: 'CEL says that a program is false, and not where' })
const celOfPolicy = ofCel('failed evaluating cel policy for ClusterImagePolicy: ')
const conflict = (words: string) =>
  `failed evaluating cue policy for ClusterImagePolicy: failed to evaluate the policy with error: ${words}`

const attestKeyless = (text: string) => (rig: AdmissionRig) => rig.attest(image, demo, custom, data(text), serviceAccount)
const says = (text: string) => `predicateType == '${custom}' && predicate.Data == '${text}'`

const noAttestation = { name: 'signed, and not attested', admitted: false, says: 'no matching attestations' } as const

/** What upstream has of an attestation by the service account. */
const keylessAttestation = (refusal: string): readonly EndToEndCase[] => [
  { ...noAttestation, prepare: rig => rig.sign(image, demo, serviceAccount) },
  { name: 'attested by the service account', prepare: attestKeyless('foobar e2e test'), admitted: true },
  {
    name: 'attested to say something else',
    prepare: attestKeyless('barfoo e2e test'),
    admitted: false,
    says: refusal,
    ours: ofCel('failed evaluating cel policy for custom-match-predicate: '),
  },
  {
    name: 'attested to say something else, then right',
    prepare: async rig => {
      await attestKeyless('barfoo e2e test')(rig)
      await attestKeyless('foobar e2e test')(rig)
    },
    admitted: true,
  },
  {
    name: 'attested with a key',
    prepare: rig => rig.attest(image, demo, custom, data('foobar e2e test'), keyed),
    admitted: false,
    says: 'no matching attestations',
  },
]

/** What upstream has of an attestation by a key. */
function keyAttestation(isLogged: boolean): readonly EndToEndCase[] {
  const attest =
    (options: SigningOptions = keyed) =>
    (rig: AdmissionRig) =>
      rig.attest(image, demo, custom, data('foobar key e2e test'), options)
  return [
    { ...noAttestation, prepare: rig => rig.sign(image, demo, keyed) },
    { name: 'attested with the key, and logged', prepare: attest(), admitted: true },
    {
      name: 'attested with the key, in no log',
      prepare: attest(keyedUnlogged),
      admitted: !isLogged,
      ...(isLogged && { says: 'signature not found in transparency log' }),
    },
    {
      name: 'attested with another key',
      prepare: attest({ key: strangerKey.signer() }),
      admitted: false,
      says: 'no matching attestations',
    },
  ]
}

const { trustedRoot } = sigstore
const pemOf = (chain: readonly { readonly der: Uint8Array }[]) =>
  encodeBase64(encodeUtf8(chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')))
const keyOf = ({ key }: (typeof trustedRoot.ctLogs)[number]) => encodeBase64(encodeUtf8(encodePublicKeyPem(key)))
const tuf = createTufRepository({ targets: { 'trusted_root.json': decodeUtf8(sigstore.trustedRootJson, 'trusted root') } })
const archive = gzipSync(encodeTar([...tuf.files].map(([path, content]) => ({ type: 'file', path: `repository/${path}`, content }))))
const repositoryRoot = upstreamText('trustroot/e2e/with-repository.yaml')
  .replace('ROOT_JSON', encodeBase64(tuf.root(1)))
  .replace('REPOSITORY', encodeBase64(archive))
const ownKeysRoot = upstreamText('trustroot/e2e/bring-your-own-keys.yaml')
  .replace('FULCIO_CERT_CHAIN', pemOf(trustedRoot.certificateAuthorities[0]!.chain))
  .replace('REKOR_PUBLIC_KEY', keyOf(trustedRoot.transparencyLogs[0]!))
  .replace('CTFE_PUBLIC_KEY', keyOf(trustedRoot.ctLogs[0]!))
const otherKeysRoot = upstreamText('trustroot/valid/valid-sigstore-keys.yaml').replace(/^( *name:).*$/m, '$1 my-repository-serialized')

/** Everything that the policy of two signatures and two attestations wants, but what is left out. */
const signedTwice =
  (...left: readonly ('signature' | 'key attestation' | 'scan')[]) =>
  async (rig: AdmissionRig): Promise<void> => {
    if (!left.includes('signature')) await rig.sign(image, demo, keyed)
    await rig.sign(image, demo, serviceAccount)
    await attestKeyless('foobar e2e test')(rig)
    if (!left.includes('scan')) await rig.attest(image, demo, vulnerabilities, scanned, serviceAccount)
    if (!left.includes('key attestation')) await rig.attest(image, demo, custom, data('foobar key e2e test'), keyed)
  }
const between = (field: string) =>
  `timestamp(predicate.metadata.${field}) < timestamp('2022-04-15T17:10:27Z') && timestamp(predicate.metadata.${field}) > timestamp('2022-03-09T17:10:27Z')`
const unasked = {
  ...celOfPolicy,
  admitted: false,
  why: 'in CUE what is not there conflicts with nothing: nothing can be asked to be there',
}
/** Upstream's script ends before these, for a fault of its own (policy-controller 130); these are the verdicts that it would ask for. */
const two: ForeignPolicy = {
  language: 'CUE',
  programs: [
    `${says('foobar e2e test')} && timestamp(predicate.Timestamp) < timestamp('2049-10-09T17:10:27Z')`,
    `predicateType == '${vulnerabilities}' && predicate.invocation.uri == 'invocation.example.com/cosign-testing' &&
      predicate.scanner.uri == 'fakescanner.example.com/cosign-testing' && ${between('scanStartedOn')} && ${between('scanFinishedOn')}`,
    says('foobar key e2e test'),
    `size(authorityMatches.keyatt.attestations) == 1 && size(authorityMatches.keysignature.signatures) == 1 &&
      size(authorityMatches.keylessatt.attestations) >= 2 && size(authorityMatches.keylesssignature.signatures) == 1`,
  ],
  cases: [
    { name: 'two signatures and all attestations', prepare: signedTwice(), admitted: true },
    {
      name: 'no scan',
      prepare: signedTwice('scan'),
      admitted: false,
      says: 'failed to evaluate the policy with error: authorityMatches.keylessattMinAttestations',
      ours: celOfPolicy,
    },
    { name: 'no signature with the key', prepare: signedTwice('signature'), admitted: true, ours: unasked },
    { name: 'no attestation with the key', prepare: signedTwice('key attestation'), admitted: true, ours: unasked },
  ],
}

const inServer = (built: typeof asAgreed) => ({
  prepare: (rig: AdmissionRig) => rig.push(server.repository, built),
  asked: { image: serverImage(built) },
})
const users = "['linux/amd64', 'linux/arm/v7'].all(platform, config[platform].config.User == '65530')"
const configurations: readonly EndToEndCase[] = [
  { name: 'the user on both platforms', ...inServer(asAgreed), admitted: true },
  {
    name: 'another user',
    ...inServer(asRoot),
    admitted: false,
    says: conflict('config."linux/amd64".config.User: conflicting values'),
    ours: celOfPolicy,
  },
]

const pod = (asked: Partial<EndToEndCase['asked']> = {}) => ({
  prepare: inServer(asAgreed).prepare,
  asked: { image: serverImage(), kind: 'Pod', spec: { serviceAccount: 'default' }, ...asked },
})

/** Policies whose programs are in CUE or Rego: none of them is taken as it is. */
export const foreignPolicies: Readonly<Record<string, ForeignPolicy>> = {
  'cip-config-file-policy-from-configmap': { language: 'CUE', programs: [users], cases: configurations },
  'cip-policy-from-url': { language: 'CUE', programs: [users], cases: configurations },
  'cip-include-spec': {
    language: 'CUE',
    programs: ["spec.serviceAccount == 'default'"],
    cases: [{ name: 'a pod of that service account', ...pod(), admitted: true }],
  },
  'cip-include-spec-fails': {
    language: 'CUE',
    programs: ["spec.serviceAccount == 'non-default'"],
    cases: [
      {
        name: 'a pod of another service account',
        ...pod(),
        admitted: false,
        says: conflict('spec.serviceAccount: conflicting values "default" and "non-default"'),
        ours: celOfPolicy,
      },
    ],
  },
  'cip-include-objectmeta': {
    language: 'CUE',
    programs: ["metadata.labels.foo == 'bar'"],
    cases: [
      { name: 'a pod with the label', ...pod({ labels: { foo: 'bar' } }), admitted: true },
      {
        name: 'a pod with another label',
        ...pod({ labels: { foo: 'non-bar' } }),
        admitted: false,
        says: conflict('metadata.labels.foo: conflicting values "bar" and "non-bar"'),
        ours: celOfPolicy,
      },
    ],
  },
  'cip-include-typemeta': {
    language: 'CUE',
    programs: ["typemeta.kind == 'Pod'"],
    cases: [
      { name: 'a Pod', ...pod(), admitted: true },
      {
        name: 'a Job',
        ...pod({ kind: 'Job' }),
        admitted: false,
        says: conflict('typemeta.kind: conflicting values "Job" and "Pod"'),
        ours: celOfPolicy,
      },
    ],
  },
  'cip-key-with-attestations': { language: 'CUE', programs: [says('foobar key e2e test')], cases: keyAttestation(true) },
  'cip-key-with-attestations-no-rekor': { language: 'CUE', programs: [says('foobar key e2e test')], cases: keyAttestation(false) },
  'cip-keyless-with-attestations': {
    language: 'CUE',
    programs: [says('foobar e2e test')],
    cases: keylessAttestation('failed evaluating cue policy for custom-match-predicate: '),
  },
  'cip-keyless-with-attestations-rego': {
    language: 'Rego',
    programs: [says('foobar e2e test')],
    cases: keylessAttestation('failed evaluating rego policy for type custom-match-predicate: policy is not compliant for query'),
  },
  'cip-keyless-with-source-prefix-tag': {
    language: 'CUE',
    programs: [says('foobar prefix e2e test')],
    cases: [
      {
        name: 'attested under the prefix',
        prepare: rig => rig.attest(image, { ...demo, tagPrefix: 'sigprefix' }, custom, data('foobar prefix e2e test'), serviceAccount),
        admitted: true,
      },
      {
        name: 'attested under no prefix',
        prepare: attestKeyless('foobar prefix e2e test'),
        admitted: false,
        says: 'no matching attestations',
      },
    ],
  },
  'cip-keyless-with-trustroot-repository-with-attestations': {
    language: 'CUE',
    programs: [says('foobar e2e test')],
    cases: [
      { ...noAttestation, beside: [repositoryRoot] },
      { name: 'the TrustRoot is a repository', beside: [repositoryRoot], prepare: attestKeyless('foobar e2e test'), admitted: true },
      {
        name: 'attested, in no log',
        beside: [repositoryRoot],
        prepare: rig => rig.attest(image, demo, custom, data('foobar e2e test'), { ...serviceAccount, logs: [] }),
        admitted: false,
        says: 'No leaf found for hash',
        ours: { says: 'signature not found in transparency log', why: 'the log of upstream says so in words of its own' },
      },
      {
        name: 'the TrustRoot is keys of its own',
        beside: [ownKeysRoot],
        patched: text => text.replaceAll('my-repository-serialized', 'my-sigstore-keys'),
        prepare: attestKeyless('foobar e2e test'),
        admitted: true,
      },
      {
        name: 'the TrustRoot is that of somebody else',
        beside: [otherKeysRoot],
        prepare: attestKeyless('foobar e2e test'),
        admitted: false,
        says: 'no matching attestations',
      },
      {
        name: 'the TrustRoot is not there',
        prepare: attestKeyless('foobar e2e test'),
        admitted: false,
        says: 'trustRootRef my-repository-serialized not found',
      },
    ],
  },
  'cip-requires-two-signatures-and-two-attestations': two,
  'cip-requires-two-signatures-and-two-attestations-rego': two, // whose programs are in CUE all the same
}
