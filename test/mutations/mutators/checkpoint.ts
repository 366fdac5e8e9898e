import type { Change } from '../change.ts'
import type { Random } from '../random.ts'
import { changesOfBytes } from './bytes.ts'
import { spellingsOfBase64 } from './spelling.ts'

/** What is done to a signed note: its text lines, the blank line and its signature lines. C2SP signed-note, tlog-checkpoint. */
export function changesOfCheckpoint(envelope: string, random: Random): readonly Change<string>[] {
  const [text = '', signatures = ''] = envelope.split('\n\n')
  const [lines, signed] = [text.split('\n'), signatures.replace(/\n$/, '').split('\n')]
  const note = (head: readonly string[], tail: readonly string[]) => `${head.join('\n')}\n\n${tail.join('\n')}\n`
  const change = (kind: string, head: readonly string[], tail: readonly string[] = signed) => ({ kind, value: note(head, tail) })
  const ofText = lines.flatMap((line, at) => [
    change(`text line ${at} removed`, lines.toSpliced(at, 1)),
    change(`text line ${at} twice`, lines.toSpliced(at, 0, line)),
    change(`text line ${at} emptied`, lines.with(at, '')),
    change(`text line ${at} ends in a space`, lines.with(at, `${line} `)),
    change(`text line ${at} starts with a space`, lines.with(at, ` ${line}`)),
  ])
  const ofSize = ['+', '0', '-', ' '].map(sign => change(`size after ${JSON.stringify(sign)}`, lines.with(1, `${sign}${lines[1]}`)))
  const ofOrigin = [
    change('origin cut by one', lines.with(0, lines[0]!.slice(0, -1))),
    change('origin of a longer name', lines.with(0, `${lines[0]}.example`)),
    change('origin in upper case', lines.with(0, lines[0]!.toUpperCase())),
  ]
  return [
    ...ofText,
    ...ofSize,
    ...ofOrigin,
    change('size up by one', lines.with(1, String(BigInt(lines[1]!) + 1n))),
    change('size down by one', lines.with(1, String(BigInt(lines[1]!) - 1n))),
    ...spellingsOfBase64(lines[2]!).map(({ kind, value }) => change(`root: ${kind}`, lines.with(2, value))),
    change('extension line added', [...lines, 'extension']),
    change('text lines reversed', lines.toReversed()),
    ...signed.flatMap((line, at) =>
      changesOfSignatureLine(line, random).map(({ kind, value }) => change(kind, lines, signed.with(at, value))),
    ),
    ...signed.map((_, at) => change('signature line removed', lines, signed.toSpliced(at, 1))),
    change('signature lines twice', lines, [...signed, ...signed]),
    change('signature lines reversed', lines, signed.toReversed()),
    change('forty signature lines', lines, [...Array.from({ length: 40 }, (_, at) => `— w${at}.example ${btoa(`hint${at}`)}`), ...signed]),
    change('no signature line', lines, []),
    { kind: 'no newline at the end', value: envelope.replace(/\n$/, '') },
    { kind: 'newline more at the end', value: `${envelope}\n` },
    { kind: 'no blank line', value: envelope.replace('\n\n', '\n') },
    { kind: 'second blank line', value: envelope.replace('\n\n', '\n\n\n') },
    { kind: 'CRLF', value: envelope.replaceAll('\n', '\r\n') },
    { kind: 'text before', value: `x\n${envelope}` },
    { kind: 'second note after', value: `${envelope}\n${envelope}` },
    { kind: 'note before', value: `${text}\n\n${envelope}` },
    { kind: 'emptied', value: '' },
  ]
}

function changesOfSignatureLine(line: string, random: Random): readonly Change<string>[] {
  const [dash = '', name = '', base64 = ''] = line.split(' ')
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'))
  const withBytes = (value: Uint8Array) => `${dash} ${name} ${Buffer.from(value).toString('base64')}`
  const hintFlipped = bytes.with(random.below(4), bytes[0]! ^ 1)
  return [
    { kind: 'signature: hint flipped', value: withBytes(hintFlipped) },
    { kind: 'signature: no hint', value: withBytes(bytes.subarray(4)) },
    { kind: 'signature: only the hint', value: withBytes(bytes.subarray(0, 4)) },
    ...changesOfBytes(bytes, random, 4).map(({ kind, value }) => ({ kind: `signature: ${kind}`, value: withBytes(value) })),
    ...spellingsOfBase64(base64).map(({ kind, value }) => ({ kind: `signature: ${kind}`, value: `${dash} ${name} ${value}` })),
    { kind: 'signature: other name', value: `${dash} log.example ${base64}` },
    { kind: 'signature: name cut by one', value: `${dash} ${name.slice(0, -1)} ${base64}` },
    { kind: 'signature: name with a plus', value: `${dash} ${name}+x ${base64}` },
    { kind: 'signature: no name', value: `${dash}  ${base64}` },
    { kind: 'signature: hyphen for the dash', value: `- ${name} ${base64}` },
    { kind: 'signature: two spaces', value: `${dash}  ${name} ${base64}` },
    { kind: 'signature: tab', value: `${dash} ${name}\t${base64}` },
    { kind: 'signature: word after', value: `${line} x` },
  ]
}
