import { readFileSync } from 'node:fs'
import { runOk } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'

/** A certificate authority of a test's own, made by OpenSSL. */
export type Authority = {
  readonly path: string // of its certificate
  readonly pem: string
  /** A certificate for this machine's loopback address, to serve TLS with. */
  readonly issueServer: (name: string) => Promise<Issued>
  /** A client certificate. @param subject - as OpenSSL writes it: `/O=GROUP/CN=USER` */
  readonly issueClient: (name: string, subject: string) => Promise<Issued>
}

/** A key and its certificate: paths of PEM files, and their texts. */
export type Issued = { readonly keyPath: string; readonly certPath: string; readonly key: string; readonly cert: string }

const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']

/** Makes one, in files of the place that begin with its name. */
export async function createAuthority(place: Place, name = 'ca'): Promise<Authority> {
  const make = async (file: string, subject: string, rest: readonly string[]): Promise<Issued> => {
    const [keyPath, certPath] = [place.path(`${file}.key`), place.path(`${file}.pem`)]
    await runOk(place, ['openssl'], [...request, '-subj', subject, ...rest, '-keyout', keyPath, '-out', certPath])
    return { keyPath, certPath, key: readFileSync(keyPath, 'utf8'), cert: readFileSync(certPath, 'utf8') }
  }
  const own = await make(name, `/CN=${name}`, [])
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE', '-CA', own.certPath, '-CAkey', own.keyPath]
  return {
    path: own.certPath,
    pem: own.cert,
    issueServer: file => make(file, `/CN=${file}`, [...leaf, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']),
    issueClient: (file, subject) => make(file, subject, [...leaf, '-addext', 'extendedKeyUsage=clientAuth']),
  }
}
