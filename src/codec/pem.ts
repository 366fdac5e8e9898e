import { decodeBase64, encodeBase64 } from './base64.ts'
import { CountersignError } from './error.ts'
import { quote } from './text.ts'

export type PemBlock = {
  readonly label: string // between BEGIN/END and the dashes
  readonly bytes: Uint8Array
}

/** One PEM block with lines of 64 characters, as RFC 7468 §3 generators write and Go does. */
export function encodePem(label: string, bytes: Uint8Array): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

const boundary = /^-----(BEGIN|END) ([A-Z0-9][A-Z0-9 ]*)-----$/

/**
 * All PEM blocks of a text, RFC 7468 lax parsing: other lines around blocks are skipped, a block's own lines are strict.
 * Headers inside a block (RFC 1421 `Proc-Type`) are refused: they announce encryption we do not read.
 *
 * @throws CountersignError `PEM_MALFORMED`; `what` begins the message. A text without blocks gives an empty list
 */
export function decodePem(text: string, what: string): PemBlock[] {
  const blocks: PemBlock[] = []
  let open: { label: string; lines: string[] } | undefined
  for (const line of text.split(/\r?\n/)) {
    const [, edge, label] = boundary.exec(line.trimEnd()) ?? []
    if (edge === 'BEGIN') {
      if (open) throw new CountersignError('PEM_MALFORMED', `${what}: ${quote(open.label)} block does not end before the next begins`)
      open = { label: label!, lines: [] }
    } else if (edge === 'END') {
      if (!open || open.label !== label)
        throw new CountersignError('PEM_MALFORMED', `${what}: END ${quote(label!)} closes no block of that name`)
      blocks.push({ label: open.label, bytes: decodeBody(open.lines, `${what}: ${open.label}`) })
      open = undefined
    } else open?.lines.push(line.trimEnd())
  }
  if (open) throw new CountersignError('PEM_MALFORMED', `${what}: ${quote(open.label)} block is cut off before its END line`)
  return blocks
}

function decodeBody(lines: readonly string[], what: string): Uint8Array {
  if (lines.some(line => line.includes(':'))) throw new CountersignError('PEM_MALFORMED', `${what}: want no headers inside the block`)
  try {
    return decodeBase64(lines.join(''), what)
  } catch {
    throw new CountersignError('PEM_MALFORMED', `${what}: body is not padded base64`) // no cause: it quotes the body, which may be a private key
  }
}
