import { CountersignError } from '../../../codec/error.ts'
import type { Certificate } from '../../../formats/x509/certificate.ts'
import {
  authoritiesOfFile,
  authoritiesOfPools,
  authorityOfChain,
  logOfKey,
  parseCertificatesPem,
  pemFileLimitBytes,
  timestampAuthorityOfChain,
} from '../../../trust/pem-trust.ts'
import type { Trust } from '../../../verify/policy.ts'
import type { CommandContext } from '../../context.ts'
import { describeSource, trustFromFlags } from '../trusted-root.ts'

/** The flags that say which authorities and logs are trusted. */
export type AuthorityFlags = {
  readonly caIntermediates: string
  readonly caRoots: string
  readonly certificateChain: string
  readonly offline: boolean
  readonly timestampCertificateChain: string
  readonly trustedRoot: string
}

/** What is going to be verified by them. */
export type Needs = {
  readonly certificates: boolean
  readonly certificateLogs: boolean // of certificates, where there are any
  readonly logs: boolean
  readonly timestamps: boolean
}

type Authorities = Pick<
  Trust,
  'certificateAuthorities' | 'takesCarriedIntermediates' | 'ctLogs' | 'transparencyLogs' | 'timestampAuthorities'
>

/**
 * Whom the flags and cosign's `SIGSTORE_…` variables trust: a trusted root, or PEM files, each in place of its part of the trusted root
 * that would be used without it. A trusted root is read only where something is needed of it, and always where it was named.
 *
 * @throws CountersignError `USAGE`, and whatever reading keys, certificates and roots throws
 */
export async function authoritiesFromFlags(
  context: CommandContext,
  flags: AuthorityFlags,
  needs: Needs,
): Promise<{ readonly authorities: Authorities; readonly from: readonly string[] }> {
  checkCombination(flags)
  const own = flags.trustedRoot === '' ? { ...(await authoritiesOfVariables(context)), ...(await authoritiesOfFiles(context, flags)) } : {}
  const lacks =
    (needs.certificates && !own.certificateAuthorities) ||
    (needs.certificates && needs.certificateLogs && !own.ctLogs) ||
    (needs.logs && !own.transparencyLogs) ||
    (needs.timestamps && !own.timestampAuthorities)
  const from = Object.keys(own).length > 0 ? ['PEM files'] : []
  if (!lacks && flags.trustedRoot === '') return { authorities: own, from }
  const { root, source } = await trustFromFlags(context, flags)
  return { authorities: { ...root, ...own }, from: [...from, describeSource(source)] }
}

function checkCombination(flags: AuthorityFlags): void {
  const { caIntermediates, caRoots, certificateChain, timestampCertificateChain, trustedRoot } = flags
  const files = { 'ca-roots': caRoots, 'ca-intermediates': caIntermediates, 'certificate-chain': certificateChain }
  for (const [name, value] of Object.entries({ ...files, 'timestamp-certificate-chain': timestampCertificateChain }))
    if (value !== '' && trustedRoot !== '')
      throw new CountersignError('USAGE', `want one of --trusted-root and --${name}, got both: a trusted root names all authorities`)
  if (caIntermediates !== '' && caRoots === '') throw new CountersignError('USAGE', '--ca-intermediates goes with --ca-roots')
  if (certificateChain !== '' && caRoots !== '')
    throw new CountersignError('USAGE', 'want one of --certificate-chain and --ca-roots, got both')
}

async function authoritiesOfFiles(context: CommandContext, flags: AuthorityFlags): Promise<Authorities> {
  const { caIntermediates, caRoots, certificateChain: chain, timestampCertificateChain: timestampChain } = flags
  const certificates = async (path: string) => parseCertificatesPem(await context.files.read(path, pemFileLimitBytes), path)
  return {
    ...(caRoots !== '' && {
      certificateAuthorities: authoritiesOfPools(
        await certificates(caRoots),
        caIntermediates === '' ? ([] as readonly Certificate[]) : await certificates(caIntermediates),
      ),
      takesCarriedIntermediates: caIntermediates === '',
    }),
    ...(chain !== '' && { certificateAuthorities: [authorityOfChain(await certificates(chain))], takesCarriedIntermediates: false }),
    ...(timestampChain !== '' && {
      timestampAuthorities: [timestampAuthorityOfChain(await certificates(timestampChain), timestampChain)],
    }),
  }
}

/** cosign's variables for a private Sigstore. Nobody typed them here, and they decide whom to trust, so they are announced. */
async function authoritiesOfVariables(context: CommandContext): Promise<Authorities> {
  const read = async <T>(name: string, parse: (bytes: Uint8Array, what: string) => T): Promise<T | undefined> => {
    const path = context.environment.get(name)
    if (!path) return undefined
    context.warn(`${name} is set, which decides whom to trust`)
    return parse(await context.files.read(path, pemFileLimitBytes), `${name} ${path}`)
  }
  const roots = await read('SIGSTORE_ROOT_FILE', (pem, what) => authoritiesOfFile(parseCertificatesPem(pem, what), what))
  const rekor = await read('SIGSTORE_REKOR_PUBLIC_KEY', (pem, what) => logOfKey(pem, what))
  const ctLog = await read('SIGSTORE_CT_LOG_PUBLIC_KEY_FILE', (pem, what) => logOfKey(pem, what))
  const tsa = await read('SIGSTORE_TSA_CERTIFICATE_FILE', (pem, what) => timestampAuthorityOfChain(parseCertificatesPem(pem, what), what))
  return {
    ...(roots && { certificateAuthorities: roots, takesCarriedIntermediates: true }),
    ...(rekor && { transparencyLogs: [rekor] }),
    ...(ctLog && { ctLogs: [ctLog] }),
    ...(tsa && { timestampAuthorities: [tsa] }),
  }
}
