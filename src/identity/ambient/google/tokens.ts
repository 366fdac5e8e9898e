import { CountersignError } from '../../../codec/error.ts'
import { parseJson, readAs, readObject, readString } from '../../../codec/json.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import { signerFromPkcs8 } from '../../../crypto/signer.ts'
import { type AmbientEffects, askForMember, askForText, audience, unavailable } from '../provider.ts'
import type { GoogleCredential, SubjectTokenSource } from './key-file.ts'

const scope = 'https://www.googleapis.com/auth/cloud-platform'
const userTokenUrl = new URL('https://oauth2.googleapis.com/token')
const accountsUrl = 'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts'
const longestSeconds = 3600

/**
 * An ID token for Sigstore of whom a key file speaks for.
 *
 * @throws CountersignError `TOKEN_UNAVAILABLE` for a person, and for a workload that speaks for no service account: Google gives these none for
 *   others; as `askForMember`
 * @see https://google.aip.dev/auth/4116
 */
export async function idTokenOfKeyFile(effects: AmbientEffects, credential: GoogleCredential): Promise<string> {
  switch (credential.kind) {
    case 'service_account':
      return await askByAssertion(effects, credential, { target_audience: audience }, 'id_token')
    case 'impersonated_service_account':
      return await idTokenOfAccount(effects, await accessToken(effects, credential.source), credential.account, credential.delegates)
    case 'external_account':
      if (credential.account === undefined)
        throw unavailable('the key file of a workload elsewhere gives an identity token only where it speaks for a service account')
      return await idTokenOfAccount(effects, await federatedToken(effects, credential), credential.account)
    case 'authorized_user':
      throw unavailable(
        'the key file of a person gives no identity token for Sigstore; GOOGLE_SERVICE_ACCOUNT_NAME names a service account that they may speak for',
      )
    default:
      throw new TypeError(`unhandled credential ${credential satisfies never}`)
  }
}

/** A token for Google's own services, of whom a key file speaks for. @throws CountersignError as `askForMember` */
export async function accessToken(effects: AmbientEffects, credential: GoogleCredential): Promise<string> {
  switch (credential.kind) {
    case 'service_account':
      return await askByAssertion(effects, credential, { scope }, 'access_token')
    case 'authorized_user': {
      const { clientId, clientSecret, refreshToken } = credential
      const form = { grant_type: 'refresh_token', client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken }
      return await askForMember(effects, { url: userTokenUrl, method: 'POST', headers: {}, form }, 'access_token')
    }
    case 'impersonated_service_account':
      return await accessTokenOfAccount(effects, await accessToken(effects, credential.source), credential.account, credential.delegates)
    case 'external_account': {
      const token = await federatedToken(effects, credential)
      return credential.account === undefined ? token : await accessTokenOfAccount(effects, token, credential.account)
    }
    default:
      throw new TypeError(`unhandled credential ${credential satisfies never}`)
  }
}

/** An ID token for Sigstore of a service account, for whoever may speak for it. @throws CountersignError as `askForMember` */
export async function idTokenOfAccount(
  effects: AmbientEffects,
  access: string,
  account: string,
  delegates: readonly string[] = [],
): Promise<string> {
  const json = { audience, includeEmail: true, ...(delegates.length > 0 && { delegates }) }
  return await askForMember(effects, accountRequest(access, account, 'generateIdToken', json), 'token')
}

async function accessTokenOfAccount(effects: AmbientEffects, access: string, account: string, delegates: readonly string[] = []) {
  const json = { scope: [scope], lifetime: `${longestSeconds}s`, ...(delegates.length > 0 && { delegates }) }
  return await askForMember(effects, accountRequest(access, account, 'generateAccessToken', json), 'accessToken')
}

function accountRequest(access: string, account: string, verb: string, json: object) {
  const url = new URL(`${accountsUrl}/${encodeURIComponent(account)}:${verb}`)
  return {
    url,
    method: 'POST',
    headers: { authorization: `Bearer ${access}` },
    json: json as { readonly [member: string]: string },
  } as const
}

/** By a statement that the service account's own key signs. RFC 7523 §2.1 */
async function askByAssertion(
  effects: AmbientEffects,
  { email, keyId, pkcs8, tokenUrl }: GoogleCredential & { readonly kind: 'service_account' },
  claims: Readonly<Record<string, string>>,
  member: 'access_token' | 'id_token',
): Promise<string> {
  const iat = Math.floor(effects.world.now().getTime() / 1000)
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) }
  const payload = { iss: email, sub: email, aud: tokenUrl.href, iat, exp: iat + longestSeconds, ...claims }
  const signed = [header, payload].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const signer = signerFromPkcs8(pkcs8, 'key file: private_key')
  if (!signer.publicKey.algorithm.startsWith('rsa'))
    throw new CountersignError('CREDENTIALS_MALFORMED', `key file: private_key: want an RSA key, got ${signer.publicKey.algorithm}`)
  const assertion = `${signed}.${Buffer.from(await signer.sign(encodeUtf8(signed))).toString('base64url')}`
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
  return await askForMember(effects, { url: tokenUrl, method: 'POST', headers: {}, form }, member)
}

/** A workload's own token, exchanged for one of Google's. RFC 8693 §2.1 */
async function federatedToken(
  effects: AmbientEffects,
  { audience, tokenUrl, subjectTokenType, subject }: GoogleCredential & { readonly kind: 'external_account' },
): Promise<string> {
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience,
    scope,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: await subjectToken(effects, subject),
    subject_token_type: subjectTokenType,
  }
  return await askForMember(effects, { url: tokenUrl, method: 'POST', headers: {}, form }, 'access_token')
}

async function subjectToken(effects: AmbientEffects, source: SubjectTokenSource): Promise<string> {
  const { member } = source
  if (source.kind === 'url') {
    const request = { url: source.url, headers: Object.fromEntries(source.headers) }
    return member === undefined ? await askForText(effects, request) : await askForMember(effects, request, member)
  }
  const what = `workload token ${quote(source.path)}`
  const text = (await effects.readText(source.path))?.trim()
  if (!text) throw unavailable(`${what} is not there or empty`)
  if (member === undefined) return text
  return readAs('CREDENTIALS_MALFORMED', what, () => {
    const json = readObject(parseJson(encodeUtf8(text), what, { bytes: 64 << 10 }), what)
    return readString(json[member], `${what}.${member}`)
  })
}
