import { connect, type Socket } from 'node:net'

/** What happens on a connection, to whoever owns it at the moment. */
export interface SocketEvents {
  /**
   * Returns whether it still holds on to `bytes`. On a connection opened with `openSocket` they are overwritten otherwise, as
   * soon as it has returned.
   */
  data(bytes: Buffer): boolean
  /** Writing may go on after isCongested(). */
  drained(): void
  /** The other side sends no more; it may still read. */
  ended(): void
  /** Nothing goes either way any more; `error` is why, where it did not end by agreement. */
  closed(error: Error | undefined): void
}

export interface SocketOwner {
  /** Ownership passes from one to the next by assignment. */
  handTo(events: SocketEvents): void
}

/** Wires the events of an accepted connection, once. No error goes unhandled. */
export function ownSocket(socket: Socket, first: SocketEvents): SocketOwner {
  const owned = { events: first }
  socket.on('data', (bytes) => owned.events.data(bytes))
  return wire(socket, owned)
}

/** Most answers fit into this. */
const FIRST_READ_BYTES = 16 * 1024
/** What a connection that has carried more reads at once: 64 KiB answers come with their head in one piece. */
const LARGE_READ_BYTES = 128 * 1024

/**
 * Opens a connection and wires its events. It is read into the same memory again and again: new memory for every read would
 * cost a download a third of its throughput, in page faults and garbage.
 */
export function openSocket(
  address: { readonly host: string; readonly port: number },
  first: SocketEvents,
): { socket: Socket; owner: SocketOwner } {
  const owned = { events: first }
  let memory = Buffer.allocUnsafeSlow(FIRST_READ_BYTES)
  const socket = connect({
    ...address,
    noDelay: true,
    keepAlive: true,
    // What the other side's FIN means depends on what it is in the middle of.
    allowHalfOpen: true,
    onread: {
      // Asked for before the first read and after each.
      buffer: () => memory,
      callback(length) {
        const held = owned.events.data(memory.subarray(0, length))
        if (length === memory.length) memory = Buffer.allocUnsafeSlow(LARGE_READ_BYTES)
        else if (held) memory = Buffer.allocUnsafeSlow(memory.length)
        return true
      },
    },
  })
  return { socket, owner: wire(socket, owned) }
}

function wire(socket: Socket, owned: { events: SocketEvents }): SocketOwner {
  let error: Error | undefined
  socket.on('drain', () => owned.events.drained())
  socket.on('end', () => owned.events.ended())
  socket.on('error', (cause) => {
    error = cause
  })
  socket.on('close', () => owned.events.closed(error))
  return {
    handTo(next) {
      owned.events = next
    },
  }
}
