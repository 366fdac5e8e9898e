import type { ByteSource } from '../../../codec/byte-source.ts'
import { CountersignError } from '../../../codec/error.ts'
import { serializeGoJson } from '../../../codec/go-json.ts'
import { decodeHex, encodeHex } from '../../../codec/hex.ts'
import { encodePem } from '../../../codec/pem.ts'
import { quote } from '../../../codec/text.ts'
import { type Message, messageOfDigests } from '../../../crypto/message.ts'
import { encodePublicKeyPem } from '../../../crypto/public-key.ts'
import { encodeBlobBundle } from '../../../formats/blob-bundle.ts'
import { dsseEnvelopeText } from '../../../formats/dsse.ts'
import { logBundleOfEntry } from '../../../formats/log/log-bundle.ts'
import { statementPayloadType } from '../../../formats/statement.ts'
import { timestampJson } from '../../../formats/timestamp/timestamp-json.ts'
import type { BlobContent } from '../../../oci/blob-content.ts'
import { bytesOf, olderBundleText } from '../../../sign/attestation/encoded-attestation.ts'
import { artifactOfStatement } from '../../../sign/attestation/given-statement.ts'
import { type SignedAttestation, signAttestationBundle, signAttestationEnvelope } from '../../../sign/attestation/sign-attestation.ts'
import type { SignedParts } from '../../../sign/signing.ts'
import { blobBundleCandidate, withMaterial } from '../../../verify/evidence.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { attestBlobFlags } from '../../flags/attesting/attest.ts'
import { readMessage } from '../../inputs/artifacts.ts'
import { checkOutputs } from '../../inputs/outputs.ts'
import { openSigning } from '../../inputs/signing/open-signing.ts'
import { withoutInput } from '../../inputs/signing/without-input.ts'
import { checkContentFlags, printContent, readAttestedContent } from './attested-content.ts'

type Flags = FlagsOf<typeof attestBlobFlags>

/** `attest-blob`: signs a statement about a file; writes a bundle, or the envelope as cosign 2 did. */
export const attestBlob: CommandFunction<typeof attestBlobFlags> = async (context, flags, [path]) => {
  checkFlags(flags, path)
  const needs = {
    promise: !flags.newBundleFormat,
    timestamp: flags.rfc3161TimestampBundle !== '',
    intoto: flags.rekorEntryType === 'intoto',
  }
  const readsInput = [path, flags.predicate, flags.statement].includes('-')
  const signing = await openSigning(readsInput ? withoutInput(context) : context, flags, needs)
  const content = await readAttestedContent(context, flags) // as in `attest`, once the key is there
  const message = await messageOf(context, flags, path)
  const name = path ?? 'the subject'
  const artifact = message ? ({ kind: 'blob', name, message } as const) : artifactOfStatement(content.given!)
  const subject = { name: name.replace(/.*\//s, ''), sha256: message ? encodeHex(message.digest('sha256')) : '' }
  const toSign = content.about(subject, artifact)
  context.stderr('Signing artifact...\n')
  const signed = flags.newBundleFormat
    ? await signAttestationBundle(signing, toSign, artifact)
    : await signAttestationEnvelope(signing, toSign, artifact, olderCandidate)
  await writeResults(context, flags, toSign.statement, signed)
  return 0
}

/** cosign drops in silence what it does not need. */
function checkFlags(flags: Flags, path: string | undefined): void {
  const { bundle, outputSignature, outputAttestation, outputCertificate, rfc3161TimestampBundle, predicate, statement, hash } = flags
  checkContentFlags(flags)
  if (flags.newBundleFormat && bundle === '') throw usage('must specify --bundle with --new-bundle-format')
  if (path === undefined && statement === '') throw usage('want FILE, which the statement is about, got none')
  if (path === undefined && hash !== '') throw usage('--hash goes with FILE, the name of what it is the hash of')
  if (path === '-' && hash !== '') throw usage('--hash is of a file that is elsewhere, and - is standard input')
  if (path === '-' && [predicate, statement].includes('-'))
    throw usage('want one of FILE, --predicate and --statement from standard input, got two')
  const outputs = {
    bundle,
    'output-signature': outputSignature,
    'output-attestation': outputAttestation,
    'output-certificate': outputCertificate,
    'rfc3161-timestamp-bundle': rfc3161TimestampBundle,
  }
  const read = [flags.key, flags.certificate, flags.certificateChain, flags.signingConfig, predicate, statement]
  checkOutputs(outputs, [...read, ...(path === undefined || hash !== '' ? [] : [path])])
}

/** The file that is attested, or its digest alone; nothing where the statement alone says. */
async function messageOf(context: CommandContext, { hash }: Flags, path: string | undefined): Promise<Message | undefined> {
  if (path === undefined) return undefined
  if (hash === '') {
    context.stderr(`Using payload from: ${path}\n`)
    return await readMessage(context, path)
  }
  if (!/^[0-9a-fA-F]{64}$/.test(hash)) throw usage(`--hash: want the 64 hex digits of a SHA-256, got ${quote(hash)}`)
  return messageOfDigests(new Map([['sha256', decodeHex(hash.toLowerCase(), '--hash')]]))
}

/** How `verify-blob-attestation` finds what cosign 2 left: an envelope in a bundle for bare signatures, its timestamp beside it. */
function olderCandidate({ encoded, parts }: SignedAttestation<Uint8Array>) {
  return withMaterial(blobBundleCandidate('the new bundle', encodeBlobBundle(encoded, ...signerAndEntry(parts))), {
    timestamps: parts.timestamps,
  })
}

function signerAndEntry({ certificate, signer, logEntries: [entry] }: SignedParts) {
  const pem = certificate ? encodePem('CERTIFICATE', certificate.der) : encodePublicKeyPem(signer.publicKey)
  return [pem, entry && logBundleOfEntry(entry)] as const
}

async function writeResults(context: CommandContext, flags: Flags, statement: Uint8Array, signed: SignedAttestation): Promise<void> {
  const { newBundleFormat, outputSignature } = flags
  const { certificate, timestamps } = signed.parts
  const [timestamp] = timestamps
  const write = async (path: string, data: string | BlobContent | ByteSource, what: string) => {
    if (path === '') return
    await context.files.write(path, typeof data === 'string' || data instanceof Uint8Array ? data : data.open(), { mode: 0o600 })
    context.stderr(`${what} ${path}\n`)
  }
  const inOlderBundle = async () => olderBundleText(await bytesOf(signed.encoded), ...signerAndEntry(signed.parts))
  if (flags.bundle !== '') await write(flags.bundle, newBundleFormat ? signed.encoded : await inOlderBundle(), 'Wrote bundle to file')
  await write(flags.outputAttestation, statement, 'Attestation written in')
  if (certificate) await write(flags.outputCertificate, encodePem('CERTIFICATE', certificate.der), 'Certificate written in')
  if (timestamp)
    await write(flags.rfc3161TimestampBundle, serializeGoJson(timestampJson(timestamp)), 'RFC3161 timestamp bundle written to file')
  await write(outputSignature, envelopeOf(flags, statement, signed), 'Signature written in')
  if (newBundleFormat || outputSignature !== '') return
  await printContent(context, signed.encoded)
}

/** The envelope, which is what cosign calls the signature of an attestation. */
function envelopeOf({ newBundleFormat }: Flags, payload: Uint8Array, { encoded, parts: { signature } }: SignedAttestation) {
  return newBundleFormat ? dsseEnvelopeText({ payloadType: statementPayloadType, payload, signature }) : encoded
}

function usage(message: string): CountersignError {
  return new CountersignError('USAGE', message)
}
