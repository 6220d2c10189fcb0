import type { Socket } from 'node:net'
import { type Deadline, type Deadlines, now } from './deadlines.ts'
import type { Limits } from './limits.ts'
import { isCongested } from './outbox.ts'
import type { SocketEvents } from './socket-events.ts'
import { closeFrame, createFrameTracker, type FrameTracker } from './websocket-close.ts'

/** A client's and a node's connection after 101: whatever comes from one goes to the other. */
export interface Tunnel {
  readonly clientEvents: SocketEvents
  readonly nodeEvents: SocketEvents
  /**
   * Ends both sides. A WebSocket's are told so by close frames with `code`, the client's between two of the node's frames;
   * whatever does not follow within closingMs is cut.
   */
  close(code: number): void
}

export interface TunnelOptions {
  readonly client: Socket
  readonly node: Socket
  /** The Upgrade field of the 101. */
  readonly protocol: string
  readonly limits: Limits
  readonly deadlines: Deadlines
  /** The client's connection is gone. */
  readonly clientClosed: () => void
  /** The node's connection is gone: it has nothing left to do. */
  readonly nodeClosed: () => void
}

export function createTunnel(options: TunnelOptions): Tunnel {
  const { client, node, limits, deadlines } = options
  const isWebSocket = options.protocol.toLowerCase() === 'websocket'
  const toClient = createFrameTracker()
  const toNode = createFrameTracker()
  let closeCode: number | undefined
  let closeSent = false
  let openSides = 2

  const deadline: Deadline = {
    at: Number.POSITIVE_INFINITY,
    expire() {
      client.destroy()
      node.destroy()
    },
  }
  deadlines.add(deadline)
  touch()

  function touch(): void {
    deadline.at = closeCode === undefined && openSides === 2 ? now() + limits.longLivedIdleMs : deadline.at
  }

  function closeSoon(): void {
    deadline.at = Math.min(deadline.at, now() + limits.closingMs)
  }

  function forward(bytes: Buffer, from: Socket, to: Socket): void {
    if (to.writable) to.write(bytes)
    if (isCongested(to)) from.pause()
    touch()
  }

  function sideClosed(other: Socket): void {
    openSides -= 1
    if (openSides === 0) deadlines.delete(deadline)
    else {
      other.resume()
      other.end()
      closeSoon()
    }
  }

  /** Between two frames of the node: the client's next bytes may be a close frame. */
  function sendClose(code: number): void {
    closeSent = true
    if (client.writable && !toClient.closed()) client.write(closeFrame({ code, masked: false }))
    if (node.writable) {
      if (toNode.atBoundary() && !toNode.closed()) node.write(closeFrame({ code, masked: true }))
      node.end()
    }
    // The client answers with a close frame of its own, or not; the rest is read over.
    client.resume()
    node.resume()
  }

  return {
    clientEvents: {
      data(bytes) {
        if (isWebSocket) advanceAll(toNode, bytes)
        if (!closeSent) forward(bytes, client, node)
        else if (toNode.closed()) client.end()
        return node.writableLength > 0
      },
      drained: () => node.resume(),
      ended() {
        if (closeSent) client.end()
        else node.end()
      },
      closed() {
        options.clientClosed()
        sideClosed(node)
      },
    },
    nodeEvents: {
      data(bytes) {
        if (closeSent) return false
        if (!isWebSocket) {
          forward(bytes, node, client)
        } else if (closeCode === undefined) {
          advanceAll(toClient, bytes)
          forward(bytes, node, client)
        } else {
          const end = toClient.advance(bytes, 0)
          forward(end === bytes.length ? bytes : bytes.subarray(0, end), node, client)
          if (toClient.atBoundary()) sendClose(closeCode)
        }
        return client.writableLength > 0
      },
      drained: () => client.resume(),
      ended() {
        if (!closeSent) client.end()
      },
      closed() {
        options.nodeClosed()
        sideClosed(client)
      },
    },
    close(code) {
      if (closeCode !== undefined) return
      closeCode = code
      closeSoon()
      if (!isWebSocket) {
        client.end()
        node.end()
      } else if (toClient.atBoundary()) {
        sendClose(code)
      }
    },
  }
}

function advanceAll(tracker: FrameTracker, bytes: Buffer): void {
  let at = 0
  while (at < bytes.length) at = tracker.advance(bytes, at)
}
