import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { runOk } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { startServer } from '../../peers/harness/server.ts'
import { startGrpcProxy } from './grpc-proxy.ts'
import { kmsTool } from './kms-tool.ts'
import type { ProviderRig } from './provider-rig.ts'

export type GoogleRig = ProviderRig & {
  /** Makes a key of an algorithm by Google's name, and its purpose. */
  readonly createAs: (key: string, algorithm: string, purpose: string) => Promise<void>
}

type RigClient = Readonly<
  Record<
    'createKeyRing' | 'createCryptoKey' | 'createCryptoKeyVersion' | 'updateCryptoKeyVersion',
    (request: object, options: object) => Promise<unknown>
  >
> & {
  readonly close: () => Promise<void>
}

const ring = 'projects/tests/locations/global/keyRings/releases'

/**
 * The Cloud KMS of tools/gcp-kms, behind a proxy with TLS. Credentials are files of service accounts, whose tokens the SDK signs by itself; keys
 * are made by Google's SDK, straight at the server.
 */
export async function startGoogleRig(place: Place): Promise<GoogleRig> {
  const issuer = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(place.path('issuer.pub'), issuer.publicKey.export({ type: 'spki', format: 'pem' }))
  const server = await startServer(place, kmsTool('gcp-kms'), [place.path('issuer.pub')], /listening on (127\.0\.0\.1:\d+)/)
  const [key, cert] = [place.path('kms.key'), place.path('kms.crt')]
  await runOk(
    place,
    ['openssl', 'req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2'],
    [...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]],
  )
  const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  const proxy = await startGrpcProxy(server.host, tls, path => path.endsWith('/AsymmetricSign'))
  const account = (name: string, privateKey = issuer.privateKey) => {
    const path = place.path(`${name}.json`)
    const email = `${name}@tests.iam.gserviceaccount.com`
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    writeFileSync(
      path,
      JSON.stringify({ type: 'service_account', project_id: 'tests', private_key_id: '1', private_key: pem, client_email: email }),
    )
    return { GOOGLE_APPLICATION_CREDENTIALS: path }
  }
  const packages = process.env['COUNTERSIGN_PACKAGES'] ?? join(import.meta.dirname, '../../../.cache/kms')
  const client = rigClient(packages, server.host, account('owner').GOOGLE_APPLICATION_CREDENTIALS)
  const asRig = { otherArgs: { headers: { authorization: 'Bearer rig' } } }
  await client.createKeyRing({ parent: ring.split('/keyRings/')[0], keyRingId: 'releases', keyRing: {} }, asRig)
  const nameOf = (name: string) => `${ring}/cryptoKeys/${name}`
  const createAs: GoogleRig['createAs'] = async (name, algorithm, purpose) => {
    await client.createCryptoKey({ parent: ring, cryptoKeyId: name, cryptoKey: { purpose, versionTemplate: { algorithm } } }, asRig)
  }
  return {
    name: 'Google Cloud KMS',
    environment: {
      ...account('owner'),
      CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: `https://localhost:${proxy.url.port}/`,
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: cert,
      COUNTERSIGN_PACKAGES: packages,
    },
    algorithms: [
      'EC_SIGN_P256_SHA256',
      'EC_SIGN_P384_SHA384',
      'EC_SIGN_ED25519',
      'RSA_SIGN_PKCS1_2048_SHA256',
      'RSA_SIGN_PKCS1_3072_SHA256',
      'RSA_SIGN_PKCS1_4096_SHA256',
    ],
    reference: (name, version) => `gcpkms://${nameOf(name)}${version === undefined ? '' : `/cryptoKeyVersions/${version}`}`,
    create: (name, algorithm) => createAs(name, algorithm, 'ASYMMETRIC_SIGN'),
    createAs,
    createUnfit: async name => {
      await createAs(name, 'RSA_SIGN_PSS_2048_SHA256', 'ASYMMETRIC_SIGN')
      return /got "RSA_SIGN_PSS_2048_SHA256": RSA-PSS, which clients of Sigstore do not verify/
    },
    rotate: async name => {
      await client.createCryptoKeyVersion({ parent: nameOf(name), cryptoKeyVersion: {} }, asRig)
    },
    disable: async (name, version) => {
      const cryptoKeyVersion = { name: `${nameOf(name)}/cryptoKeyVersions/${version}`, state: 'DISABLED' }
      await client.updateCryptoKeyVersion({ cryptoKeyVersion, updateMask: { paths: ['state'] } }, asRig)
    },
    unknown: account('stranger', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    forbidden: account('reader'),
    requests: proxy.requests,
    behave: proxy.behave,
    stop: async () => {
      await client.close()
      await proxy.stop()
      await server.stop()
    },
  }
}

/** Google's own client, without TLS, at the server itself. */
function rigClient(packages: string, host: string, keyFilename: string): RigClient {
  const require = createRequire(join(packages, 'any'))
  const { KeyManagementServiceClient } = require('@google-cloud/kms')
  const { grpc } = createRequire(require.resolve('@google-cloud/kms'))('google-gax') // the SDK's own
  const [apiEndpoint, port] = host.split(':')
  return new KeyManagementServiceClient({
    apiEndpoint,
    port: Number(port),
    fallback: false,
    sslCreds: grpc.credentials.createInsecure(),
    keyFilename, // not used, but without it Google's metadata server is looked for
    projectId: 'tests',
  })
}
