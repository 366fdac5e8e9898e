import type { HashName } from '../../../crypto/digest.ts'
import type { Repository } from '../../../oci/reference.ts'
import type { IdentityMatcher } from '../../../verify/identity.ts'
import type { ImageGlob } from './match/image-glob.ts'
import type { ObjectMatch } from './match/object-match.ts'

/** A ClusterImagePolicy as it is written, checked and with its defaults; what it refers to is elsewhere. Source: spec admission §1.1. */
export type ClusterImagePolicy = {
  readonly name: string
  readonly mode: 'enforce' | 'warn'
  readonly images: readonly [ImageGlob, ...ImageGlob[]]
  readonly match: readonly ObjectMatch[] // empty: every object
  readonly authorities: readonly CipAuthority[] // empty, where that is allowed: nobody
  readonly policy?: CipProgram & { readonly includes: readonly Included[] }
  readonly warnings: readonly string[] // what whoever writes it should be told
}

/** What a program over the whole verdict may look at besides. */
export type Included = 'config' | 'spec' | 'metadata' | 'typemeta'

/** Somebody whose word counts, or a verdict whoever signed. */
export type CipAuthority = {
  readonly name: string // `authority-0` unless told
  readonly path: string
} & ({ readonly kind: 'static'; readonly passes: boolean; readonly message?: string } | SigningAuthority)

export type SigningAuthority = {
  readonly kind: 'signing'
  readonly signer: KeySigner | KeylessSigner
  readonly source?: CipSource
  readonly ctlog?: { readonly url?: URL; readonly trustRootRef?: string } // without either no log is asked for: spec admission §1.4
  readonly timestampTrustRootRef?: string
  readonly attestations: readonly CipAttestation[] // empty: the image's signature counts
  readonly format: 'legacy' | 'bundle' | 'auto'
}

export type KeySigner = { readonly kind: 'key'; readonly key: KeySource; readonly hash?: HashName }

export type KeylessSigner = {
  readonly kind: 'keyless'
  readonly identities: readonly [IdentityMatcher, ...IdentityMatcher[]]
  readonly authorities?: KeySource // certificates in place of keys: `ca-cert`
  readonly trustRootRef?: string
  readonly ignoresSct: boolean
}

/** Where a key, or a chain of certificates, is kept. */
export type KeySource =
  | { readonly kind: 'data'; readonly path: string; readonly pem: string }
  | { readonly kind: 'secret'; readonly path: string; readonly name: string }
  | { readonly kind: 'kms'; readonly path: string; readonly reference: string }

/** Where evidence is kept, if not beside the image. */
export type CipSource = {
  readonly repository?: Repository
  readonly tagPrefix?: string
  readonly pullSecrets: readonly string[] // of the workload's namespace
}

export type CipAttestation = {
  readonly name: string
  readonly path: string
  readonly predicateType: string // in full
  readonly policy?: CipProgram
}

/** A program that must hold, and where its text is kept. CEL is the one language that runs. */
export type CipProgram = { readonly path: string } & (
  | { readonly kind: 'data'; readonly text: string }
  | { readonly kind: 'configMap'; readonly name: string; readonly key: string }
  | { readonly kind: 'remote'; readonly url: URL; readonly sha256: string } // lower-case hex
)
