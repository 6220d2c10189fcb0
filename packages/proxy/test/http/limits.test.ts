import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { connectRaw, statusOf } from './raw-client.ts'
import { startApp, startCannedApp, startRawApp, startRig, until } from './rig.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

describe('time limits', () => {
  it('answer 408 to a head that does not end, however steadily it drips', async () => {
    await using rig = await startRig([], { limits: { headerMs: 300 } })
    using client = await connectRaw(rig.port)
    const drip = setInterval(() => client.send('x'), 20)
    client.send('GET / HTTP/1.1\r\nX-Slow: ')

    const answer = await client.ends()
    clearInterval(drip)

    expect(statusOf(answer)).toBe(408)
  })

  it('answer 408 to a body that stops', async () => {
    await using backend = await startApp((request, response) => request.pipe(response))
    await using rig = await startRig([backend.upstream], { limits: { bodyIdleMs: 200 } })
    using client = await connectRaw(rig.port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n')

    expect(statusOf(await client.ends())).toBe(408)
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: null }])
  })

  it('answer 504 for a node that does not answer, and let the client keep its connection', async () => {
    await using backend = await startRawApp(() => {})
    await using rig = await startRig([backend.upstream], { limits: { responseIdleMs: 200 } })
    using client = await connectRaw(rig.port)
    client.send(GET)

    const answer = await client.receives('in time')
    expect(statusOf(answer)).toBe(504)
    expect(answer).toMatch(/Connection: keep-alive/)
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: 'timeout' }])
  })

  it('answer 504, not 408, where the client waits for a 100 that the node does not give', async () => {
    await using backend = await startRawApp(() => {})
    await using rig = await startRig([backend.upstream], { limits: { responseIdleMs: 400, bodyIdleMs: 100 } })
    using client = await connectRaw(rig.port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n')

    expect(statusOf(await client.ends())).toBe(504)
  })

  it('cut an answer in which the node falls silent', async () => {
    await using backend = await startCannedApp('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    await using rig = await startRig([backend.upstream], { limits: { responseIdleMs: 200 } })
    using client = await connectRaw(rig.port)
    client.send(GET)

    expect(await client.ends()).toMatch(/hello$/)
    expect(rig.leases.results()).toMatchObject([{ status: 200, failure: 'timeout' }])
  })

  it('cut a client that does not read its answer, which is no fault of the node', async () => {
    await using backend = await startApp((_request, response) => response.end(Buffer.alloc(64 << 20)))
    await using rig = await startRig([backend.upstream], { limits: { sendIdleMs: 300, closingMs: 200 } })
    using client = await connectRaw(rig.port)
    client.socket.pause()
    client.send(GET)

    await until(() => rig.leases.results().length === 1)
    await until(() => rig.plane.connections() === 0)
    expect(rig.leases.results()).toMatchObject([{ status: 200, failure: null }])
  })

  it('let no exchange last longer than the total', async () => {
    await using backend = await startApp((_request, response) => {
      const timer = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(timer))
    })
    await using rig = await startRig([backend.upstream], { limits: { totalMs: 300 } })
    using client = await connectRaw(rig.port)
    client.send(GET)

    expect(await client.ends()).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(rig.leases.results()).toMatchObject([{ status: 200, failure: 'timeout' }])
  })

  it('close client connections that idle, before and between requests, without a word', async () => {
    await using backend = await startApp((_request, response) => response.end('ok'))
    await using rig = await startRig([backend.upstream], { limits: { keepAliveMs: 300 } })
    using silent = await connectRaw(rig.port)
    using client = await connectRaw(rig.port)
    client.send(GET)

    expect(await client.ends()).toMatch(/ok\r\n0\r\n\r\n$|ok$/)
    expect(await silent.ends()).toBe('')
    // The end is seen here a moment before the connection is closed there.
    await until(() => rig.plane.connections() === 0)
  })

  it('do not run while a slow but steady exchange goes on', async () => {
    await using backend = await startApp((request, response) => request.pipe(response))
    await using rig = await startRig([backend.upstream], {
      limits: { bodyIdleMs: 400, responseIdleMs: 400, headerMs: 400, keepAliveMs: 400 },
    })
    const body = await new Promise<string>((resolve, reject) => {
      const request = http.request(rig.url, { method: 'POST' }, (response) => {
        let text = ''
        response.on('data', (data) => {
          text += data
        })
        response.on('end', () => resolve(text))
      })
      request.on('error', reject)
      let left = 10
      const timer = setInterval(() => {
        request.write('x')
        left -= 1
        if (left > 0) return
        clearInterval(timer)
        request.end()
      }, 100)
    })

    expect(body).toBe('xxxxxxxxxx')
  })
})

describe('a body beyond its limit', () => {
  it('is refused with 413 before it is sent, where its length is known', async () => {
    await using backend = await startApp((request, response) => request.pipe(response))
    await using rig = await startRig([backend.upstream], { limits: { bodyBytes: 10 } })

    expect((await fetch(rig.url, { method: 'POST', body: 'x'.repeat(10) })).status).toBe(200)
    expect((await fetch(rig.url, { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413)
    expect(rig.leases.taken).toHaveLength(1)
  })

  it('is refused with 413 when it gets there, where it is not', async () => {
    await using backend = await startRawApp(() => {})
    await using rig = await startRig([backend.upstream], { limits: { bodyBytes: 10 } })
    using client = await connectRaw(rig.port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    await until(() => rig.leases.taken.length === 1)
    client.send('6\r\nhello!\r\n')

    expect(statusOf(await client.ends())).toBe(413)
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: null }])
  })
})
