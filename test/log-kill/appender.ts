import { openSqliteStore } from '../../src/log/sqlite/sqlite-store.ts'
import { openTestLog, proposalOf } from '../../src/testing/log/log-rig.ts'

// A process that appends to a log until it is killed: `appender.ts FOLDER NAME`. Each acknowledgement is a line of JSON on standard output.

/** What an appender says of an entry. Bytes are base64. */
export type Acknowledgement = {
  readonly text: string
  readonly index: string
  readonly timeMs: string
  readonly extra: string
  readonly path: readonly string[]
  readonly note: string
}

const clients = 24

const [folder, name] = process.argv.slice(2)
if (folder === undefined || name === undefined) throw new Error('want a folder and a name')
const log = await openTestLog(await openSqliteStore(folder), { now: () => new Date() })

const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

async function client(number: number): Promise<void> {
  for (let at = 0; ; at++) {
    // One in seven is an entry of another client, so that some wait twice and some are there already.
    const text = at % 7 === 6 ? `${name} shared ${at}` : `${name} ${number} ${at}`
    const { entry, head, path } = await log.append(proposalOf(text, [`client ${number}`]))
    const said: Acknowledgement = {
      text,
      index: String(entry.index),
      timeMs: String(entry.timeMs),
      extra: encode(entry.extra),
      path: path.map(encode),
      note: head.note,
    }
    if (!process.stdout.write(`${JSON.stringify(said)}\n`)) await new Promise(resolve => process.stdout.once('drain', resolve))
  }
}

process.stdout.setMaxListeners(clients + 10)
await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
