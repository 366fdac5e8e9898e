import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the public client conformance cases lie; `npm run test:conformance DIR` names another folder. */
export const conformanceFolder: string = process.env['CONFORMANCE'] ?? join(import.meta.dirname, '../../../shared/conformance')

/** One case of the suite, by the paths of its files. Protocol: README.md of the folder. */
export type BundleCase = {
  readonly name: string
  /** Whether it must verify; a name that ends in `_fail` must be refused. */
  readonly isGood: boolean
  readonly bundle: string
  readonly artifact: string
  readonly trustedRoot: string
  /** A managed key, or whom the certificate must name. */
  readonly signer: { readonly key: string } | { readonly identity: string; readonly issuer: string }
}

const defaultIdentity =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main'
const defaultIssuer = 'https://token.actions.githubusercontent.com'

/** Every case of the folder, sorted by name. @throws when the folder is missing or holds too few to be the suite */
export function readBundleCases(): readonly BundleCase[] {
  const cases = join(conformanceFolder, 'bundle-verify')
  if (!existsSync(cases)) throw new Error(`${cases} is missing: third-party cases are run from there`)
  const names = readdirSync(cases, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? [entry.name] : []))
  if (names.length < 60) throw new Error(`${cases}: want the suite's cases, got ${names.length}`)
  return names.sort().map(name => readCase(join(cases, name), name))
}

function readCase(folder: string, name: string): BundleCase {
  const own = (file: string, otherwise: string) => (existsSync(join(folder, file)) ? join(folder, file) : otherwise)
  const text = (file: string, otherwise: string) =>
    existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() : otherwise
  const key = own('key.pub', '')
  return {
    name,
    isGood: !name.endsWith('_fail'),
    bundle: join(folder, 'bundle.sigstore.json'),
    artifact: own('artifact', join(conformanceFolder, 'bundle-verify/a.txt')),
    trustedRoot: own('trusted_root.json', join(conformanceFolder, 'production_trusted_root.json')),
    signer: key === '' ? { identity: text('identity', defaultIdentity), issuer: text('issuer', defaultIssuer) } : { key },
  }
}
