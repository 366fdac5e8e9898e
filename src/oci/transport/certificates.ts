import { CountersignError } from '../../codec/error.ts'
import { decodePem } from '../../codec/pem.ts'
import { quote } from '../../codec/text.ts'
import type { ProcessEnvironment } from '../../codec/world.ts'

/** Where Linux distributions and BSDs keep the bundle of trusted authorities; the first one there is used, as Go does. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Gentoo, Alpine
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL 6
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/tls/cacert.pem', // OpenELEC
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // CentOS, RHEL 7
  '/etc/ssl/cert.pem', // Alpine, BSDs
]

const bundleLimit = 16 << 20
const folderLimit = 4096

/**
 * PEM of every authority a TLS server may be certified by: the system's (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`,
 * which replace them), and `extra`. Nothing when the machine has no store and nothing is extra: the runtime's own list
 * then serves. Reads the disk, so call it at the first TLS connection and not before (about 9 ms with its parsing).
 *
 * @throws CountersignError `FILE_UNREADABLE` when `SSL_CERT_FILE` or `SSL_CERT_DIR` names what cannot be read: trust that
 *   somebody configured is never quietly replaced by other trust; `PEM_MALFORMED` when `extra` holds no certificate
 */
export function trustedAuthorities(environment: ProcessEnvironment, extra?: string): string | undefined {
  if (extra !== undefined) checkCertificates(extra, 'registry CA certificate')
  const file = environment['SSL_CERT_FILE']
  const folders = environment['SSL_CERT_DIR']
  const configured = file || folders ? [...(file ? [readBundle(file)] : []), ...(folders ? readFolders(folders) : [])] : undefined
  const system = configured?.join('\n') ?? systemAuthorities()
  if (extra === undefined) return system
  return `${system ?? process.getBuiltinModule('node:tls').rootCertificates.join('\n')}\n${extra}\n`
}

/** @throws CountersignError `PEM_MALFORMED` unless the text holds at least one certificate and nothing else: OpenSSL would skip what it cannot read */
export function checkCertificates(pem: string, what: string): void {
  const labels = decodePem(pem, what).map(block => block.label)
  if (labels.length === 0) throw new CountersignError('PEM_MALFORMED', `${what}: want PEM certificates, got none`)
  const other = labels.find(label => label !== 'CERTIFICATE')
  if (other !== undefined) throw new CountersignError('PEM_MALFORMED', `${what}: want only certificates, got ${quote(other)}`)
}

function systemAuthorities(): string | undefined {
  if (process.platform === 'darwin' || process.platform === 'win32')
    return process.getBuiltinModule('node:tls').getCACertificates('system').join('\n') || undefined
  const fs = process.getBuiltinModule('node:fs')
  const path = bundles.find(candidate => fs.existsSync(candidate))
  return path === undefined ? undefined : readBundle(path)
}

function readBundle(path: string): string {
  const fs = process.getBuiltinModule('node:fs')
  try {
    if (fs.statSync(path).size > bundleLimit)
      throw new CountersignError('LIMIT_EXCEEDED', `${quote(path)}: want at most ${bundleLimit} bytes`)
    return fs.readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)}: cannot read the trusted authorities`, { cause })
  }
}

function readFolders(list: string): string[] {
  const fs = process.getBuiltinModule('node:fs')
  const { delimiter, join } = process.getBuiltinModule('node:path')
  return list
    .split(delimiter)
    .filter(folder => folder !== '')
    .flatMap(folder => {
      let names: string[]
      try {
        names = fs.readdirSync(folder).slice(0, folderLimit)
      } catch (cause) {
        throw new CountersignError('FILE_UNREADABLE', `${quote(folder)}: cannot read the trusted authorities`, { cause })
      }
      return names
        .map(name => join(folder, name))
        .filter(path => fs.statSync(path, { throwIfNoEntry: false })?.isFile())
        .map(readBundle)
    })
}
