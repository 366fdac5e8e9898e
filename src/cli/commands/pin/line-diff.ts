/** What differs between two texts of the same lines, as unified diffs show it, without lines around. Empty where nothing does. */
export function lineDiff(name: string, before: string, after: string): string {
  const [old, fresh] = [before.split('\n'), after.split('\n')]
  if (old.length !== fresh.length) throw new TypeError(`want ${old.length} lines, got ${fresh.length}`)
  const hunks = old.flatMap((line, index) =>
    line === fresh[index] ? [] : [`@@ -${index + 1} +${index + 1} @@\n-${line}\n+${fresh[index]}\n`],
  )
  return hunks.length === 0 ? '' : `--- ${name}\n+++ ${name}\n${hunks.join('')}`
}
