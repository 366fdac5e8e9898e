import type { Judge } from './judge.ts'
import type { Mutant } from './mutants.ts'

/** A class of mutants that a judge refuses and we accept, and why we may. */
export type Leniency = {
  readonly judges: readonly Judge['name'][]
  readonly class: RegExp
  readonly case?: RegExp
  readonly reason: string
}

/** All of them. A mutant outside fails the run, and so does a class that no longer occurs. */
export const leniencies: readonly Leniency[] = [
  {
    judges: ['sigstore-js'],
    class: /^proto name: /,
    reason: 'proto3 JSON has parsers accept a member by the name it has in the .proto as well; this one knows lowerCamel alone',
  },
  {
    judges: ['sigstore-go', 'cosign 3', 'sigstore-js'],
    class: /^removed: messageDigest @ messageSignature$|^(becomes null|becomes an object|emptied) @ messageSignature\.messageDigest$/,
    reason: 'cosign 3.1.1 writes none for Ed25519; the digest is a hint (protobuf-specs), the signature itself binds the artifact',
  },
  {
    judges: ['sigstore-go', 'cosign 3'],
    class: /@ dsseEnvelope\.signatures\[\]\.keyid$/,
    reason: 'a keyid is an unsigned hint that must not decide (DSSE, "Signature Definition"): whose the signature is, the certificate says',
  },
  {
    judges: ['sigstore-go', 'sigstore-js'],
    class: /^(removed: inclusionPromise|becomes null) @ verificationMaterial\.tlogEntries\[\](\.inclusionPromise)?$/,
    case: /^managed-key-/,
    reason: 'a key is not issued for ten minutes: no time is asked for its signature, as cosign asks for none',
  },
]

/** A reason of ours to refuse what some other judge accepts. `refusal` is matched against code and message. */
export type Strictness = { readonly refusal: RegExp; readonly reason: string }

/** All of them. A refusal outside that others do not share fails the run, and so does a reason that no longer occurs. */
export const strictnesses: readonly Strictness[] = [
  {
    refusal: /member ".*" appears (twice|in two spellings)/,
    reason: 'two values for one field: which one counts differs from parser to parser (RFC 8259 §4), and JavaScript takes the last',
  },
  { refusal: /unknown member "/, reason: 'a member that we do not know may be one that must be checked; sigstore-js passes over it' },
  {
    refusal: /want padded base64/,
    reason: 'one byte string has one spelling; proto3 JSON lets parsers take the URL alphabet and no padding, and Go takes line breaks',
  },
  {
    refusal: /want a decimal number below 2\^63/,
    reason:
      'one number has one spelling; others take exponents, fractions, white space, arrays of one, or no number at all where they do not look',
  },
  {
    refusal: /want (a string|an object|an array), got /,
    reason: 'a value that is missing or of another type; others take an empty one in its place, or never look at it',
  },
  {
    refusal: /^BUNDLE_MALFORMED .*(not JSON|want UTF-8 text)/,
    reason: 'a byte order mark, and bytes that are no UTF-8, which TextDecoder lets pass',
  },
  {
    refusal: /mediaType: want a bundle of version/,
    reason: 'the media types that protobuf-specs names, as it spells them; others take a pattern',
  },
  {
    refusal: /body: want kind ".*" ".*" as the entry says, got|^BUNDLE_MALFORMED .*kindVersion/,
    reason: 'the kind that an entry says is the kind of its body; sigstore-go reads the body alone',
  },
  {
    refusal: /inclusion proof: (want the tree of size|its root is not)/,
    reason: 'what a proof says of the tree is what its checkpoint says; others compute with the checkpoint and leave the rest unread',
  },
  {
    refusal: /inclusion proof: is for index/,
    reason: 'in Rekor v2 an entry has one index: others compute with one of the two that are stated and leave the other unread',
  },
  {
    refusal: /want the 32 bytes of a hash, got/,
    reason: 'a root hash of another length; others compute with the checkpoint and leave it unread',
  },
  {
    refusal: /^CHECKPOINT_(MALFORMED|INVALID) /,
    reason:
      'a signed note to the letter (C2SP signed-note), signed under the very name of the log; others search it by pattern, or the name for a part',
  },
  {
    refusal: /^(TIMESTAMP|CERTIFICATE)_MALFORMED /,
    reason: 'strict DER (X.690 §10), for a token and whatever it carries; others take BER, or leave unread what they do not use',
  },
  {
    refusal: /^(TIMESTAMP_INVALID|CERTIFICATE_EXPIRED|CERTIFICATE_UNTRUSTED|SIGNATURE_MALFORMED) /,
    reason: "a timestamp of a trusted authority that does not hold; sigstore-go passes over it where a log's promise tells the time",
  },
  {
    refusal: /log entry: is about something else|^LOG_ENTRY_MALFORMED /,
    reason:
      'the body that a bundle carries is the one that is logged, to the byte; sigstore-go rebuilds it in Rekor v2 and leaves it unread',
  },
  {
    refusal: /^TLOG_PROMISE_INVALID /,
    reason: 'an empty promise is one that does not hold; sigstore-go takes it for none where a proof is there',
  },
  { refusal: /^LIMIT_EXCEEDED /, reason: 'more than any honest bundle has: 32 entries and timestamps, 10 certificates' },
]

/** Whether a leniency is about such a mutant. */
export function isOfClass(mutant: Mutant, leniency: Leniency): boolean {
  return leniency.class.test(mutant.class) && (leniency.case?.test(mutant.case.name) ?? true)
}

/** The leniency that a disagreement falls under. */
export function leniencyOf(mutant: Mutant, judge: Judge['name']): Leniency | undefined {
  return leniencies.find(listed => listed.judges.includes(judge) && isOfClass(mutant, listed))
}

/** The reason of ours that a refusal falls under. */
export function strictnessOf(reason: string): Strictness | undefined {
  return strictnesses.find(({ refusal }) => refusal.test(reason))
}
