import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const patienceMs = 5_000
const pollMs = 10

/** Accepts nothing more, lets the answers under way go out, and ends when no connection is left. */
export async function closeServer(server: Server): Promise<void> {
  let open = true
  server.close(() => {
    open = false
  })
  const deadline = Date.now() + patienceMs
  while (open && Date.now() < deadline) {
    // close() itself ends only those connections that are idle when it is called.
    server.closeIdleConnections()
    await sleep(pollMs)
  }
  server.closeAllConnections()
}
