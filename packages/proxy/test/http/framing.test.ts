import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { connectRaw, sendRaw, statusOf } from './raw-client.ts'
import { type Backend, startApp, startCannedApp, startRawApp, startRig, until } from './rig.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

describe('the framing of answers', () => {
  it.each([
    [
      'a length',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      false,
      /Content-Length: 5\r\n[\s\S]*\r\n\r\nhello$/,
    ],
    [
      'a length of zero',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      false,
      /Content-Length: 0\r\n[\s\S]*\r\n\r\n$/,
    ],
    [
      'chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
      false,
      /Transfer-Encoding: chunked\r\n[\s\S]*\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n$/,
    ],
    [
      'the end of the connection',
      'HTTP/1.1 200 OK\r\n\r\nhello',
      true,
      /Transfer-Encoding: chunked\r\n[\s\S]*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    ],
    [
      'the end of a connection of HTTP/1.0',
      'HTTP/1.0 200 OK\r\n\r\nhello',
      true,
      /Transfer-Encoding: chunked\r\n[\s\S]*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    ],
    [
      '204',
      'HTTP/1.1 204 No Content\r\n\r\n',
      false,
      /^HTTP\/1.1 204 No Content\r\n(?!.*(?:Length|Encoding))[\s\S]*\r\n\r\n$/s,
    ],
    [
      '204 with a length it must not have',
      'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
      false,
      /^HTTP\/1.1 204 No Content\r\n(?!.*Length)[\s\S]*\r\n\r\n$/s,
    ],
    [
      '304 with the length of what it is not',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n',
      false,
      /Content-Length: 500\r\n[\s\S]*\r\n\r\n$/,
    ],
    ['no reason', 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello', false, /^HTTP\/1.1 200 \r\n[\s\S]*hello$/],
  ])('keeps the client connection for another request after %s', async (_title, answer, close, expected) => {
    // A node that announces how long it keeps idle connections is not put to the test first.
    const announced = answer.replace('\r\n', '\r\nKeep-Alive: timeout=5\r\n')
    await using backend = await startCannedApp(announced, { close })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(GET)
    const first = await client.receives(expected)
    client.send(GET)
    await until(() => client.received().length === 2 * first.length)

    expect(first).not.toMatch(/Connection: close/)
    expect(backend.connections()).toBe(close ? 2 : 1)
    expect(rig.leases.results()).toMatchObject([{ failure: null }, { failure: null }])
  })

  it('leaves HEAD without a body, whatever its fields say', async () => {
    await using backend = await startApp((_request, response) => {
      response.setHeader('Content-Length', 12345)
      response.end()
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')

    expect(await client.ends()).toMatch(
      /^(HTTP\/1.1 200 OK\r\n(?:[A-Z].*\r\n)*Content-Length: 12345\r\n(?:[A-Z].*\r\n)*\r\n){2}$/,
    )
    expect(backend.connections()).toBe(1)
  })

  it('does not reuse a connection on which a 204 announced a body', async () => {
    await using backend = await startCannedApp('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n')
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(GET + GET)
    await client.receives(/(?:204.*){2}\r\n\r\n$/s)

    expect(backend.connections()).toBe(2)
  })

  it('passes 1xx on, and no 1xx to clients of HTTP/1.0', async () => {
    await using backend = await startApp((_request, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('hello')
    })
    await using rig = await startRig([backend.upstream])

    const modern = await sendRaw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const old = await sendRaw(rig.port, 'GET / HTTP/1.0\r\n\r\n')

    expect(modern).toMatch(
      /^HTTP\/1.1 102 Processing\r\n\r\nHTTP\/1.1 103 Early Hints\r\nLink: .*\r\n\r\nHTTP\/1.1 200 OK\r\n/,
    )
    expect(old).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(old).not.toMatch(/10[23]/)
  })

  it('gives clients of HTTP/1.0 no chunks, and the end of the connection as the end', async () => {
    await using backend = await startApp((_request, response) => {
      response.write('hel')
      response.end('lo')
    })
    await using rig = await startRig([backend.upstream])

    const answer = await sendRaw(rig.port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')

    expect(answer).toMatch(/\r\nConnection: close\r\n\r\nhello$/)
    expect(answer).not.toContain('chunked')
  })

  it('keeps the connection of an HTTP/1.0 client that asks for it, where the answer has a length', async () => {
    await using backend = await startApp((_request, response) => {
      response.setHeader('Content-Length', 5)
      response.end('hello')
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    expect(await client.receives(/hello$/)).toMatch(/\r\nConnection: keep-alive\r\n/)
    client.send('GET / HTTP/1.0\r\n\r\n')
    expect(await client.ends()).toMatch(/hello[\s\S]*Connection: close\r\n[\s\S]*hello$/)
  })
})

describe('trailers', () => {
  it('go both ways, without those that would change what the message is', async () => {
    let seen: http.IncomingMessage['trailers'] = {}
    await using backend = await startApp((request, response) => {
      request.resume()
      request.on('end', () => {
        seen = request.trailers
        response.setHeader('Trailer', 'X-Sum')
        response.write('hello')
        response.addTrailers({ 'X-Sum': '42', 'Content-Length': '3' })
        response.end()
      })
    })
    await using rig = await startRig([backend.upstream])

    const answer = await sendRaw(
      rig.port,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
      '5\r\nhello\r\n0\r\nX-Check: ok\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: evil\r\n\r\n',
    )

    expect(seen).toEqual({ 'x-check': 'ok' })
    expect(answer).toMatch(/\r\nTrailer: X-Sum\r\n[\s\S]*\r\n0\r\nX-Sum: 42\r\n\r\n$/)
  })

  it('and heads of answers may come byte by byte', async () => {
    const answer =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 42\r\nX-More: abc\r\n\r\n'
    await using backend = await startRawApp((socket) =>
      socket.on('data', async () => {
        for (const byte of answer) {
          socket.write(byte)
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
      }),
    )
    await using rig = await startRig([backend.upstream])

    const seen = await sendRaw(rig.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    expect(seen).toMatch(/\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 42\r\nX-More: abc\r\n\r\n$/)
  })
})

describe('pipelined requests', () => {
  it('are answered in order, one at a time', async () => {
    let running = 0
    let most = 0
    await using backend = await startApp((request, response) => {
      running += 1
      most = Math.max(most, running)
      request.resume()
      setTimeout(
        () => {
          running -= 1
          response.end(`[${request.method} ${request.url}]`)
        },
        Number(request.url?.slice(1)),
      )
    })
    await using rig = await startRig([backend.upstream])

    const answer = await sendRaw(
      rig.port,
      'GET /30 HTTP/1.1\r\nHost: a\r\n\r\nPOST /10 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello' +
        'POST /5 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n' +
        '\r\nGET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    )

    expect(answer.match(/\[.*?\]/g)).toEqual(['[GET /30]', '[POST /10]', '[POST /5]', '[GET /1]'])
    expect(most).toBe(1)
  })

  it('behind a refused one are not looked at', async () => {
    await using backend = await startCannedApp('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    await using rig = await startRig([backend.upstream])

    const answer = await sendRaw(rig.port, `GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n${GET}`)

    expect(answer.match(/^HTTP/gm)).toHaveLength(1)
    expect(backend.connections()).toBe(0)
  })

  it('of a client that reads no answers are not read either', async () => {
    await using backend = await startApp((_request, response) => {
      response.setHeader('Content-Length', 16_000)
      response.end(Buffer.alloc(16_000))
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.socket.pause()

    client.send(GET.repeat(10_000))
    await until(() => rig.accepted[0]!.isPaused() && rig.plane.inflight() === 0)
    await settled(() => rig.leases.taken.length)

    // What the kernel's buffers hold, not the 160 MB that are asked for.
    expect(rig.leases.taken.length).toBeLessThan(5_000)
    expect(rig.accepted[0]!.writableLength).toBeLessThan(1 << 20)
  })
})

describe('Expect: 100-continue', () => {
  const request = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'

  it('lets the node decide that the body may come', async () => {
    await using backend = await startApp(echo)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(request)
    await client.receives('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('hello')

    expect(await client.receives(/hello/)).toMatch(/100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/)
  })

  it('lets the node decide that it may not: the connection closes behind the answer', async () => {
    await using backend = await startRefusing(417)
    await using rig = await startRig([backend.upstream])

    const answer = await sendRaw(rig.port, request)

    expect(statusOf(answer)).toBe(417)
    expect(answer).toMatch(/\r\nConnection: close\r\n/)
    expect(rig.leases.results()).toMatchObject([{ status: 417, failure: null }])
  })

  it('does not keep a client waiting that does not wait', async () => {
    await using backend = await startApp(echo)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(`${request}hello`)

    expect(await client.receives(/hello/)).toMatch(/200 OK/)
  })

  it('is kept from nodes where the client speaks HTTP/1.0', async () => {
    await using backend = await startApp(echo)
    await using rig = await startRig([backend.upstream])

    const answer = await sendRaw(rig.port, `${request.replace('/1.1', '/1.0')}hello`)

    expect(answer).toMatch(/^HTTP\/1.1 200 OK[\s\S]*hello$/)
  })
})

describe('bodies', () => {
  it('of 50 MB come through unharmed both ways', async () => {
    await using backend = await startApp((request, response) => {
      response.setHeader('Connection', 'keep-alive')
      request.pipe(response)
    })
    await using rig = await startRig([backend.upstream])
    const piece = randomBytes(1 << 20)
    const sent = createHash('sha256')
    const received = createHash('sha256')

    const bytes = await new Promise<number>((resolve, reject) => {
      let count = 0
      const request = http.request(rig.url, { method: 'POST' }, (response) => {
        response.on('data', (data) => {
          received.update(data)
          count += data.length
        })
        response.on('end', () => resolve(count))
        response.on('error', reject)
      })
      request.on('error', reject)
      let left = 50
      const write = (): void => {
        while (left > 0) {
          left -= 1
          piece.writeUInt32BE(left)
          sent.update(piece)
          if (!request.write(Buffer.from(piece))) {
            request.once('drain', write)
            return
          }
        }
        request.end()
      }
      write()
    })

    expect(bytes).toBe(50 << 20)
    expect(received.digest('hex')).toBe(sent.digest('hex'))
    expect(rig.plane.inflight()).toBe(0)
  })

  it('are answered early where the node does, and what is left of the upload does not matter', async () => {
    await using backend = await startRefusing(413)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port, { allowHalfOpen: true })

    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello')
    const answer = await client.receives(/refused/)

    expect(statusOf(answer)).toBe(413)
    expect(answer).toMatch(/\r\nConnection: close\r\n/)
    // A client that goes on sending for a while is not reset while it does: it might not have read the answer yet.
    for (let piece = 0; piece < 20; piece += 1) {
      client.send('x'.repeat(10_000))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    client.socket.end()
    await client.ends()
    expect(client.wasReset()).toBe(false)
    expect(rig.leases.results()).toMatchObject([{ status: 413, failure: null }])
  })
})

describe('back-pressure', () => {
  it('holds the node back where a client reads slowly', async () => {
    let produced = 0
    await using backend = await startApp((_request, response) => {
      const write = (): void => {
        while (produced < 200 << 20) {
          produced += 1 << 16
          if (!response.write(Buffer.alloc(1 << 16))) {
            response.once('drain', write)
            return
          }
        }
      }
      write()
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.socket.pause()

    client.send(GET)
    await until(() => produced > 1 << 20)
    await settled(() => produced)

    // What the kernel's buffers on the way hold, not what the node would send.
    expect(produced).toBeLessThan(50 << 20)
    expect(rig.accepted[0]!.writableLength).toBeLessThan(1 << 18)
    client.socket.resume()
    const before = produced
    await until(() => produced > before + (4 << 20))
  })

  it.each([
    ['with a length', `HTTP/1.1 200 OK\r\nContent-Length: ${16 << 20}\r\n\r\n`, false],
    ['without a length', 'HTTP/1.1 200 OK\r\n\r\n', true],
    ['after a switch of protocols', 'HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: counting\r\n\r\n', false],
  ])('brings an answer %s unharmed to a client that reads slowly', async (_name, head, isChunked) => {
    const counting = Buffer.from(Uint32Array.from({ length: 4 << 20 }, (_, index) => index).buffer)
    await using backend = await startRawApp((socket) =>
      socket.once('data', async () => {
        socket.write(head)
        // Pieces that are not yet a reason to pause the node, though the client has taken only a part of one.
        for (let at = 0; at < counting.length; at += 4096) {
          socket.write(counting.subarray(at, at + 4096))
          await new Promise((resolve) => setImmediate(resolve))
        }
        socket.end()
      }),
    )
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.socket.pause()

    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: counting\r\n\r\n')
    await until(() => rig.accepted[0]!.writableLength > 0)
    await settled(() => rig.accepted[0]!.bytesWritten)
    client.socket.resume()

    await until(() => client.received().length > counting.length && rig.accepted[0]!.writableLength === 0)
    await settled(() => client.received().length)
    const body = client.received().replace(/^[\s\S]*?\r\n\r\n/, '')
    expect(hash(isChunked ? unchunked(body) : body)).toBe(hash(counting))
  })

  it('holds the client back where a node reads slowly', async () => {
    await using backend = await startRawApp((socket) => socket.pause())
    await using rig = await startRig([backend.upstream], { limits: { responseIdleMs: 1_500 } })
    using client = await connectRaw(rig.port)

    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${200 << 20}\r\n\r\n`)
    for (let piece = 0; piece < 200; piece += 1) client.send(Buffer.alloc(1 << 20))
    // A node that takes nothing for as long as it may be silent has not answered in time.
    await until(() => rig.leases.results().length === 1)
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: 'timeout' }])
    expect(rig.accepted[0]!.bytesRead).toBeLessThan(50 << 20)
  })
})

function echo(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.pipe(response)
}

/** A node that answers a request's head at once, and reads no body. */
async function startRefusing(status: number): Promise<Backend> {
  return startCannedApp(`HTTP/1.1 ${status} No\r\nContent-Length: 7\r\n\r\nrefused`)
}

function hash(bytes: string | Buffer): string {
  const sum = createHash('sha256')
  return (typeof bytes === 'string' ? sum.update(bytes, 'latin1') : sum.update(bytes)).digest('hex')
}

/** The content of a chunked body, whole and without trailers. */
function unchunked(body: string): string {
  const content: string[] = []
  let at = 0
  while (at < body.length) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.slice(at, lineEnd), 16)
    content.push(body.slice(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
  return content.join('')
}

/** Waits until a number has stopped changing. */
async function settled(value: () => number): Promise<void> {
  let last = -1
  while (value() !== last) {
    last = value()
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}
