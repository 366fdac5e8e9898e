import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Command } from '../test/peers/harness/command.ts'
import type { Place } from '../test/peers/harness/place.ts'

/** One run of a whole process. */
export type Measure = { readonly ms: number; readonly cpuMs: number; readonly peakMiB: number }

/** Runs commands one after the other and tells what each took. */
export type Meter = {
  /** @throws when the command fails: a wrong answer has no speed */
  readonly measure: (command: Command, args: readonly string[]) => Promise<Measure>
  readonly end: () => void
}

/** Starts the helper (measure.py, python3 alone) that runs commands in a place. */
export function startMeter(place: Place): Meter {
  const helper = spawn('python3', ['-S', join(import.meta.dirname, 'measure.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface({ input: helper.stdout })[Symbol.asyncIterator]()
  const output = place.path('measured.txt')
  return {
    async measure(command, args) {
      const argv = [...command, ...args]
      helper.stdin.write(`${JSON.stringify({ argv, cwd: place.folder, env: place.env, output })}\n`)
      const { value, done } = await answers.next()
      if (done) throw new Error('measure.py ended: python3 is needed')
      const { code, ...measure } = JSON.parse(value) as Measure & { code: number }
      if (code !== 0) throw new Error(`${argv.join(' ')}: exit code ${code}\n${readFileSync(output, 'utf8')}`)
      return measure
    },
    end: () => helper.stdin.end(),
  }
}

/** The middle of an odd or even number of values, at least one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new Error('the median of nothing')
  return (low + high) / 2
}
