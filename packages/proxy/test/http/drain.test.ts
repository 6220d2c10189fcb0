import { once } from 'node:events'
import type http from 'node:http'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { connectRaw } from './raw-client.ts'
import { startApp, startRawApp, startRig, until } from './rig.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

describe('a data plane that stops', () => {
  it('finishes what is in flight, and answers once more on connections that are open', async () => {
    const held: http.ServerResponse[] = []
    await using backend = await startApp((request, response) => {
      if (request.url === '/slow') held.push(response)
      else response.end('quick')
    })
    await using rig = await startRig([backend.upstream], { limits: { closingMs: 50 } })
    using busy = await connectRaw(rig.port)
    using idle = await connectRaw(rig.port)
    using fresh = await connectRaw(rig.port)
    busy.send(GET.replace('/', '/slow'))
    idle.send(GET)
    await idle.receives('quick')
    await until(() => held.length === 1)

    let drained = false
    const draining = rig.plane.drain({ graceMs: 20_000 }).then(() => {
      drained = true
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect([drained, rig.plane.connections()]).toEqual([false, 3])
    idle.send(GET)
    fresh.send(GET)
    held[0]!.end('slow')

    expect(await idle.ends()).toMatch(/Connection: close\r\n[\s\S]*quick/)
    expect(await fresh.ends()).toMatch(/Connection: close\r\n[\s\S]*quick/)
    expect(await busy.ends()).toMatch(/Connection: close\r\n[\s\S]*slow/)
    for (const client of [busy, idle, fresh]) expect(client.wasReset()).toBe(false)
    await draining
    expect(drained).toBe(true)
    expect([rig.plane.connections(), rig.plane.inflight()]).toEqual([0, 0])
  })

  it('keeps the connection of an answer whose head promised it', async () => {
    const held: http.ServerResponse[] = []
    await using backend = await startApp((_request, response) => {
      response.write('begun')
      held.push(response)
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.send(GET)
    await client.receives('begun')

    const draining = rig.plane.drain({ graceMs: 20_000 })
    held[0]!.end('done')
    await client.receives('done')
    client.send(GET)
    await client.receives(/done.*Connection: close.*begun/s)
    held[1]!.end()
    await client.ends()
    await draining
  })

  it('closes idle connections earlier where it is asked to, and waits for the others', async () => {
    const held: http.ServerResponse[] = []
    await using backend = await startApp((_request, response) => {
      response.write('begun')
      held.push(response)
    })
    await using rig = await startRig([backend.upstream])
    using idle = await connectRaw(rig.port)
    using busy = await connectRaw(rig.port)
    busy.send(GET)
    await busy.receives('begun')

    const draining = rig.plane.drain({ graceMs: 20_000, idleMs: 50 })
    expect(await idle.ends()).toBe('')
    expect(rig.plane.inflight()).toBe(1)
    held[0]!.end('done')
    // Its head had promised to keep the connection: it is closed as one that is idle now.
    expect(await busy.ends()).toMatch(/done/)
    await draining
  })

  it('closes idle connections, WebSockets with 1001, and event streams at the end of its grace', async () => {
    await using backend = await startApp((_request, response) => {
      response.setHeader('Content-Type', 'text/event-stream')
      response.write('data: one\n\n')
    })
    const sockets = new WebSocketServer({ server: backend.server as http.Server })
    const codes: number[] = []
    sockets.on('connection', (socket) => socket.on('close', (code) => codes.push(code)))
    await using rig = await startRig([backend.upstream])
    using idle = await connectRaw(rig.port)
    using stream = await connectRaw(rig.port)
    stream.send(GET)
    await stream.receives('data: one')
    const webSocket = new WebSocket(rig.url.replace('http', 'ws'))
    await once(webSocket, 'open')

    const draining = rig.plane.drain({ graceMs: 300 })
    const [code] = await once(webSocket, 'close')

    expect(code).toBe(1001)
    expect(await idle.ends()).toBe('')
    expect(await stream.ends()).toMatch(/\r\n0\r\n\r\n$/)
    await draining
    expect(codes).toEqual([1001])
    expect(rig.leases.open()).toEqual([])
  })

  it('cuts what does not end, soon after its grace or the signal', async () => {
    await using backend = await startRawApp(() => {})
    await using rig = await startRig([backend.upstream], { limits: { closingMs: 200 } })
    using client = await connectRaw(rig.port)
    client.send(GET)
    await until(() => rig.plane.inflight() === 1)

    const controller = new AbortController()
    const draining = rig.plane.drain({ graceMs: 60_000, signal: controller.signal })
    controller.abort()
    await draining

    await client.ends()
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: null }])
  })

  it('has nothing to wait for without connections', async () => {
    await using rig = await startRig([])
    await rig.plane.drain({ graceMs: 60_000 })
  })
})
