export interface ThrottleOptions {
  /** Lines let through in each period. */
  readonly most: number
  readonly everyMs: number
}

/** A log that leaves lines out, and says how many: thousands of failed requests must not fill the disk. */
export function throttleLog(log: (line: string) => void, { most, everyMs }: ThrottleOptions): (line: string) => void {
  let until = 0
  let written = 0
  let leftOut = 0
  return (line) => {
    const now = performance.now()
    if (now >= until) {
      if (leftOut > 0) log(`${leftOut} more lines were left out`)
      until = now + everyMs
      written = 0
      leftOut = 0
    }
    if (written === most) {
      leftOut += 1
      return
    }
    written += 1
    log(line)
  }
}
