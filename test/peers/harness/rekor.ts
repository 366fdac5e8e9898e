import type { Signer } from '../../../src/crypto/signer.ts'
import { entryBundles } from '../../../src/formats/log/entry-bundle.ts'
import { noteKeyId } from '../../../src/formats/log/note-key.ts'
import { noteHeadSigner } from '../../../src/log/note-heads.ts'
import { openTileLog } from '../../../src/log/open-tile-log.ts'
import { openSqliteStore } from '../../../src/log/sqlite/sqlite-store.ts'
import type { TileLog } from '../../../src/log/tile-log.ts'
import { createRekorV1 } from '../../../src/services/rekor/rekor-v1.ts'
import { createRekorV2, type RekorV2Options } from '../../../src/services/rekor/rekor-v2.ts'
import { freshSigner } from '../../../src/testing/sigstore/certificate-authority.ts'
import { type ServedSigstore, serveTestSigstore } from '../../../src/testing/sigstore/http.ts'
import { type TestLog, testLogSigners } from '../../../src/testing/sigstore/transparency-log.ts'
import type { Place } from './place.ts'

/** A Sigstore whose logs are real ones, in folders of a place; the rest are doubles. */
export type RekorSigstore = {
  /** For `startSigstore`. */
  readonly serve: (host: string, now: () => Date) => Promise<ServedSigstore>
  readonly closeLogs: () => Promise<void>
}

export type RekorSigstoreOptions = Pick<RekorV2Options, 'onDuplicate'> & {
  readonly folder?: string // of the logs, in the place; where they are from before, they go on
  readonly signer?: Signer // of Rekor v1; a fresh one unless told
}

export function rekorSigstore(place: Place, options: RekorSigstoreOptions = {}): RekorSigstore {
  const { folder = 'logs', signer = freshSigner(), ...optionsOfV2 } = options
  const open: TileLog[] = []
  const openLog = async (name: string, origin: string, signer: Signer, now: () => Date): Promise<TileLog> => {
    const store = await openSqliteStore(place.path(`${folder}-${name}`))
    const bundles = name === 'v2' ? entryBundles : undefined
    const log = await openTileLog({ ...noteHeadSigner(origin, signer), store, now, bundles })
    open.push(log)
    return log
  }
  const serve: RekorSigstore['serve'] = async (host, now) => {
    const served = await serveTestSigstore(host, now)
    const [signerV1, signerV2] = [signer, testLogSigners.ed25519()]
    const treeId = 6000n
    const logs = [await openLog('v1', `${host} - ${treeId}`, signerV1, now), await openLog('v2', host, signerV2, now)] as const
    const v1 = createRekorV1({ log: logs[0], treeId, signer: signerV1, now, keepAttestations: true })
    const v2 = createRekorV2({ log: logs[1], origin: host, publicKey: signerV2.publicKey, now, ...optionsOfV2 })
    const baseUrl = `https://${host}`
    const keyV1 = { key: signerV1.publicKey, scheme: { scheme: 'ecdsa', hash: 'sha256' }, logId: signerV1.publicKey.id, baseUrl } as const
    const keyV2 = {
      key: signerV2.publicKey,
      scheme: { scheme: 'ed25519', hash: undefined },
      logId: noteKeyId(host, signerV2.publicKey),
      baseUrl,
    } as const
    const transparencyLogs = served.trustedRoot.transparencyLogs.map((log, at) => ({ ...log, ...(at === 0 ? keyV1 : keyV2) }))
    return {
      ...served,
      logs: { v1: published(keyV1, treeId), v2: published(keyV2, treeId) },
      trustedRoot: { ...served.trustedRoot, transparencyLogs },
      handler: request => {
        const { pathname } = new URL(request.url)
        if (/^\/(ping|api\/v1\/(log|index)\b)/.test(pathname)) return v1(request)
        return /^\/(checkpoint|tile\/|api\/v2\/(log|checkpoint|tile)\b)/.test(pathname) ? v2(request) : served.handler(request)
      },
    }
  }
  return {
    serve,
    closeLogs: async () => {
      await Promise.all(open.map(log => log.close()))
    },
  }
}

/** What is said of a log; it is added to by its own API alone. */
function published(logKey: TestLog['logKey'], treeId: bigint): TestLog {
  return { logKey, treeId, add: () => Promise.reject(new TypeError('a served log is added to by its clients')) }
}
