import type { ErrorCode } from '../codec/error.ts'

/**
 * What a person can do about a failure: errors say what is wrong, the command line adds this. Nothing where the message
 * already says it, or where there is nothing to do but look closer.
 */
export const advice: { readonly [code in ErrorCode]?: string } = {
  ANNOTATION_MISMATCH: 'leave out -a to see what was signed along with the image',
  ATTESTATION_TOO_OLD: 'attest it anew, or give a longer --max-age',
  ATTESTATIONS_NOT_FOUND:
    'attest it by `countersign attest`; `countersign tree` shows what is attached, and COSIGN_REPOSITORY says where attestations are kept elsewhere',
  CREDENTIALS_MALFORMED: 'repair the docker config, or store the credentials anew by `countersign login`',
  CREDENTIALS_UNAVAILABLE: 'check the credential helper that the docker config names, or give --registry-username and --registry-password',
  DELETE_UNSUPPORTED:
    "ask the registry's owner to switch deletion on (docker-registry: REGISTRY_STORAGE_DELETE_ENABLED=true), or delete in its own interface",
  FORGE_DENIED: 'give a token that may write secrets: scope `api` and role maintainer on GitLab, `repo` or `admin:org` on GitHub',
  FORGE_UNAUTHORIZED: 'check that the token has not expired, and that GITLAB_HOST or GITHUB_HOST names the host it is for',
  IMAGE_NOT_FOUND: 'check the name and the tag; in a registry, a private repository may also hide behind this: `countersign login`',
  KEY_EXISTS: 'keep that key, or delete its variables there once nothing is signed with it',
  KEY_MISMATCH: 'verify with the key of whoever signed, if you trust it; nothing in the evidence itself says that you should',
  LAYOUT_MALFORMED: 'check that the path leads to an image layout, or an archive of the kind named; `countersign save` makes layouts',
  LAYOUT_NOT_FOUND:
    'name a folder that `countersign save` or another tool made; archives are named oci-archive:FILE or docker-archive:FILE',
  LICENSE_UNKNOWN: 'have the SBOM state licenses as SPDX writes them, or let these pass by --allow-unknown-license',
  LIMIT_EXCEEDED: 'no honest input is that large: look at where it comes from; `countersign tree` shows what is attached to an image',
  MANIFEST_CHANGED: 'somebody else changed it meanwhile: run the command again',
  MANIFEST_SHARED: 'delete the other tags first, if nothing needs them, and run the command again',
  PATH_ESCAPES: 'copy the layout anew, with the files themselves in place of links',
  PASSPHRASE_WRONG: 'set COSIGN_PASSWORD to the passphrase of this key, or unset it to be asked',
  REFERRERS_CONTENDED: 'run the command again when fewer others are signing this image',
  PLATFORM_NOT_FOUND: 'leave out --platform to have the whole image, or name one of its platforms',
  REFERRERS_TAG_TAKEN:
    'an older `cosign copy` leaves an image at that tag: copy it anew by `countersign copy --force`, which puts the index in its place; or keep the signatures elsewhere with COSIGN_REPOSITORY',
  REGISTRY_DENIED: 'ask for that permission, or keep the signatures where you may write, with COSIGN_REPOSITORY',
  REGISTRY_UNAUTHORIZED: 'log in by `countersign login`, or give --registry-username and --registry-password',
  REGISTRY_UNAVAILABLE:
    'check that the registry is up and the name is right; --verbose shows each request, --allow-http-registry permits plain http',
  RIGHTS_TOO_WIDE: 'take the rights of others away: `chmod -R go= FOLDER`, the one that is named',
  SEVERITY_EXCEEDED:
    'an older scan counts too, until it is removed by `countersign clean --type attestation` or is past --max-age; `countersign tree` shows which are there',
  SEVERITY_UNKNOWN: 'once somebody has looked at these, let them pass by --max-severity LEVEL,unknown',
  SIGNATURES_NOT_FOUND: 'sign it by `countersign sign`; if its signatures are kept elsewhere, set COSIGN_REPOSITORY',
  SIGNATURE_INVALID: 'it was signed by another key, or altered since: verify with the key of whoever signed it',
  STACK_EXISTS: 'start that one by `countersign stack up`, or name another folder by --data and --root-keys',
  STACK_MISSING: 'make one by `countersign stack init`, or try one out at once by `countersign stack up --dev`',
  TAG_TAKEN: 'give --force to put another image under the tag; signatures that are there stay',
  TIMED_OUT: 'give it more time by --timeout',
  TRUST_EXPIRED:
    'run the command where the TUF repository can be reached, or bring its trust from there: `countersign trust export`, `countersign trust import`; --trusted-root FILE needs neither',
  TRUST_UNAVAILABLE:
    'run `countersign initialize` where the TUF repository can be reached, bring its trust by `countersign trust import` (with --root or --digest, if it is not the public Sigstore), or give --trusted-root FILE; of the public Sigstore, --offline uses the copy that comes with countersign',
  TUF_UNTRUSTED:
    'somebody else may be answering in place of the repository; if it was made anew, begin anew with its root: `countersign initialize --root`',
  VARIABLE_UNSET: 'set it in the environment to what the build is given by --build-arg',
}

/** The same about signatures that were looked at and refused; elsewhere these codes have other reasons, and other flags. */
export const adviceOnSignatures: { readonly [code in ErrorCode]?: string } = {
  CERTIFICATE_UNTRUSTED:
    'what another Sigstore than the public one signed is verified by its own --trusted-root, if you trust it; `countersign trust doctor` tells whom you trust now',
  IDENTITY_MISMATCH:
    'name whoever is to sign it; `countersign identity suggest` tells who did sign an image, which is no reason yet to trust them',
  MATERIAL_UNSUPPORTED:
    'what was signed with a key is verified by --key, what was signed without one by --certificate-identity and --certificate-oidc-issuer',
  TLOG_ENTRY_MISSING:
    'ask whoever signed it for the log entry: it may have been lost or taken away; only if they tell you that they record nothing in a log (`sign --tlog-upload=false`), verify with --insecure-ignore-tlog',
  TLOG_INCLUSION_MISMATCH:
    'if it is an older bundle whose proof lacks the checkpoint, `countersign bundle upgrade` completes it from the log',
  TLOG_UNKNOWN:
    'what another Sigstore than the public one signed is verified by its own --trusted-root, if you trust it; `countersign trust doctor` tells whom you trust now',
}
