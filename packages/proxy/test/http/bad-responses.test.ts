import { describe, expect, it } from 'vitest'
import { connectRaw, statusOf } from './raw-client.ts'
import { startCannedApp, startRawApp, startRig } from './rig.ts'

const OK = 'HTTP/1.1 200 OK\r\n'
const LIMITS = { headBytes: 2048, headerCount: 20 }

const badHeads: [title: string, bytes: string][] = [
  ['is not HTTP', 'hello\r\n\r\n'],
  ['is HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['has a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['has a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
  ['has a status of letters', 'HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n'],
  ['has two spaces before the status', 'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['begins with an empty line', `\r\n${OK}Content-Length: 0\r\n\r\n`],
  ['ends lines with LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['has a bare CR', `${OK}X: a\rb\r\nContent-Length: 0\r\n\r\n`],
  ['has a NUL', `${OK}X: a\0b\r\nContent-Length: 0\r\n\r\n`],
  ['folds a field', `${OK}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`],
  ['has a space before a colon', `${OK}Content-Length : 0\r\n\r\n`],
  ['has a field without a colon', `${OK}X\r\nContent-Length: 0\r\n\r\n`],
  ['has a length and a coding', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['has two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
  ['has the same length twice', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ['has a list of lengths', `${OK}Content-Length: 5, 5\r\n\r\nhello`],
  ['has a negative length', `${OK}Content-Length: -1\r\n\r\n`],
  ['has a length with a plus', `${OK}Content-Length: +5\r\n\r\nhello`],
  ['has a length beyond 2^64', `${OK}Content-Length: 18446744073709551621\r\n\r\nhello`],
  ['has a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['has an unknown coding', `${OK}Transfer-Encoding: gzip\r\n\r\nhello`],
  ['has gzip before chunked', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['is chunked twice', `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['has a head that is too large', `${OK}X: ${'a'.repeat(3000)}\r\n\r\n`],
  ['has a head that never ends', `${OK}X: ${'a'.repeat(3000)}`],
  ['has too many fields', `${OK}${'X: y\r\n'.repeat(21)}\r\n`],
  ['switches protocols unasked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
]

const badChunks: [title: string, body: string][] = [
  ['an empty chunk size', '\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size with a sign', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size before a space', '5 \r\nhello\r\n0\r\n\r\n'],
  ['a chunk size that overflows', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['a chunk longer than its size', '5\r\nhelloo\r\n0\r\n\r\n'],
  ['a chunk without an end', '5\r\nhello0\r\n\r\n'],
  ['a chunk that ends with LF', '5\r\nhello\n0\r\n\r\n'],
  ['a bad trailer', '5\r\nhello\r\n0\r\nX y\r\n\r\n'],
]

describe('a node whose answer', () => {
  it.each(badHeads)('%s gets its connection dropped and the client a 502', async (_title, bytes) => {
    await using backend = await startCannedApp(bytes)
    await using rig = await startRig([backend.upstream], { limits: LIMITS })
    using client = await connectRaw(rig.port)

    for (const attempt of [1, 2]) {
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      const answer = await client.receives(new RegExp(`^(?:HTTP/1\\.1 502 .*?properly\\.\\n){${attempt}}$`, 's'))
      expect(answer).toMatch(/Baton-Error: bad_answer/)
      expect(answer).toMatch(/Connection: keep-alive/)
      expect(backend.connections()).toBe(attempt)
    }
    expect(rig.leases.results().map(({ status, failure }) => [status, failure])).toEqual([
      [null, 'protocol'],
      [null, 'protocol'],
    ])
    expect(rig.log[0]).toMatch(/^node-\d+: /)
  })

  it.each(badChunks)('has %s is cut off, so that no client takes it for whole', async (_title, body) => {
    await using backend = await startCannedApp(`${OK}Transfer-Encoding: chunked\r\n\r\n${body}`)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const answer = await client.ends()

    expect(answer).not.toContain('0\r\n\r\n')
    expect(statusOf(answer)).toBe(200)
    expect(rig.leases.results()).toMatchObject([{ status: 200, failure: 'protocol', retried: false }])
  })

  it.each([
    ['a length', `${OK}Content-Length: 10\r\n\r\nhello`, false],
    ['chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, false],
  ])('ends before what it announced by %s is cut off', async (_title, bytes) => {
    await using backend = await startCannedApp(bytes, { close: true })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const answer = await client.ends()

    expect(answer).toContain('hello')
    expect(answer).not.toContain('0\r\n\r\n')
    expect(rig.leases.results()).toMatchObject([{ status: 200, failure: 'reset' }])
  })

  it('ends before its last chunk is cut off by a reset where an orderly end would make it look whole', async () => {
    await using backend = await startCannedApp(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, { close: true })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('GET / HTTP/1.0\r\n\r\n')
    await client.ends()

    expect(client.wasReset()).toBe(true)
  })

  it('ends before its first byte gives the client a 502', async () => {
    await using backend = await startRawApp((socket) => socket.once('data', () => socket.destroy()))
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')

    expect(statusOf(await client.receives('properly'))).toBe(502)
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: 'reset' }])
  })

  it('is followed by more than it announced loses its connection', async () => {
    await using backend = await startCannedApp(`${OK}Content-Length: 5\r\n\r\nhello${OK}Content-Length: 4\r\n\r\nevil`)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.receives(/hello$/)
    client.send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')

    expect(await client.receives(/hello.*hello$/s)).not.toContain('evil')
    expect(backend.connections()).toBe(2)
  })

  it('is followed by something while it is idle loses its connection', async () => {
    let speak = () => {}
    await using backend = await startRawApp((socket) => {
      socket.on('data', () => socket.write(`${OK}Content-Length: 5\r\n\r\nhello`))
      speak = () => socket.write(`${OK}Content-Length: 4\r\n\r\nevil`)
      socket.on('end', () => closed.push(socket.end()))
    })
    const closed: unknown[] = []
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.receives(/hello$/)
    speak()
    await expect.poll(() => closed.length).toBe(1)
    client.send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')

    expect(await client.receives(/hello.*hello$/s)).not.toContain('evil')
    expect(backend.connections()).toBe(2)
  })
})
