import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { connectRaw } from './raw-client.ts'
import { type Backend, startApp, startRig, until } from './rig.ts'

const GET = 'GET /events HTTP/1.1\r\nHost: a\r\n\r\n'

describe('an event stream', () => {
  it('brings each event when it happens', async () => {
    const streams: ServerResponse[] = []
    await using backend = await startEvents(streams)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(GET)
    await client.receives(/text\/event-stream/)
    for (const event of ['one', 'two', 'three']) {
      streams[0]!.write(`data: ${event}\n\n`)
      await client.receives(`data: ${event}\n\n`)
    }
    expect(rig.plane.inflight()).toBe(1)
    streams[0]!.end()

    await client.receives(/\r\n0\r\n\r\n$/)
    expect(rig.leases.results()).toMatchObject([{ status: 200, failure: null }])
  })

  it('is ended properly when its drain has lasted too long: the client keeps its connection, the node loses its', async () => {
    const streams: ServerResponse[] = []
    await using backend = await startEvents(streams)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.send(GET)
    await client.receives(/text\/event-stream/)
    streams[0]!.write('data: one\n\n')
    await client.receives('data: one\n\n')

    rig.leases.taken[0]!.close!()

    await client.receives(/\r\n0\r\n\r\n$/)
    await until(() => streams[0]!.destroyed)
    expect(rig.leases.results()).toMatchObject([{ status: 200, failure: null }])
    client.send(GET)
    await client.receives(/0\r\n\r\nHTTP\/1.1 200 OK/)
    rig.leases.taken[0]!.close!()
    expect(rig.leases.taken[0]!.ends).toHaveLength(1)
  })

  it('is ended with its connection for clients of HTTP/1.0', async () => {
    const streams: ServerResponse[] = []
    await using backend = await startEvents(streams)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)
    client.send(GET.replace('1.1', '1.0'))
    await client.receives(/text\/event-stream/)
    streams[0]!.write('data: one\n\n')
    await client.receives('data: one\n\n')

    rig.leases.taken[0]!.close!()

    expect(await client.ends()).toMatch(/data: one\n\n$/)
    expect(client.wasReset()).toBe(false)
  })

  it('may be silent for longer than other answers', async () => {
    const streams: ServerResponse[] = []
    await using backend = await startEvents(streams)
    await using rig = await startRig([backend.upstream], { limits: { responseIdleMs: 100 } })
    using client = await connectRaw(rig.port)
    client.send(GET)
    await client.receives(/text\/event-stream/)
    await new Promise((resolve) => setTimeout(resolve, 400))

    streams[0]!.write('data: late\n\n')
    await client.receives('data: late\n\n')
  })
})

async function startEvents(streams: ServerResponse[]): Promise<Backend> {
  return startApp((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
    response.flushHeaders()
    streams.push(response)
  })
}
