import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { CreatedKey, RemoteKey } from '../remote/remote-key.ts'
import { type Ask, withinDeadline } from '../remote/within-deadline.ts'
import { explainAwsFailure } from './aws-failure.ts'
import { type AwsKey, readAwsKey, readSignature, stateOf } from './aws-key.ts'
import { createAwsHttpHandler } from './http-handler.ts'
import { type AwsReference, parseAwsReference } from './reference.ts'
import { type AwsAnswers, type AwsClient, type AwsCommand, type AwsOperation, type AwsSdk, loadAwsSdk } from './sdk-shapes.ts'

/**
 * A key in AWS KMS, by AWS's own SDK, with its credential chain, regions and endpoints. Keys of AWS have no versions: a new key gets the alias.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see formats-and-flows §1.3 awskms
 */
export function openAwsKey(text: string, effects: ProviderEffects): RemoteKey {
  const reference = parseAwsReference(text)
  const { keyId, alias } = reference
  const what = `AWS KMS key ${quote(keyId)}`
  let opened: Promise<{ readonly sdk: AwsSdk; readonly client: AwsClient }> | undefined
  const call: Call = async (work, isNew = false) => {
    opened ??= openClient(reference, what, effects)
    const { sdk, client } = await opened
    let operation: AwsOperation = 'GetPublicKey'
    const explain = (cause: unknown) =>
      isNew && cause instanceof Error && cause.name === 'NotFoundException'
        ? { passing: 'the new key is not known everywhere yet' }
        : explainAwsFailure(what, operation, cause, effects.world.now())
    return await withinDeadline(what, effects, explain, ask => work(sender(sdk, client, ask, next => (operation = next))))
  }
  const find = async (): Promise<AwsKey> => {
    const key = readAwsKey(await call(send => send('GetPublicKey', sdk => new sdk.GetPublicKeyCommand({ KeyId: keyId }))), what)
    if (alias === undefined && !isSameKey(keyId, key.arn))
      throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want the key that was asked for, got ${quote(key.arn)}`)
    return key
  }
  let found: Promise<AwsKey> | undefined
  const current = (): Promise<AwsKey> => {
    found ??= find().catch(cause => {
      found = undefined // what failed may be asked again
      throw cause
    })
    return found
  }
  return {
    what,
    current,
    versions: async () => {
      const { KeyMetadata: metadata = {} } = await call(send => send('DescribeKey', sdk => new sdk.DescribeKeyCommand({ KeyId: keyId })))
      const state = stateOf(metadata, what)
      const one = { id: '', state, ...(metadata.CreationDate instanceof Date && { createdAt: metadata.CreationDate }) }
      return [state === 'enabled' ? { ...one, publicKey: (await current()).publicKey } : one]
    },
    sign: async (_, covered) => {
      const key = await current()
      // By the name that the reference has, for permissions may be tied to the alias (kms:RequestAlias).
      const input = { KeyId: keyId, Message: covered, MessageType: 'DIGEST', SigningAlgorithm: key.algorithm } as const
      return readSignature(await call(send => send('Sign', sdk => new sdk.SignCommand(input))), key, what)
    },
    create: async () => {
      if (alias === undefined)
        throw new CountersignError('REFERENCE_MALFORMED', `${what}: want an alias to give to a new key: awskms:///alias/NAME`)
      try {
        return { publicKey: (await current()).publicKey, isNew: false }
      } catch (cause) {
        if (!(cause instanceof CountersignError) || cause.code !== 'KEY_NOT_FOUND') throw cause
      }
      return await create(alias, what, call)
    },
    close: async () => {
      ;(await opened?.catch(() => undefined))?.client.destroy()
    },
  }
}

/** One request, made again while its failures pass. */
type Send = <Operation extends AwsOperation>(
  operation: Operation,
  command: (sdk: AwsSdk) => AwsCommand<Operation>,
) => Promise<AwsAnswers[Operation]>

function sender(sdk: AwsSdk, client: AwsClient, ask: Ask, begin: (operation: AwsOperation) => void): Send {
  return (operation, command) => {
    begin(operation)
    return ask(abortSignal => client.send(command(sdk), { abortSignal }))
  }
}

/** One call of the key's, within its deadline. A new key takes a moment until all of KMS knows it. */
type Call = <T>(work: (send: Send) => Promise<T>, isNew?: boolean) => Promise<T>

/** Makes a key and then names it: two requests, for AWS has none that does both. */
async function create(alias: string, what: string, call: Call): Promise<CreatedKey> {
  const input = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', Description: 'Created by Sigstore' }
  const { KeyMetadata: made } = await call(send => send('CreateKey', sdk => new sdk.CreateKeyCommand(input)))
  const id = made?.KeyId
  if (typeof id !== 'string' || id === '') throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want the new key's id, got none`)
  try {
    await call(send => send('CreateAlias', sdk => new sdk.CreateAliasCommand({ AliasName: alias, TargetKeyId: id })), true)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    const isOurs = cause.code === 'KEY_EXISTS' && (await leadsTo(alias, id, call))
    if (!isOurs)
      throw new CountersignError(
        cause.code,
        `${cause.message}; key ${quote(id)} was made and has no alias: aws kms create-alias, or aws kms schedule-key-deletion`,
        { cause },
      )
  }
  const answer = await call(send => send('GetPublicKey', sdk => new sdk.GetPublicKeyCommand({ KeyId: id })), true)
  return { publicKey: readAwsKey(answer, what).publicKey, isNew: true }
}

/** Whether an alias is the key's: a request to name it that got no answer may have done so, and is then refused when made again. */
async function leadsTo(alias: string, id: string, call: Call): Promise<boolean> {
  try {
    const { KeyId: arn = '' } = await call(send => send('GetPublicKey', sdk => new sdk.GetPublicKeyCommand({ KeyId: alias })), true)
    return isSameKey(id, arn)
  } catch (cause) {
    if (cause instanceof CountersignError) return false // that the alias is taken says more
    throw cause
  }
}

/** Whether both are of one key: its id, with or without dashes, or an ARN, which ends with it. */
function isSameKey(one: string, other: string): boolean {
  const [a, b] = [one, other].map(text =>
    text
      .replace(/^arn:.*:key\//s, '')
      .replaceAll('-', '')
      .toLowerCase(),
  )
  return a === b
}

async function openClient(
  { endpoint, region }: AwsReference,
  what: string,
  effects: ProviderEffects,
): Promise<{ readonly sdk: AwsSdk; readonly client: AwsClient }> {
  const sdk = await loadAwsSdk(effects)
  const client = new sdk.KMSClient({
    maxAttempts: 1, // retries are ours, and counted
    requestHandler: createAwsHttpHandler(effects, what),
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
  })
  return { sdk, client }
}
