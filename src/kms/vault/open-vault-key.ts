import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { readAs, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { CreatedKey, KeyVersion, RemoteKey, SigningVersion } from '../remote/remote-key.ts'
import { parseVaultReference } from './reference.ts'
import { readTransitKey, type TransitKey } from './transit-key.ts'
import { createTransitApi } from './vault-api.ts'

/**
 * The key in a transit secrets engine, of HashiCorp Vault or of OpenBao, that a reference names. Nothing is read or asked yet. To learn what
 * there is to know of the key is one request, each signature is one.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`; calls also throw what `createTransitApi` says
 */
export function openVaultKey(reference: string, effects: ProviderEffects): RemoteKey {
  const { product, key: name, version: pinned } = parseVaultReference(reference)
  const what = `${product} key ${quote(name)}${pinned === undefined ? '' : `, version ${pinned}`}`
  const api = createTransitApi(product, what, effects)
  let known: Promise<TransitKey> | undefined
  const read = async (): Promise<TransitKey> => {
    known ??= api.readKey(name).then(data => readTransitKey(data, what))
    try {
      return await known
    } catch (cause) {
      known = undefined
      throw cause
    }
  }
  return {
    what,
    current: async () => signingVersion(await read(), pinned, what),
    versions: async () => coveredVersions(await read(), pinned, what),
    sign: async ({ id, scheme, hash }, covered) => {
      const { type } = await read()
      const answer = await api.sign(name, type.hashInPath, {
        input: encodeBase64(covered),
        prehashed: hash !== undefined,
        key_version: Number(id),
        ...(scheme === 'rsa-pkcs1v15' && { signature_algorithm: 'pkcs1v15' }),
        ...(scheme === 'ecdsa' && { marshaling_algorithm: 'asn1' }),
      })
      return readAs('KMS_RESPONSE_MALFORMED', what, () => readSignature(readString(answer['signature'], `${what}: signature`), id, what))
    },
    create: async (): Promise<CreatedKey> => {
      try {
        return { publicKey: signingVersion(await read(), pinned, what).publicKey, isNew: false }
      } catch (cause) {
        if (!(cause instanceof CountersignError) || cause.code !== 'KEY_NOT_FOUND') throw cause
        if (pinned !== undefined)
          throw new CountersignError(
            'REFERENCE_MALFORMED',
            `${what}: want a reference without a version, for versions are made one after another`,
          )
      }
      await api.createKey(name, 'ecdsa-p256')
      return { publicKey: signingVersion(await read(), undefined, what).publicKey, isNew: true }
    },
  }
}

function signingVersion(
  { type, latest, firstThatSigns, isDeleted, versions }: TransitKey,
  pinned: number | undefined,
  what: string,
): SigningVersion {
  const number = pinned ?? latest
  const version = versionOf(versions, number, latest, what)
  if (isDeleted) throw new CountersignError('KEY_DISABLED', `${what}: it is soft-deleted`)
  if (version.state !== 'enabled' || !version.publicKey)
    throw new CountersignError('KEY_DISABLED', `${what}: want a version that is enabled, got version ${number}, ${version.state}`)
  if (number < firstThatSigns)
    throw new CountersignError(
      'KEY_DISABLED',
      `${what}: version ${number} does not sign any more: its min_encryption_version is ${firstThatSigns}`,
    )
  return { id: version.id, publicKey: version.publicKey, scheme: type.scheme, hash: type.hash }
}

function coveredVersions({ latest, versions }: TransitKey, pinned: number | undefined, what: string): readonly KeyVersion[] {
  return (pinned === undefined ? versions : [versionOf(versions, pinned, latest, what)]).map(({ number: _, ...version }) => version)
}

function versionOf(versions: TransitKey['versions'], number: number, latest: number, what: string): TransitKey['versions'][number] {
  const version = versions.find(each => each.number === number)
  if (!version)
    throw new CountersignError('KEY_NOT_FOUND', `${what}: want one of its versions, got version ${number}; the latest is ${latest}`)
  return version
}

/** `vault:vN:BASE64`, with the version that was asked for: another one's signature is not what was asked. */
function readSignature(text: string, id: string, what: string): Uint8Array {
  const [, version, signature] = /^vault:v([0-9]{1,9}):(.*)$/s.exec(text) ?? []
  if (version === undefined || signature === undefined)
    throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: signature: want vault:v${id}: and base64, got ${quote(text)}`)
  if (version !== id)
    throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want a signature by version ${id}, got one by version ${version}`)
  return decodeBase64(signature, `${what}: signature`)
}
