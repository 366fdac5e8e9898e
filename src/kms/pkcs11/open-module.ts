import { CountersignError, reasonOf } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type Cryptoki, ck, newCryptoki, type Pkcs11Package } from './module-shapes.ts'
import { ckrOf, pkcs11Failure } from './pkcs11-failure.ts'

/** A module that is initialized, for as long as somebody uses it. */
export type OpenModule = {
  readonly cryptoki: Cryptoki
  /** Finalizes the module unless others still use it. Calling it again does nothing. */
  readonly release: () => void
}

type Loaded = { readonly cryptoki: Cryptoki; users: number; isOurs: boolean }

/**
 * A process has each module once (PKCS #11 v2.40 §5.4): two keys on tokens of one module share it, and the last one finalizes it. It stays
 * loaded, because many modules do not survive being unloaded.
 */
const loadedBy = new WeakMap<Pkcs11Package, Map<string, Loaded>>()

/**
 * Loads and initializes a module.
 *
 * @param what - begins messages
 * @param path - absolute
 * @throws CountersignError `KMS_UNAVAILABLE` when it is missing, is no module or does not start; `CAPABILITY_MISSING`
 */
export function openModule(pkcs11: Pkcs11Package, path: string, what: string): OpenModule {
  const loaded = loadOnce(pkcs11, path, what)
  if (loaded.users === 0) loaded.isOurs = initialize(loaded.cryptoki, what)
  loaded.users++
  let isReleased = false
  return {
    cryptoki: loaded.cryptoki,
    release: () => {
      if (isReleased) return
      isReleased = true
      loaded.users--
      if (loaded.users === 0 && loaded.isOurs) loaded.cryptoki.C_Finalize()
    },
  }
}

function loadOnce(pkcs11: Pkcs11Package, path: string, what: string): Loaded {
  const known = loadedBy.get(pkcs11) ?? new Map<string, Loaded>()
  loadedBy.set(pkcs11, known)
  const before = known.get(path)
  if (before) return before
  const cryptoki = newCryptoki(pkcs11)
  try {
    cryptoki.load(path)
  } catch (cause) {
    throw new CountersignError('KMS_UNAVAILABLE', `${what}: module ${quote(path)}: ${whyNotLoaded(reasonOf(cause))}`, { cause })
  }
  const loaded = { cryptoki, users: 0, isOurs: false }
  known.set(path, loaded)
  return loaded
}

/** Of the words of the dynamic loader, those that have a cause one can mend. */
function whyNotLoaded(reason: string): string {
  if (/No such file|not found|no such file/.test(reason))
    return 'want a PKCS #11 module there, but it or a library that it needs is missing; name the right one by module-path or COUNTERSIGN_PKCS11_MODULE_PATH'
  if (/C_GetFunctionList|undefined symbol/.test(reason))
    return 'want a PKCS #11 module, but the library is none: it has no C_GetFunctionList'
  if (/invalid ELF header|file too short|not a mach-o|wrong ELF class|%1 is not a valid/i.test(reason))
    return 'want a PKCS #11 module, but the file is no library of this machine'
  return `cannot be loaded: ${quote(reason)}`
}

/** Whether it was us who did it: a program that uses countersign may have done so before, and then goes on using it. */
function initialize(cryptoki: Cryptoki, what: string): boolean {
  try {
    cryptoki.C_Initialize({ flags: ck.osLockingOk })
    return true
  } catch (cause) {
    if (ckrOf(cause) === 'CKR_CRYPTOKI_ALREADY_INITIALIZED') return false
    throw pkcs11Failure(what, 'starting the module', cause)
  }
}
