import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** A request whose answer has begun at a known node, and takes its time. */
export interface SlowRequest {
  readonly node: string
  /** Resolves to the rest of the answer, or to the error that cut it off. */
  readonly ended: Promise<string | Error>
  /** The client goes away. */
  cancel(): void
}

/** Asks until the answer comes from `node`; those that land elsewhere are let go. */
export async function slowRequestAt(options: {
  readonly url: string
  readonly node: string
  readonly ms: number
}): Promise<SlowRequest> {
  for (let tries = 0; tries < 50; tries += 1) {
    const { request, response } = await begin(`${options.url}/slow/${options.ms}`)
    const node = String(response.headers['baton-node'])
    request.on('error', () => {})
    const cancel = () => void request.destroy()
    if (node === options.node) return { node, ended: text(response).catch((error: Error) => error), cancel }
    cancel()
  }
  throw new Error(`no request landed at ${options.node}`)
}

function begin(url: string): Promise<{ request: ClientRequest; response: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => resolve({ request, response }))
    request.on('error', reject)
  })
}
