import { once } from 'node:events'
import type http from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createFrameTracker } from '../../src/http/websocket-close.ts'
import { connectRaw, statusOf } from './raw-client.ts'
import { type Backend, startApp, startCannedApp, startRawApp, startRig, until } from './rig.ts'

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

describe('a WebSocket', () => {
  it('carries messages of all sizes both ways, compressed as well', async () => {
    await using backend = await startWebSocketApp((socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    )
    await using rig = await startRig([backend.upstream])
    const client = await openWebSocket(rig.url)

    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20]) {
      const message = Buffer.alloc(size, size % 251)
      client.send(message)
      const [data] = (await once(client, 'message')) as [Buffer]
      expect(data.equals(message)).toBe(true)
    }
    expect(rig.plane.inflight()).toBe(1)

    client.close(1000, 'bye')
    const [code] = await once(client, 'close')
    expect(code).toBe(1000)
    await until(() => rig.plane.connections() === 0)
    expect(rig.leases.results()).toMatchObject([{ status: 101, failure: null }])
  })

  it('is closed with 1012 when its drain has lasted too long, and so is the node', async () => {
    const codes: number[] = []
    await using backend = await startWebSocketApp((socket) => socket.on('close', (code) => codes.push(code)))
    // So long that it cannot be what ends it: the client's own close frame does.
    await using rig = await startRig([backend.upstream], { limits: { closingMs: 60_000 } })
    const client = await openWebSocket(rig.url)

    rig.leases.taken[0]!.close!()

    const [code] = await once(client, 'close')
    expect(code).toBe(1012)
    await until(() => codes.length === 1)
    expect(codes).toEqual([1012])
    expect(rig.leases.taken[0]!.ends).toHaveLength(1)
    expect(rig.plane.inflight()).toBe(0)
  })

  it('is closed between two frames, never in the midst of one', async () => {
    let server: WebSocket | undefined
    await using backend = await startWebSocketApp((socket) => {
      server = socket
    })
    await using rig = await startRig([backend.upstream])
    const client = await openWebSocket(rig.url)
    const lengths: number[] = []
    client.on('message', (data: Buffer) => lengths.push(data.length))
    const errors: Error[] = []
    client.on('error', (error) => errors.push(error))

    // The first half of a frame is on its way when the close comes.
    const frame = Buffer.alloc(10 + 100_000)
    frame[0] = 0x82
    frame[1] = 127
    frame.writeUInt32BE(100_000, 6)
    const raw = rawSocket(server!)
    raw.write(frame.subarray(0, 50_000))
    await until(() => rawSocket(client).bytesRead > 40_000)
    rig.leases.taken[0]!.close!()
    raw.write(frame.subarray(50_000, 70_000))
    await until(() => rawSocket(client).bytesRead > 65_000)
    raw.write(Buffer.concat([frame.subarray(70_000), frame]))

    const [code] = await once(client, 'close')
    expect(code).toBe(1012)
    expect(lengths).toEqual([100_000])
    expect(errors).toEqual([])
  })

  it('is over for a client as soon as it has answered the close, even if the node hangs', async () => {
    await using backend = await startUpgrading(() => {}, { protocol: 'websocket', ends: false })
    await using rig = await startRig([backend.upstream], { limits: { closingMs: 5_000 } })
    using client = await connectRaw(rig.port)
    client.send(UPGRADE.replace('echo', 'websocket'))
    await client.receives('\r\n\r\n')

    rig.leases.taken[0]!.close!()
    await client.receives('\x88\x02\x03\xf4')
    client.send('\x88\x82\0\0\0\0\x03\xf4')

    await client.ends()
    expect(rig.plane.inflight()).toBe(1)
    await until(() => rig.plane.inflight() === 0)
  })

  it('is cut when the rest of a frame does not come', async () => {
    let server: WebSocket | undefined
    await using backend = await startWebSocketApp((socket) => {
      server = socket
    })
    await using rig = await startRig([backend.upstream], { limits: { closingMs: 200 } })
    const client = await openWebSocket(rig.url)
    const before = rawSocket(client).bytesRead
    rawSocket(server!).write(Buffer.from([0x82, 10, 1, 2]))
    await until(() => rawSocket(client).bytesRead > before)

    rig.leases.taken[0]!.close!()

    const [code] = await once(client, 'close')
    expect(code).toBe(1006)
    await until(() => rig.plane.connections() === 0 && rig.plane.inflight() === 0)
  })

  it('does not wait forever for a client that does not answer its close', async () => {
    await using backend = await startWebSocketApp(() => {})
    await using rig = await startRig([backend.upstream], { limits: { closingMs: 200 } })
    const client = await openWebSocket(rig.url)
    client.pause()

    rig.leases.taken[0]!.close!()

    await until(() => rig.plane.connections() === 0)
    expect(rig.leases.taken[0]!.ends).toHaveLength(1)
    client.terminate()
  })

  it.each(['client', 'node'])('ends when the %s is gone', async (side) => {
    let server: WebSocket | undefined
    await using backend = await startWebSocketApp((socket) => {
      server = socket
    })
    await using rig = await startRig([backend.upstream])
    const client = await openWebSocket(rig.url)

    ;(side === 'client' ? client : server!).terminate()

    await once(side === 'client' ? server! : client, 'close')
    await until(() => rig.plane.connections() === 0 && rig.plane.inflight() === 0)
    expect(rig.leases.taken[0]!.ends).toHaveLength(1)
  })

  it('that the app refuses gets the answer of the app', async () => {
    await using backend = await startApp((_request, response) => {
      response.statusCode = 403
      response.end('no')
    })
    await using rig = await startRig([backend.upstream])
    const client = new WebSocket(rig.url.replace('http', 'ws'))

    const [, response] = (await once(client, 'unexpected-response')) as [unknown, http.IncomingMessage]

    expect(response.statusCode).toBe(403)
    response.destroy()
  })
})

describe('any other upgrade', () => {
  it('carries bytes both ways, those that came along with the heads included', async () => {
    let request = ''
    await using backend = await startRawApp((socket) => {
      socket.on('data', (bytes) => {
        const text = bytes.toString('latin1')
        if (request !== '') {
          socket.write(text.toUpperCase())
          return
        }
        request = text
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\nX-Y: z\r\n\r\nwelcome',
        )
      })
      socket.on('end', () => socket.end('bye'))
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(`${UPGRADE}hello`)
    const answer = await client.receives(/welcome.*HELLO/s)
    client.send('again')
    await client.receives('AGAIN')
    client.socket.end()

    expect(request).toMatch(/\r\nConnection: upgrade\r\nUpgrade: echo\r\n/)
    expect(answer).toMatch(
      /^HTTP\/1.1 101 Switching Protocols\r\n(?:.*\r\n)*Connection: upgrade\r\nUpgrade: echo\r\n\r\nwelcomeHELLO/,
    )
    expect(answer).toContain('\r\nX-Y: z\r\n')
    // Half-closed: what the node says after the client's end still arrives.
    expect(await client.ends()).toMatch(/bye$/)
    await until(() => rig.leases.results().length === 1)
  })

  it('is ended on both sides when its drain has lasted too long', async () => {
    await using backend = await startUpgrading()
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.send(UPGRADE)
    await client.receives('\r\n\r\n')

    rig.leases.taken[0]!.close!()

    await client.ends()
    await until(() => rig.plane.inflight() === 0)
  })

  it('holds back whoever writes faster than the other reads', async () => {
    await using backend = await startUpgrading((socket) => socket.pause())
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.send(UPGRADE)
    await client.receives('\r\n\r\n')

    for (let piece = 0; piece < 100; piece += 1) client.send(Buffer.alloc(1 << 20))
    await until(() => rig.accepted[0]!.isPaused())

    expect(client.socket.writableLength).toBeGreaterThan(50 << 20)
  })

  it('to HTTP/2 in clear text is not offered to the node, which would get requests unseen', async () => {
    const upgrades: (string | string[] | undefined)[] = []
    await using backend = await startApp((request, response) => {
      upgrades.push(request.headers.upgrade, request.headers['http2-settings'])
      response.end('hello')
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
    )

    expect(await client.receives('hello')).toMatch(/200 OK/)
    expect(upgrades).toEqual([undefined, undefined])
  })

  it('is not taken up from a client of HTTP/1.0, nor without Connection: upgrade', async () => {
    await using backend = await startCannedApp('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n')
    await using rig = await startRig([backend.upstream])
    for (const request of [UPGRADE.replace('1.1', '1.0'), UPGRADE.replace('Connection: Upgrade\r\n', '')]) {
      using client = await connectRaw(rig.port)
      client.send(request)
      expect(statusOf(await client.receives('properly'))).toBe(502)
    }
  })

  it('is idle no longer than its limit', async () => {
    await using backend = await startUpgrading()
    await using rig = await startRig([backend.upstream], { limits: { longLivedIdleMs: 200 } })
    using client = await connectRaw(rig.port)
    client.send(UPGRADE)
    await client.ends()
    await until(() => rig.plane.inflight() === 0)
  })
})

describe('the frame tracker', () => {
  it('finds the boundaries of frames, however they are cut', () => {
    const frames = [
      Buffer.from([0x81, 0]),
      Buffer.from([0x81, 2, 65, 66]),
      Buffer.from([0x81, 0x82, 1, 2, 3, 4, 65, 66]),
      Buffer.concat([Buffer.from([0x82, 126, 0, 200]), Buffer.alloc(200)]),
      Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 1]), Buffer.alloc(65_537)]),
      Buffer.from([0x88, 2, 3, 232]),
    ]
    const all = Buffer.concat(frames)
    const expected = frames.map((_frame, index) => Buffer.concat(frames.slice(0, index + 1)).length)
    for (const step of [1, 3, 7, 100, all.length]) {
      const tracker = createFrameTracker()
      const found: number[] = []
      for (let start = 0; start < all.length; start += step) {
        const piece = all.subarray(start, start + step)
        for (let at = 0; at < piece.length; ) {
          at = tracker.advance(piece, at)
          if (tracker.atBoundary()) found.push(start + at)
        }
      }
      expect(found).toEqual(expected)
      expect(tracker.closed()).toBe(true)
    }
  })
})

async function startWebSocketApp(onSocket: (socket: WebSocket) => void): Promise<Backend> {
  const backend = await startApp((_request, response) => response.end())
  const server = new WebSocketServer({ server: backend.server as http.Server, perMessageDeflate: { threshold: 1024 } })
  server.on('connection', onSocket)
  return backend
}

async function openWebSocket(url: string): Promise<WebSocket> {
  const client = new WebSocket(url.replace('http', 'ws'))
  await once(client, 'open')
  return client
}

/** The connection under a WebSocket, to send what ws itself would not. */
function rawSocket(socket: WebSocket): Socket {
  return (socket as unknown as { _socket: Socket })._socket
}

async function startUpgrading(
  onUpgraded: (socket: Socket) => void = () => {},
  { protocol = 'echo', ends = true } = {},
): Promise<Backend> {
  return startRawApp((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)
      onUpgraded(socket)
    })
    if (ends) socket.on('end', () => socket.end())
  })
}
