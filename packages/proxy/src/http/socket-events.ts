import type { Socket } from 'node:net'

/** What happens on a connection, to whoever owns it at the moment. */
export interface SocketEvents {
  data(bytes: Buffer): void
  /** Writing may go on after isCongested(). */
  drained(): void
  /** The other side sends no more; it may still read. */
  ended(): void
  /** Nothing goes either way any more; `error` is why, where it did not end by agreement. */
  closed(error: Error | undefined): void
}

export interface SocketOwner {
  handTo(events: SocketEvents): void
}

/** Wires a socket's events once; ownership then passes from one to the next by assignment. No error goes unhandled. */
export function ownSocket(socket: Socket, first: SocketEvents): SocketOwner {
  let events = first
  let error: Error | undefined
  socket.on('data', (bytes) => events.data(bytes))
  socket.on('drain', () => events.drained())
  socket.on('end', () => events.ended())
  socket.on('error', (cause) => {
    error = cause
  })
  socket.on('close', () => events.closed(error))
  return {
    handTo(next) {
      events = next
    },
  }
}
