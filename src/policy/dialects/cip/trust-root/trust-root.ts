import type { Trust } from '../../../../verify/policy.ts'

/** A TrustRoot of policy-controller as it is written, checked and with its defaults. Source: spec admission §1.9. */
export type TrustRoot = { readonly name: string } & TrustRootSource

export type TrustRootSource =
  | { readonly kind: 'keys'; readonly trust: Trust }
  | ({ readonly kind: 'repository'; readonly archive: Uint8Array } & TufPlace)
  | ({ readonly kind: 'remote'; readonly mirror: string } & TufPlace)

/** Where in a TUF repository trust is, and what the repository is proven from. */
export type TufPlace = {
  readonly root: Uint8Array // root.json, trusted beforehand
  readonly targets: string // folder of the targets
  readonly trustedRootTarget?: string // where it is not `trusted_root.json`
}
