import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { materialAnnotations } from '../formats/signature-material.ts'
import { createRoot } from '../testing/sigstore/certificate-authority.ts'
import { keylessPolicy } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, pemOf, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import { authoritiesOfPools } from '../trust/pem-trust.ts'
import type { CertificateAuthority } from '../trust/trusted-root.ts'
import { layerCandidate } from './evidence.ts'
import { verify } from './verify.ts'

// A layer of the older layout carries the issuers of its certificate, by which cosign finds the way to a root that is known alone.

const image = ociDigestOf(encodeUtf8('an image manifest'))
const policy = keylessPolicy({ kind: 'image', digest: image })
let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

type Case = {
  readonly name: string
  readonly chain?: () => Uint8Array | Promise<Uint8Array> // PEM; as it was signed unless told
  readonly authorities?: () => readonly CertificateAuthority[] | Promise<readonly CertificateAuthority[]>
  readonly takesCarriedIntermediates?: boolean
  readonly error?: RegExp
  readonly code?: string
}

const rootAlone = () => authoritiesOfPools([sigstore.root.certificate], [])

const cases: readonly Case[] = [
  { name: 'a root alone: by way of what is carried' },
  {
    name: 'a root alone, when none may be carried',
    takesCarriedIntermediates: false,
    error: /its issuer "CN=intermediate 1.*" is not known/,
  },
  { name: 'nothing carried', chain: () => encodeUtf8(''), error: /its issuer "CN=intermediate 1.*" is not known/ },
  {
    name: 'an intermediate of the same name that another root vouches for',
    chain: async () => pemOf(await (await createRoot()).issueIntermediate()),
    error: /signature/,
  },
  {
    name: 'a root of which nothing carried leads there',
    authorities: async () => authoritiesOfPools([(await createRoot({ subject: [['CN', 'another']] })).certificate], []),
    error: /its issuer "CN=root.*" is not known/,
  },
  {
    name: 'an authority that names its intermediates has no others',
    authorities: async () =>
      authoritiesOfPools(
        [sigstore.root.certificate],
        [(await sigstore.root.issueIntermediate({ subject: [['CN', 'another']] })).certificate],
      ),
    error: /its issuer "CN=intermediate 1.*" is not known/,
  },
  {
    name: 'a certificate that is none',
    chain: () => pemOf({ pem: '-----BEGIN CERTIFICATE-----\nMAkwADAAAwMAAAA=\n-----END CERTIFICATE-----\n' }),
    error: /certificate 1 of the chain/,
    code: 'CERTIFICATE_MALFORMED',
  },
]

for (const { name, chain, authorities = rootAlone, takesCarriedIntermediates = true, error, code = 'CERTIFICATE_UNTRUSTED' } of cases)
  test(`carried intermediates: ${name}`, async () => {
    const { payload, annotations } = await sigstore.signPayload(image)
    const carried = chain ? new Map([...annotations, [materialAnnotations.chain, new TextDecoder().decode(await chain())]]) : annotations
    const trust = { ...sigstore.trustedRoot, certificateAuthorities: await authorities(), takesCarriedIntermediates }
    const verdict = verify([layerCandidate('layer', payload, carried)], trust, policy)
    if (error) await assert.rejects(verdict, { code, message: error })
    else assert.equal((await verdict).signatures.length, 1)
  })
