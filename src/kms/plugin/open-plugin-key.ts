import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readString } from '../../codec/json.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import { type PublicKey, parsePublicKeyPem } from '../../crypto/public-key.ts'
import { describeKeyReference } from '../describe-key-reference.ts'
import { parseAnswered } from '../remote/answers.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { onlyVersion, type RemoteKey, type SigningVersion } from '../remote/remote-key.ts'
import { deadlineMs, withinDeadline } from '../remote/within-deadline.ts'
import {
  answerLimitBytes,
  encodePluginArguments,
  type PluginAnswer,
  type PluginMethod,
  protocolVersion,
  readPluginAnswer,
  readPluginBytes,
} from './protocol.ts'

const nothing: Uint8Array = new Uint8Array()

/**
 * A key behind a program of cosign's plugin protocol: `NAME://REFERENCE` is what `sigstore-kms-NAME` on the PATH makes of the reference. It is
 * run once for each question, with what is public alone among its arguments. Its versions, if it has any, are its own business.
 *
 * @see formats-and-flows §1.3, plugin protocol
 */
export function openPluginKey(text: string, effects: ProviderEffects): RemoteKey {
  const [scheme = '', keyResourceID = ''] = text.split(/:\/\/(.*)/s)
  const program = `sigstore-kms-${scheme}`
  const what = `key ${describeKeyReference(text)}`
  /** A plugin says of no failure whether it passes, so nothing is asked twice. */
  const explain = (cause: unknown): CountersignError => {
    if (cause instanceof CountersignError && cause.code !== 'CREDENTIALS_UNAVAILABLE') return cause
    if (cause instanceof Error && systemErrorCode(cause.cause) === 'ENOENT')
      return new CountersignError(
        'REFERENCE_MALFORMED',
        `key reference ${describeKeyReference(text)}: unrecognized scheme: ${quote(`${scheme}://`)}; want a KMS that countersign knows, a file, env://, gitlab:// or https://, or the program ${program} on the PATH, which is not there`,
        { cause },
      )
    return new CountersignError('KMS_UNAVAILABLE', `${what}: ${cause instanceof Error ? cause.message : program}`, { cause })
  }
  const ask = async (method: PluginMethod, input = nothing): Promise<PluginAnswer> => {
    const deadline = new Date(effects.world.now().getTime() + deadlineMs)
    const args = [protocolVersion, encodePluginArguments(keyResourceID, method, deadline)]
    const limits = { timeoutMs: deadlineMs, limitBytes: answerLimitBytes }
    const ended = await withinDeadline(what, effects, explain, attempt => attempt(() => effects.runProgram(program, args, input, limits)))
    return readPluginAnswer(what, method.name, ended)
  }
  const askFor = async (method: PluginMethod, input = nothing): Promise<JsonObject> => {
    const answer = await ask(method, input)
    if (answer.kind === 'refused') throw refused(what, method.name, answer.reason)
    return answer.result
  }
  const readKey = (result: JsonObject): PublicKey =>
    parseAnswered(() => parsePublicKeyPem(readPluginBytes(what, result, 'publicKeyPEM'), what))
  let found: Promise<SigningVersion> | undefined
  const current = (): Promise<SigningVersion> => {
    found ??= askFor({ name: 'publicKey' }).then(
      result => onlyVersion(readKey(result), what),
      cause => {
        found = undefined // what failed may be asked again
        throw cause
      },
    )
    return found
  }
  return {
    what,
    current,
    versions: async () => [{ id: '', state: 'enabled', publicKey: (await current()).publicKey }],
    sign: async ({ hash }, covered) => {
      const result = await (hash === undefined
        ? askFor({ name: 'signMessage', hash }, covered)
        : askFor({ name: 'signMessage', hash, digest: covered }))
      return readPluginBytes(what, result, 'signature')
    },
    create: async () => {
      const there = await ask({ name: 'publicKey' })
      if (there.kind === 'result') return { publicKey: readKey(there.result), isNew: false }
      const { defaultAlgorithm } = await askFor({ name: 'defaultAlgorithm' })
      const algorithm = readString(defaultAlgorithm, `${what}: defaultAlgorithm`)
      return { publicKey: readKey(await askFor({ name: 'createKey', algorithm })), isNew: true }
    },
  }
}

function refused(what: string, method: string, reason: string): CountersignError {
  return new CountersignError('KMS_UNAVAILABLE', `${what}: ${method}: its plugin refuses: ${quote(reason)}`)
}
