import type { Snapshot } from '@baton/testkit'

/** What the audience sees: on a terminal one block that is drawn again and again, elsewhere plain lines. */
export interface Progress {
  /** A line that stays. */
  say(line: string): void
  show(nodes: Readonly<Record<string, string>>, traffic: Snapshot): void
  /** Leaves the last block standing; the next `show` begins a new one. */
  end(): void
}

export function createProgress(out: NodeJS.WriteStream): Progress {
  return out.isTTY ? createBlock(out) : createLines(out)
}

function createBlock(out: NodeJS.WriteStream): Progress {
  let drawn = 0
  const erase = () => {
    if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[J`)
    drawn = 0
  }
  return {
    say(line) {
      erase()
      out.write(`${line}\n`)
    },
    show(nodes, traffic) {
      erase()
      const lines = [
        ...Object.entries(nodes).map(([node, word]) => describeNode(node, word, traffic)),
        describe(traffic),
      ]
      // A line that wraps would be two lines to go up.
      for (const line of lines) out.write(`${line.slice(0, (out.columns ?? 80) - 1)}\n`)
      drawn = lines.length
    },
    end() {
      drawn = 0
    },
  }
}

function createLines(out: NodeJS.WriteStream): Progress {
  const told: Record<string, string> = {}
  let nextAt = 0
  return {
    say: (line) => void out.write(`${line}\n`),
    show(nodes, traffic) {
      for (const [node, word] of Object.entries(nodes)) {
        if (told[node] !== word) out.write(`${describeNode(node, word, traffic)}\n`)
        told[node] = word
      }
      if (traffic.elapsedMs < nextAt) return
      nextAt = traffic.elapsedMs + 2_000
      out.write(`${describe(traffic)}\n`)
    },
    end() {},
  }
}

function describeNode(node: string, word: string, traffic: Snapshot): string {
  return `  ${node}  ${word.padEnd(32)} ${traffic.nodes[node] ?? 0} answers`
}

function describe(traffic: Snapshot): string {
  const seconds = (traffic.elapsedMs / 1000).toFixed(0)
  const parts = [
    `${seconds} s`,
    `${traffic.requests} requests`,
    `${traffic.failed} failed`,
    `${traffic.loggedOut} logged out`,
    `p50 ${inMs(traffic.p50Ms)}`,
    `p99 ${inMs(traffic.p99Ms)}`,
  ]
  return `  ${parts.join(' · ')}`
}

function inMs(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)} ms`
}
