import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** A request whose answer has begun, on a connection of its own. */
export interface HangingRequest {
  /** The client's. */
  readonly port: number
  /** The rest of the answer, or the error that cut it off. */
  readonly answer: Promise<string | Error>
}

export function hangingRequests(url: string, count: number): Promise<HangingRequest[]> {
  return Promise.all(Array.from({ length: count }, () => begin(url)))
}

function begin(url: string): Promise<HangingRequest> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response: IncomingMessage) => {
      const answer = text(response).catch((error: Error) => error)
      resolve({ port: request.socket?.localPort ?? 0, answer })
    })
    request.on('error', reject)
  })
}
