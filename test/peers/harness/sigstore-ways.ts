import { cosign2, cosign3, type Format } from './actor.ts'
import type { SigstoreServer } from './sigstore.ts'

/** A way in which real cosign signs without a key of one's own. */
export type KeylessWay = {
  readonly signer: typeof cosign2 | typeof cosign3
  readonly format: Format
  readonly log: 'v1' | 'v2'
  readonly stamped: boolean
}

const both = [false, true]

/** Every way of signing images. cosign 2 knows no bundles of them, and cosign 3 logs to Rekor v2 only what is also stamped. */
export const imageWays: readonly KeylessWay[] = [
  ...both.map(stamped => ({ signer: cosign3, format: 'bundle', log: 'v1', stamped }) as const),
  { signer: cosign3, format: 'bundle', log: 'v2', stamped: true },
  ...both.map(stamped => ({ signer: cosign3, format: 'legacy', log: 'v1', stamped }) as const),
  ...both.map(stamped => ({ signer: cosign2, format: 'legacy', log: 'v1', stamped }) as const),
]

/** Every way of signing files. */
export const blobWays: readonly KeylessWay[] = [
  ...imageWays,
  ...both.map(stamped => ({ signer: cosign2, format: 'bundle', log: 'v1', stamped }) as const),
]

/** `cosign 3 bundle, Rekor v1, stamped` */
export function nameOfWay({ signer, format, log, stamped }: KeylessWay): string {
  return `${signer.name} ${format}, Rekor ${log}${stamped ? ', stamped' : ''}`
}

/** The flags by which it signs so; cosign's variables of a private Sigstore go with them. */
export function signingFlags(sigstore: SigstoreServer, { signer, format, log, stamped }: KeylessWay, token: string): readonly string[] {
  const { url, trustedRootFile } = sigstore
  const always = ['--yes', '--identity-token', token]
  if (signer === cosign3 && format === 'bundle')
    return [...always, '--signing-config', sigstore.signingConfig(log, stamped), '--trusted-root', trustedRootFile]
  return [
    ...always,
    ...['--fulcio-url', url, '--rekor-url', url, '--oidc-issuer', url],
    ...(stamped ? ['--timestamp-server-url', `${url}/api/v1/timestamp`] : []),
    ...(signer === cosign3 ? ['--use-signing-config=false', '--new-bundle-format=false'] : []),
    ...(signer === cosign2 && format === 'bundle' ? ['--new-bundle-format'] : []),
  ]
}

/** The flags by which cosign verifies what was signed so; `signer` and ours take the same. */
export function verifyingFlags({ trustedRootFile, files }: SigstoreServer, { format, stamped }: KeylessWay): readonly string[] {
  if (format === 'bundle') return ['--trusted-root', trustedRootFile, ...(stamped ? ['--use-signed-timestamps'] : [])]
  return stamped ? ['--timestamp-certificate-chain', files.timestamps] : []
}
