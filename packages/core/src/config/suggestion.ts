/** The candidate that was most likely meant: the same but for case, dashes and underscores, or a typing error away. */
export function suggest(written: string, candidates: readonly string[]): string | undefined {
  const same = candidates.find((each) => bare(each) === bare(written))
  if (same !== undefined) return same
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    const distance = editDistance(bare(written), bare(candidate))
    const near = distance <= Math.min(2, Math.floor(candidate.length / 2))
    if (near && (!best || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate
}

function bare(name: string): string {
  return name.slice(0, 64).toLowerCase().replace(/[-_]/g, '')
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(replaced, above[j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1)
      row.push(least)
    }
    before = above
    above = row
  }
  return above[b.length]!
}
