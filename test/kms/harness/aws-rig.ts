import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runOk } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { startServer } from '../../peers/harness/server.ts'
import { kmsTool } from './kms-tool.ts'
import { type ProviderManners, type ProviderProxy, startProviderProxy } from './provider-proxy.ts'
import type { ProviderRig } from './provider-rig.ts'

/** The rig of AWS, and what its own tests ask there. */
export type AwsRig = ProviderRig & {
  /** KMS itself, not through the proxy. @throws an assertion for an answer that is no success */
  readonly ask: Ask
  /** The same KMS by https, with a certificate of its own authority: what cosign insists on. */
  readonly https: { readonly host: string; readonly certificate: string }
  /** Requests that reached that one, since it was last asked. */
  readonly overHttps: () => number
}

export type Ask = (
  operation: string,
  input: object,
) => Promise<{ readonly KeyMetadata: { readonly KeyId: string }; readonly Signature: string }>

const account = { AWS_REGION: 'eu-west-2', AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret-of-the-tests' }

/** What commands are run with beside an endpoint. Without the third, a machine that has no credentials looks for those of an instance. */
export const awsEnvironment = {
  ...account,
  AWS_EC2_METADATA_DISABLED: 'true',
  COUNTERSIGN_PACKAGES: process.env['COUNTERSIGN_PACKAGES'] ?? join(import.meta.dirname, '../../../.cache/kms'),
}

/** A request as KMS wants it. local-kms takes any signature, and so does moto until it is told to look at them. */
export function askAws(origin: string): Ask {
  return async (operation, input) => {
    const credential = `x/20260101/${account.AWS_REGION}/kms/aws4_request`
    const response = await fetch(origin, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=x`,
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `TrentService.${operation}`,
      },
      body: JSON.stringify(input),
    })
    const text = await response.text()
    assert.ok(response.ok, `${operation}: ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
}

/** local-kms, which keeps keys as AWS KMS does for one process. It knows of no permissions. */
export async function startAwsRig(place: Place): Promise<AwsRig> {
  const server = await startServer(place, kmsTool('local-kms'), [], /Local KMS started on 0\.0\.0\.0:(\d+)/, {
    PORT: '0',
    KMS_REGION: account.AWS_REGION,
    KMS_DATA_PATH: place.path('local-kms'),
    KMS_SEED_PATH: place.path('no-seed.yaml'),
  })
  const upstream = new URL(`http://127.0.0.1:${server.host}`)
  const ask = askAws(upstream.origin)
  const made = new Map<string, string>() // key ids, by alias
  const make = async (alias: string, spec: string, usage = 'SIGN_VERIFY') => {
    const { KeyMetadata: key } = await ask('CreateKey', { KeySpec: spec, KeyUsage: usage })
    await ask('CreateAlias', { AliasName: `alias/${alias}`, TargetKeyId: key.KeyId })
    made.set(alias, key.KeyId)
  }
  await make('nobody', 'ECC_NIST_P256')
  const digest = Buffer.alloc(32, 7).toString('base64')
  const input = { KeyId: 'alias/nobody', Message: digest, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' }
  const { Signature: foreign } = await ask('Sign', input)
  const manners: ProviderManners = {
    upstream,
    // As the service does it: status 400, no Retry-After.
    throttle: () => ({
      status: 400,
      headers: { 'content-type': 'application/x-amz-json-1.1' },
      body: Buffer.from('{"__type":"ThrottlingException","message":"Rate exceeded"}'),
    }),
    isSign: ({ headers }) => headers['x-amz-target'] === 'TrentService.Sign',
    withForeignSignature: answer => {
      const body = JSON.parse(answer.body.toString('utf8'))
      return { ...answer, body: Buffer.from(JSON.stringify({ ...body, Signature: foreign })) }
    },
  }
  const proxy = await startProviderProxy(manners)
  const { key, certificate } = await ownCertificate(place)
  const secured = await startProviderProxy({ ...manners, tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(certificate, 'utf8') } })
  return {
    name: 'AWS KMS',
    environment: { ...awsEnvironment, AWS_ENDPOINT_URL_KMS: proxy.url.origin },
    algorithms: ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'RSA_2048', 'RSA_3072', 'RSA_4096'],
    reference: alias => `awskms:///alias/${alias}`,
    create: make,
    createUnfit: async alias => {
      await make(alias, 'RSA_2048', 'ENCRYPT_DECRYPT')
      return /want a key that signs \(SIGN_VERIFY\), got one for "ENCRYPT_DECRYPT"/
    },
    disable: async alias => void (await ask('DisableKey', { KeyId: made.get(alias) })),
    requests: proxy.requests,
    behave: proxy.behave,
    ask,
    https: { host: secured.url.host, certificate },
    overHttps: secured.requests,
    stop: async () => {
      await proxy.stop()
      await secured.stop()
      await server.stop()
    },
  }
}

async function ownCertificate(place: Place): Promise<{ readonly key: string; readonly certificate: string }> {
  const [key, certificate] = [place.path('kms.key'), place.path('kms.crt')]
  await runOk(
    place,
    ['openssl', 'req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2'],
    [...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate]],
  )
  return { key, certificate }
}

/** A KMS that looks at who asks: moto's, with users whose policies allow one thing each. */
export type GuardedKms = {
  readonly environment: Readonly<Record<string, string>>
  /** Credentials of a user with these permissions. */
  readonly userWith: (...actions: readonly string[]) => Readonly<Record<string, string>>
  readonly stop: () => Promise<void>
}

/**
 * moto with a key behind `alias/guarded` and a user for each set of actions. It checks signatures and policies from the request on that follows
 * the last of these. Its refusals are XML where KMS speaks JSON: the proxy says the same in KMS's way.
 */
export async function startGuardedKms(place: Place, users: readonly (readonly string[])[]): Promise<GuardedKms> {
  const preparations = 2 + 3 * users.length
  const server = await startServer(place, kmsTool('moto'), ['-H', '127.0.0.1', '-p', '0'], /Running on http:\/\/(127\.0\.0\.1:\d+)/, {
    INITIAL_NO_AUTH_ACTION_COUNT: String(preparations),
  })
  const origin = `http://${server.host}`
  const ask = askAws(origin)
  const { KeyMetadata: key } = await ask('CreateKey', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  await ask('CreateAlias', { AliasName: 'alias/guarded', TargetKeyId: key.KeyId })
  const known = new Map<string, Readonly<Record<string, string>>>()
  for (const [at, actions] of users.entries()) known.set(actions.join(), await makeUser(origin, `user-${at}`, actions))
  const proxy: ProviderProxy = await startProviderProxy({
    upstream: new URL(origin),
    throttle: () => assert.fail('not told to throttle'),
    isSign: () => true,
    withForeignSignature: answer => {
      const [, code, message] = /<Code>(\w+)<\/Code>\s*<Message>([^<]*)</.exec(answer.body.toString('utf8')) ?? []
      if (code === undefined) return answer
      return { ...answer, status: 400, body: Buffer.from(JSON.stringify({ __type: code, message })) }
    },
  })
  proxy.behave('foreign')
  return {
    environment: { ...awsEnvironment, AWS_ENDPOINT_URL_KMS: proxy.url.origin },
    userWith: (...actions) => known.get(actions.join()) ?? assert.fail(`no user with ${actions.join()}`),
    stop: async () => {
      await proxy.stop()
      await server.stop()
    },
  }
}

async function makeUser(origin: string, user: string, actions: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const iam = async (parameters: Readonly<Record<string, string>>): Promise<string> => {
    const response = await fetch(origin, {
      method: 'POST',
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x' },
      body: new URLSearchParams({ ...parameters, UserName: user, Version: '2010-05-08' }),
    })
    const text = await response.text()
    assert.ok(response.ok, text)
    return text
  }
  await iam({ Action: 'CreateUser' })
  const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] }
  await iam({ Action: 'PutUserPolicy', PolicyName: 'kms', PolicyDocument: JSON.stringify(document) })
  const made = await iam({ Action: 'CreateAccessKey' })
  const field = (name: string) => new RegExp(`<${name}>([^<]+)<`).exec(made)?.[1] ?? assert.fail(made)
  return { AWS_ACCESS_KEY_ID: field('AccessKeyId'), AWS_SECRET_ACCESS_KEY: field('SecretAccessKey') }
}
