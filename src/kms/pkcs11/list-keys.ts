import { CountersignError } from '../../codec/error.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { connectTo } from './connection.ts'
import { asPkcs11Package, cka } from './module-shapes.ts'
import { attributeOf, findObjects } from './objects.ts'
import { openModule } from './open-module.ts'
import { pkcs11Failure } from './pkcs11-failure.ts'
import { encodePkcs11Uri } from './reference.ts'
import { listTokens, type Token } from './tokens.ts'

/** A private key on a token, and the URI that leads to it: without a PIN. */
export type ListedKey = { readonly label?: string; readonly id?: Uint8Array; readonly uri: string }

/**
 * Every token that a module shows.
 *
 * @param modulePath - absolute
 * @throws CountersignError `KMS_UNAVAILABLE`, `CAPABILITY_MISSING`
 */
export async function listModuleTokens(modulePath: string, effects: Pick<ProviderEffects, 'loadPackage'>): Promise<readonly Token[]> {
  const what = 'PKCS #11'
  const module = openModule(asPkcs11Package(await effects.loadPackage('pkcs11js')), modulePath, what)
  try {
    return listTokens(module.cryptoki)
  } catch (cause) {
    throw pkcs11Failure(what, 'listing tokens', cause)
  } finally {
    module.release()
  }
}

/**
 * Every private key on the token in a slot that has a label or an id, in the order of the token; its user is logged in for it.
 *
 * @param pin - of the user; without it that of the environment, else the one that a person answers
 * @throws CountersignError `KEY_NOT_FOUND` without a token in the slot, `PIN_WRONG` and what else `pkcs11Failure` says
 */
export async function listSlotKeys(
  modulePath: string,
  slotId: bigint,
  pin: string | undefined,
  effects: ProviderEffects,
): Promise<readonly ListedKey[]> {
  const target = { modulePath, slotId, ...(pin !== undefined && { pin: { value: pin } }) }
  const connection = connectTo(target, effects, `PKCS #11 slot ${slotId}`, false)
  try {
    return await connection.use('listing keys', async session => {
      await session.logIn('ask')
      const token = session.token.label === '' ? {} : { token: session.token.label }
      return findObjects(session, 'privateKey').flatMap(object => {
        const [label, id] = [textOf(attributeOf(session, object, cka.label)), attributeOf(session, object, cka.id)]
        const names = { ...(id && { id }), ...(label !== undefined && { object: label }) }
        if (!id && label === undefined) return []
        const uri = encodePkcs11Uri({ ...token, slotId, ...names, modulePath })
        return [{ ...(label !== undefined && { label }), ...(id && { id }), uri }]
      })
    })
  } finally {
    await connection.close()
  }
}

/** A label; nothing where it is no text, and no URI of ours could name it. */
function textOf(octets: Uint8Array | undefined): string | undefined {
  try {
    return octets && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return undefined
  }
}

/** Refuses to ask. @throws CountersignError `USAGE` */
export async function askNobody(question: string): Promise<never> {
  throw new CountersignError('USAGE', `--no-input: ${question.trim()}`)
}
