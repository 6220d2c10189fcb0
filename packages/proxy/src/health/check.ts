import { connect } from 'node:net'
import { addressOf } from '../table/table.ts'

export interface HealthCheck {
  readonly type: 'http' | 'tcp'
  /** http: what is asked for. */
  readonly path: string
  /** http: healthy status codes as inclusive ranges, for example [[200, 399]]. */
  readonly status: readonly (readonly [number, number])[]
  readonly timeoutMs: number
}

const longestHeadBytes = 16 * 1024

/**
 * One active check: whether a connection is accepted and, for `http`, the answer's status is a healthy one. Never throws.
 * Written on a bare socket because it runs for every node all the time: no agent, no parser, only the status line.
 */
export function checkHealth(
  node: { readonly host: string; readonly port: number },
  check: HealthCheck,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: node.host, port: node.port }).unref()
    const deadline = setTimeout(() => socket.destroy(), check.timeoutMs).unref()
    let head = ''
    let settled = false

    socket.on('connect', () => {
      if (check.type === 'tcp') {
        settle(true)
        socket.end()
      } else {
        socket.write(request(node, check.path))
      }
    })
    socket.on('data', (chunk) => {
      // What follows the status is read to its end, so that the app sees no reset, and dropped.
      if (settled) return
      head += chunk.toString('latin1')
      const status = finalStatus(head)
      if (status !== undefined) settle(check.status.some(([low, high]) => status >= low && status <= high))
      else if (head.length > longestHeadBytes) socket.destroy()
    })
    // The close that follows is the answer.
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(deadline)
      settle(false)
    })

    function settle(healthy: boolean): void {
      settled = true
      head = ''
      resolve(healthy)
    }
  })
}

function request(node: { readonly host: string; readonly port: number }, path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${addressOf(node)}\r\nUser-Agent: baton-health\r\nAccept: */*\r\nConnection: close\r\n\r\n`
}

/** The status of the answer itself, past any 1xx before it; NaN where this is no HTTP; undefined while it is not there yet. */
function finalStatus(head: string): number | undefined {
  let start = 0
  for (;;) {
    const lineEnd = head.indexOf('\n', start)
    if (lineEnd === -1) return undefined
    const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(head.slice(start, lineEnd))?.[1])
    if (!(status < 200)) return status
    const headEnd = head.indexOf('\r\n\r\n', start)
    if (headEnd === -1) return undefined
    start = headEnd + 4
  }
}
