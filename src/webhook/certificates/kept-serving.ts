import { join } from 'node:path'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { parseJson, readArray, readAs, readObjectOf, readString } from '../../codec/json.ts'
import { decodePem, encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { parseCertificate } from '../../formats/x509/certificate.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import type { TlsPair } from '../../services/tls-certificate.ts'
import type { Ceremony, Certified } from './issue-certificate.ts'
import { advanceServing, type ServingState } from './serving-state.ts'

/** Files in the folder: what is secret, and what clients are to trust. */
const servingFiles = { state: 'serving.json', bundle: 'ca.crt' } as const

const stateLimitBytes = 256 << 10
const authoritiesLimit = 16

/** Where certificates of our own are kept. */
export type ServingFiles = {
  /** @throws CountersignError `FILE_UNREADABLE`, or `LIMIT_EXCEEDED` past `limitBytes` */
  readonly read: (path: string, limitBytes: number) => Promise<Uint8Array>
  readonly exists: (path: string) => Promise<boolean>
  /** Writes the whole file or nothing. @throws CountersignError `FILE_UNWRITABLE` */
  readonly write: (path: string, data: string, options: { readonly mode: number }) => Promise<void>
  /** A folder, which is made when something is written in it. */
  readonly folder: (path: string) => Pick<Folder, 'write'>
}

/**
 * The certificate to serve now, made and replaced when it is time, with what clients are to trust beside it in `ca.crt`: that is written first,
 * so that nothing is ever served that the file does not vouch for. What was made is in one file, so that a crash leaves all of it or none.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED` for a file that is not of our making; as `files`
 */
export async function loadServing(files: ServingFiles, folder: string, dnsNames: readonly string[], ceremony: Ceremony): Promise<TlsPair> {
  const [statePath, bundlePath] = [join(folder, servingFiles.state), join(folder, servingFiles.bundle)]
  const former = (await files.exists(statePath)) ? parseState(await files.read(statePath, stateLimitBytes), statePath) : undefined
  const state = await advanceServing(former, dnsNames, ceremony)
  if (state !== former || !(await files.exists(bundlePath))) {
    const bundle = state.authorities.map(({ certificate }) => encodePem('CERTIFICATE', certificate.der)).join('')
    await files.folder(folder).write(servingFiles.bundle, encodeUtf8(bundle))
    await files.write(statePath, serializeState(state), { mode: 0o600 })
  }
  const { certificate: cert, key } = encodeCertified(state.serving)
  return { cert, key }
}

function serializeState({ authorities, serving }: ServingState): string {
  return `${JSON.stringify({ authorities: authorities.map(encodeCertified), serving: encodeCertified(serving) }, null, 2)}\n`
}

function encodeCertified({ certificate, key }: Certified): { readonly certificate: string; readonly key: string } {
  return { certificate: encodePem('CERTIFICATE', certificate.der), key: encodePem('PRIVATE KEY', key) }
}

function parseState(bytes: Uint8Array, what: string): ServingState {
  return readAs('CONFIGURATION_MALFORMED', what, () => {
    const state = readObjectOf(parseJson(bytes, what, { bytes: stateLimitBytes }), what, ['authorities', 'serving'])
    const [first, ...others] = readArray(state['authorities'], `${what}: authorities`, authoritiesLimit, readCertified)
    if (!first) throw new CountersignError('CONFIGURATION_MALFORMED', `${what}: authorities: want one at least`)
    return { authorities: [first, ...others], serving: readCertified(state['serving'], `${what}: serving`) }
  })
}

function readCertified(value: unknown, at: string): Certified {
  const { certificate: certificatePem, key: keyPem } = readObjectOf(value, at, ['certificate', 'key'])
  const certificate = parseCertificate(readPem(certificatePem, 'CERTIFICATE', `${at}.certificate`), at)
  const key = readPem(keyPem, 'PRIVATE KEY', `${at}.key`)
  if (!bytesEqual(signerFromPkcs8(key, at).publicKey.spki, certificate.spki))
    throw new CountersignError('CONFIGURATION_MALFORMED', `${at}: want the key of the certificate, got another`)
  return { certificate, key }
}

function readPem(value: unknown, label: string, at: string): Uint8Array {
  const [block, ...others] = decodePem(readString(value, at), at)
  if (block?.label !== label || others.length > 0)
    throw new CountersignError('CONFIGURATION_MALFORMED', `${at}: want one PEM block ${label}`)
  return block.bytes
}
