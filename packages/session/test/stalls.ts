/** The longest time for which this process itself stood still, as on a busy machine: no budget can be kept meanwhile. */
export interface Stalls {
  longestMs(): number
  stop(): void
}

export function watchStalls(): Stalls {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last - everyMs)
    last = now
  }, everyMs)
  return { longestMs: () => longest, stop: () => clearInterval(timer) }
}

const everyMs = 5
