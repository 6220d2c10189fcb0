import { type Tracking, trackingCommand } from './near-cache-tracking.ts'

/** What is needed of a client of node-redis, one connection that is made again when it is lost. */
export interface TrackableClient {
  sendCommand(args: readonly string[]): Promise<unknown>
  on(event: string, listener: (payload: unknown) => void): unknown
}

/** Options with which node-redis tracks (CLIENT TRACKING ON, within the handshake) and hands on what Redis pushes. Needs RESP 3. */
export const trackingClientOptions = { emitInvalidate: true } as const

/**
 * Reports to `tracking` what becomes of `client`. To be called before it connects, for every client over which
 * sessions are read; it must have been made with `trackingClientOptions`.
 */
export function trackClient(client: TrackableClient, tracking: Tracking): void {
  let tracked: ReturnType<Tracking['connected']> | undefined
  const lost = () => {
    tracked?.lost()
    tracked = undefined
  }

  client.on('ready', () => {
    lost()
    tracked = tracking.connected(() => client.sendCommand(['PING']))
    // Without it our own writes are pushed to us after their replies, and throw away what they have just brought up to
    // date. Nothing worse: where it fails, the cache is right all the same.
    client.sendCommand(trackingCommand).catch(() => {})
  })
  client.on('invalidate', (key) => {
    tracked?.invalidated(key === null ? null : [String(key)])
  })
  // Before the commands that were under way are rejected, and before a new connection is tried.
  client.on('error', lost)
  client.on('reconnecting', lost)
  client.on('end', lost)
}
