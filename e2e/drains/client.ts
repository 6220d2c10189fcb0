import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '@baton/testkit'
import { WebSocket } from 'ws'

/** A request that one certain node has begun to serve. */
export interface InFlight {
  /** Since the epoch, in ms: when the node was known to have it. */
  readonly begunAt: number
  /** Fails where the answer is cut short. */
  readonly answer: Promise<WholeAnswer>
}

export interface WholeAnswer {
  readonly status: number
  readonly node: string | undefined
  readonly body: string
  /** Since the epoch, in ms: when the last byte was there. */
  readonly endedAt: number
}

/** An answer that takes `ms` to begin; the node itself, which is reached at `nodeUrl`, says when it has the request. */
export function slowAnswer(
  url: string,
  { node, nodeUrl, ms }: { readonly node: string; readonly nodeUrl: string; readonly ms: number },
): Promise<InFlight> {
  return aim(() => {
    const id = randomUUID()
    const sender = request(`${url}/slow?node=${node}&ms=${ms}&id=${id}`)
    const isBegun = async () => sender.destroyed || (await fetch(`${nodeUrl}/begun?id=${id}`)).ok
    return begin(sender, () => waitFor(isBegun, { what: `a slow request at ${node}` }))
  })
}

/** A chunked answer, or a stream of events, that the app ends after `ms`. */
export function slowStream(url: string, path: '/download' | '/events', node: string, ms: number): Promise<InFlight> {
  return aim(() => begin(request(`${url}${path}?node=${node}&ms=${ms}`), 'response'))
}

/** A chunked body that takes `ms` to be sent, to any node where none is named; `sha256` is what the app must answer. */
export async function slowUpload(url: string, node: string | null, ms: number): Promise<InFlight & { sha256: string }> {
  const chunks = Array.from({ length: ms / 100 }, () => randomBytes(4_000))
  const outgoing = () =>
    request(`${url}/upload${node === null ? '' : `?node=${node}`}`, {
      method: 'POST',
      headers: { Expect: '100-continue' },
    })
  let sender: ClientRequest | undefined
  const begun = await aim(() => {
    sender = outgoing()
    return begin(sender, 'continue')
  })
  void send(sender!, chunks)
  return { ...begun, sha256: createHash('sha256').update(Buffer.concat(chunks)).digest('hex') }
}

export async function openWebSocket(url: string, node: string): Promise<WebSocket> {
  return aim(async () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket?node=${node}`)
    const outcome = new Promise<number>((resolve, reject) => {
      socket.once('open', () => resolve(101))
      socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode ?? 0))
      socket.once('error', reject)
    })
    if ((await outcome) === 421) throw new MisdirectedError()
    return socket
  })
}

class MisdirectedError extends Error {}

/** Asks until it is the wanted node that serves. */
async function aim<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof MisdirectedError) || tries === 20) throw error
    }
  }
}

/** `sign`: what shows that the node has the request. */
async function begin(
  sender: ClientRequest,
  sign: 'continue' | 'response' | (() => Promise<unknown>),
): Promise<InFlight> {
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    sender.once('response', resolve)
    sender.once('error', reject)
  })
  const answer = response.then(read)
  // Whoever awaits it later sees its failure.
  answer.catch(() => {})
  if (sign === 'continue') sender.flushHeaders()
  else sender.end()
  const misdirected = response.then(({ statusCode }) => {
    if (statusCode === 421) throw new MisdirectedError()
  })
  try {
    if (sign === 'response') await misdirected
    else await Promise.race([sign === 'continue' ? once(sender, sign) : sign(), misdirected])
  } catch (error) {
    sender.destroy()
    throw error
  }
  return { begunAt: Date.now(), answer }
}

async function read(response: IncomingMessage): Promise<WholeAnswer> {
  let body = ''
  response.setEncoding('utf8')
  for await (const chunk of response) body += chunk
  const { statusCode = 0, headers } = response
  return { status: statusCode, node: headers['baton-node'] as string | undefined, body, endedAt: Date.now() }
}

async function send(sender: ClientRequest, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    sender.write(chunk)
    await sleep(100)
  }
  sender.end()
}
