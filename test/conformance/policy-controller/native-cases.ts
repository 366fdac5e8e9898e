import { encodeBase64 } from '../../../src/codec/base64.ts'
import { encodePem } from '../../../src/codec/pem.ts'
import { encodeUtf8 } from '../../../src/codec/text.ts'
import { createTestSigstore, type TestSigstore } from '../../../src/testing/sigstore/test-sigstore.ts'
import { strangerKey, teamKey } from '../../../src/testing/test-keys.ts'
import { serviceAccount, unlogged } from './admission-rig.ts'
import { demo, type EndToEndCase, image, keyed, keyedUnlogged, sigstore } from './e2e-case.ts'
import { upstreamPolicy, upstreamText } from './upstream-policy.ts'

const stranger = await createTestSigstore()
const tsaRoot = ({ timestampAuthority: { chain } }: TestSigstore) =>
  upstreamText('trustroot/e2e/with-tsa.yaml')
    .replace('TSA_CERT_CHAIN', encodeBase64(encodeUtf8(chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''))))
    .replace('TSA_URL', 'https://tsa.test')

const unsigned = {
  says: 'no signatures found',
  why: 'where nothing is attached nothing could match; upstream has these words as well',
}

/** Cases of the policies that are run as they are. */
export const nativeCases: Readonly<Record<string, readonly EndToEndCase[]>> = {
  'cip-keyless': [
    { name: 'signed by the service account', prepare: rig => rig.sign(image, demo, serviceAccount), admitted: true },
    { name: 'unsigned', admitted: false, says: 'no matching signatures', ours: unsigned },
    {
      name: 'signed by somebody of another issuer',
      prepare: rig => rig.sign(image, demo),
      admitted: false,
      says: 'none of the expected identities matched what was in the certificate',
    },
    {
      name: 'scaled up, unsigned',
      asked: { kind: 'Deployment', replicas: { from: 3, to: 5 } },
      admitted: false,
      says: 'failed policy: image-policy-keyless: spec.template.spec.containers',
      ours: { admitted: true, why: 'an update that runs no other image is not judged; each pod is, when it is made' },
    },
    { name: 'scaled down, unsigned', asked: { kind: 'Deployment', replicas: { from: 3, to: 1 } }, admitted: true },
    {
      name: 'scaled up, signed',
      prepare: rig => rig.sign(image, demo, serviceAccount),
      asked: { kind: 'Deployment', replicas: { from: 1, to: 5 } },
      admitted: true,
    },
  ],
  'cip-keyless-warn': [
    { name: 'signed', prepare: rig => rig.sign(image, demo, serviceAccount), admitted: true },
    { name: 'unsigned', admitted: true, says: 'failed policy: image-policy-keyless-warn' },
  ],
  'cip-keyless-with-identities-mismatch': [
    {
      name: 'signed by the service account of another namespace',
      prepare: rig => rig.sign(image, demo, serviceAccount),
      admitted: false,
      says: 'none of the expected identities matched what was in the certificate',
    },
  ],
  'cip-keyless-with-source': [
    { name: 'signed where the policy looks', prepare: rig => rig.sign(image, demo, serviceAccount), admitted: true },
    {
      name: 'a source without signatures',
      prepare: rig => rig.sign(image, demo, serviceAccount),
      patched: text => text.replace('registry.local:5000/policy-controller/demo', 'ghcr.io/sigstore/cosign/cosign'),
      admitted: false,
      says: 'no matching signatures',
      ours: unsigned,
    },
  ],
  'cip-key-no-rekor': [
    { name: 'signed with the key, in no log', prepare: rig => rig.sign(image, demo, keyedUnlogged), admitted: true },
    {
      name: 'signed with another key',
      prepare: rig => rig.sign(image, demo, unlogged(strangerKey.signer())),
      admitted: false,
      says: 'no matching signatures',
    },
    { name: 'unsigned', admitted: false, says: 'no matching signatures', ours: unsigned },
  ],
  'cip-match-resource-label': [
    {
      name: 'a pod with the label, signed and logged',
      prepare: rig => rig.sign(image, demo, keyed),
      asked: { kind: 'Pod', labels: { match: 'match' } },
      admitted: true,
    },
    {
      name: 'a pod with the label, unsigned',
      asked: { kind: 'Pod', labels: { match: 'match' } },
      admitted: false,
      says: 'failed policy: image-policy-match-label: spec.containers[0].image',
    },
    {
      name: 'a pod with the label, signed and in no log',
      prepare: rig => rig.sign(image, demo, keyedUnlogged),
      asked: { kind: 'Pod', labels: { match: 'match' } },
      admitted: false,
      says: 'no matching signatures: signature not found in transparency log',
    },
    {
      name: 'a pod without the label',
      asked: { kind: 'Pod', labels: { match: 'other' } },
      admitted: false,
      says: 'no matching policies: spec.containers[0].image',
    },
    {
      name: 'a Job with the label',
      asked: { labels: { match: 'match' } },
      admitted: false,
      says: 'no matching policies: spec.template.spec.containers[0].image',
    },
  ],
  'cip-static-pass': [
    { name: 'unsigned', admitted: true },
    {
      name: 'unsigned, beside a policy that asks for a signature',
      beside: [upstreamPolicy('cip-keyless', teamKey.publicPem)],
      admitted: false,
      says: 'failed policy: image-policy-keyless: spec.template.spec.containers[0].image',
    },
  ],
  'cip-key-tsa': [
    {
      name: 'signed and stamped',
      beside: [tsaRoot(sigstore)],
      prepare: rig => rig.sign(image, demo, { ...keyedUnlogged, stamped: true }),
      admitted: true,
    },
    {
      name: 'stamped by another authority than the TrustRoot has',
      beside: [tsaRoot(stranger)],
      prepare: rig => rig.sign(image, demo, { ...keyedUnlogged, stamped: true }),
      admitted: false,
      says: 'no matching signatures',
    },
    {
      name: 'signed, and not stamped',
      beside: [tsaRoot(sigstore)],
      prepare: rig => rig.sign(image, demo, keyed),
      admitted: false,
      says: 'no matching signatures',
    },
    {
      name: 'the TrustRoot is not there',
      prepare: rig => rig.sign(image, demo, { ...keyedUnlogged, stamped: true }),
      admitted: false,
      says: 'trustRootRef my-sigstore-keys not found',
    },
  ],
}
