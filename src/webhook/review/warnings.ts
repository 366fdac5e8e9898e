import { escapeControls } from '../../codec/text.ts'

const limits = { each: 1000, all: 4096 } as const // the API server cuts what is longer, and then each warning to 256

/**
 * Warnings as an API server passes them on: it drops those with a line end or another control character without a word, and cuts them all
 * where they are too long together. So each becomes one line, once, and the last says how many there was no room for.
 *
 * @see Kubernetes, apimachinery `NewWarningHeader` and apiserver `WithWarningRecorder`; admission.md §5
 */
export function deliverableWarnings(warnings: readonly string[]): readonly string[] {
  const lines = [...new Set(warnings.map(oneLine).filter(line => line !== ''))]
  const kept: string[] = []
  let left = limits.all - lastLine(lines.length).length
  for (const line of lines) {
    left -= Buffer.byteLength(line)
    if (left < 0) return [...kept, lastLine(lines.length - kept.length)]
    kept.push(line)
  }
  return kept
}

function oneLine(warning: string): string {
  const line = escapeControls(warning.trim().replace(/\s*\r?\n\s*/g, ' '))
  return line.length > limits.each ? `${line.slice(0, limits.each)}…`.toWellFormed() : line
}

function lastLine(count: number): string {
  return `${count} more warnings are in the log of countersign`
}
