import { CountersignError } from '../../codec/error.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { asPkcs11Package, ck } from './module-shapes.ts'
import type { Session } from './objects.ts'
import { type OpenModule, openModule } from './open-module.ts'
import { findPin, type MayAsk } from './pin.ts'
import { ckrOf, endsSession, locked, pkcs11Failure } from './pkcs11-failure.ts'
import type { Pkcs11Reference } from './reference.ts'
import { findToken, readToken, type Token } from './tokens.ts'

export type ConnectionTarget = Omit<Pkcs11Reference, 'id' | 'object'> & { readonly modulePath: string }

/** A session with the token that a reference names. */
export type TokenSession = Session & {
  readonly token: Token
  /** Logs the user in, once. Returns whether what only the user sees is now to be seen: not where a PIN is wanted, none was given and nobody may be asked. */
  readonly logIn: (mayAsk: MayAsk) => Promise<boolean>
  /** Says the PIN once more, for the one signature that was begun: keys with CKA_ALWAYS_AUTHENTICATE want it. */
  readonly confirmUse: () => Promise<void>
  /** Signs what `C_SignInit` began. A token may wait for a finger: the process goes on, and the caller's signal ends the wait. */
  readonly finishSigning: (data: Uint8Array) => Promise<Uint8Array>
}

/** One token, for one user after the other: a session has one operation at a time. */
export type Connection = {
  /** Does some work with the token, opening a session where there is none. @param doing - in messages: `signing` */
  readonly use: <T>(doing: string, work: (session: TokenSession) => Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
}

/**
 * A way to a token. Nothing is loaded yet.
 *
 * @param what - begins messages
 * @param canWrite - sessions may make objects
 */
export function connectTo(target: ConnectionTarget, effects: ProviderEffects, what: string, canWrite: boolean): Connection {
  let module: OpenModule | undefined
  let session: TokenSession | undefined
  let isStuck = false // a signature is still being made that nobody waits for: the module may not be touched any more
  let last: Promise<unknown> = Promise.resolve()

  const open = async (): Promise<TokenSession> => {
    module ??= openModule(asPkcs11Package(await effects.loadPackage('pkcs11js')), target.modulePath, what)
    const { cryptoki } = module
    const token = findToken(cryptoki, target, what)
    const handle = cryptoki.C_OpenSession(token.slot, ck.serialSession | (canWrite ? ck.rwSession : 0))
    const base = { cryptoki, handle, token }
    const login = createLogin(base, target, effects, what)
    return {
      ...base,
      ...login,
      finishSigning: async data => {
        effects.signal.throwIfAborted() // it tells of that once, and may have while the file of the PIN was read
        const signing = cryptoki.C_SignAsync(handle, data, Buffer.alloc(signatureLimitBytes))
        try {
          return Uint8Array.from(await orAborted(signing, effects.signal))
        } catch (cause) {
          isStuck = effects.signal.aborted
          throw cause
        }
      },
    }
  }

  const runAlone = async <T>(doing: string, work: (session: TokenSession) => Promise<T>): Promise<T> => {
    effects.signal.throwIfAborted()
    if (isStuck) throw new CountersignError('KMS_UNAVAILABLE', `${what}: ${doing}: the token still makes a signature that nobody waits for`)
    try {
      session ??= await open()
      return await work(session)
    } catch (cause) {
      effects.signal.throwIfAborted()
      if (endsSession(cause)) disconnect()
      throw pkcs11Failure(what, doing, cause)
    }
  }

  /** The next use begins anew: a token that was pulled out may be back. */
  const disconnect = (): void => {
    const [before, { cryptoki } = {}] = [session, module]
    session = undefined
    if (!before || !cryptoki) return
    try {
      cryptoki.C_CloseSession(before.handle)
    } catch {
      // it has ended already
    }
  }

  return {
    use: async (doing, work) => {
      const turn = last.then(() => runAlone(doing, work))
      last = turn.catch(() => undefined)
      return await turn
    },
    close: async () => {
      await last
      if (isStuck) return
      disconnect() // with its last session, the user is logged out: PKCS #11 v2.40 §5.6
      module?.release()
      module = undefined
    },
  }
}

const signatureLimitBytes = 1024 // of RSA with 4096 bits, 512

function createLogin(
  { cryptoki, handle, token }: Session & { readonly token: Token },
  target: ConnectionTarget,
  effects: ProviderEffects,
  what: string,
): Pick<TokenSession, 'logIn' | 'confirmUse'> {
  let known: { readonly pin: string | undefined } | undefined // what the token took; no PIN where it has keys of its own to type one
  const tell = async (user: number, pin: string | undefined): Promise<void> => {
    try {
      cryptoki.C_Login(handle, user, pin)
    } catch (cause) {
      if (ckrOf(cause) === 'CKR_USER_ALREADY_LOGGED_IN' && user === ck.user) return // by another key on the same token
      throw afterWrongPin(pkcs11Failure(what, 'logging in', cause), readToken(cryptoki, token.slot), what)
    }
  }
  const findOut = async (mayAsk: MayAsk): Promise<{ readonly pin: string | undefined } | undefined> => {
    if (token.flags & ck.protectedAuthenticationPath) return mayAsk === 'ask' ? { pin: undefined } : undefined
    const pin = await findPin(target, token, mayAsk, effects, what)
    return pin === undefined ? undefined : { pin }
  }
  return {
    logIn: async mayAsk => {
      if (known) return true
      const { flags } = readToken(cryptoki, token.slot)
      const isRequired = (flags & ck.loginRequired) !== 0
      if (flags & ck.userPinLocked) throw new CountersignError('PIN_LOCKED', `${what}: ${locked()}`)
      const answer = await findOut(isRequired ? mayAsk : 'never ask')
      if (!answer) return !isRequired
      if (flags & ck.userPinFinalTry) effects.warn?.(`${what}: one more wrong PIN locks the token`)
      await tell(ck.user, answer.pin)
      known = answer
      return true
    },
    confirmUse: async () => {
      const answer = known ?? (await findOut('ask'))
      await tell(ck.contextSpecific, answer?.pin)
    },
  }
}

/** Says of a wrong PIN what it has come to: the token counts, and locks itself. */
function afterWrongPin(failure: CountersignError, { flags }: Token, what: string): CountersignError {
  if (failure.code !== 'PIN_WRONG') return failure
  if (flags & ck.userPinLocked)
    return new CountersignError('PIN_LOCKED', `${what}: the PIN was wrong, and that was the last try: ${locked()}`, { cause: failure })
  if (flags & ck.userPinFinalTry)
    return new CountersignError('PIN_WRONG', `${failure.message}; one try is left before the token is locked`, { cause: failure })
  return failure
}

/** What a promise gives, unless the signal comes first. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
