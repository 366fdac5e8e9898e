import type { CommandContext } from '../context.ts'

/** How far some work has come, on a terminal. */
export type Progress = {
  /** One more item is done; `label` names it. Drawn at most ten times a second. */
  readonly step: (label: string) => void
  /** Takes the line away. */
  readonly end: () => void
}

export type ProgressOptions = {
  readonly what: string // a verb for the line to begin with: `verifying`
  /** How many items there are, where that is known beforehand: a bar is drawn of it. */
  readonly total?: number
}

const redrawMs = 100
const barWidth = 20
const lineWidth = 79 // a longer line would wrap, and only its last row be erased

/**
 * Draws progress as one line of standard error, `verifying [=====               ] 50/200 LABEL`, on a terminal and nowhere
 * else. The clock is read as items are done and no timer runs, so nothing is drawn while nothing moves.
 */
export function createProgress({ world, showStatus }: Pick<CommandContext, 'world' | 'showStatus'>, options: ProgressOptions): Progress {
  const { what, total } = options
  let done = 0
  let drawnMs = Number.NEGATIVE_INFINITY
  return {
    step: label => {
      done++
      const nowMs = world.now().getTime()
      if (nowMs >= drawnMs && nowMs - drawnMs < redrawMs && done !== total) return // a clock set back draws
      drawnMs = nowMs
      showStatus(`${what} ${total === undefined ? done : `${bar(done, total)} ${done}/${total}`} ${label}`.slice(0, lineWidth))
    },
    end: () => showStatus(''),
  }
}

function bar(done: number, total: number): string {
  return `[${'='.repeat(Math.floor((barWidth * Math.min(done, total)) / Math.max(total, 1))).padEnd(barWidth)}]`
}
