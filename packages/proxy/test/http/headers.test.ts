import type { IncomingHttpHeaders } from 'node:http'
import { describe, expect, it } from 'vitest'
import { createForwardedFields } from '../../src/http/forwarded.ts'
import { parseRequestHead } from '../../src/http/message-head.ts'
import { sendRaw } from './raw-client.ts'
import { type Rig, startApp, startCannedApp, startRig } from './rig.ts'

/** What a node sees of a request with these fields (Host and Connection: close are added). */
async function seenByNode(
  fields: string,
  { target = '/', trustForwarded = false, version = '1.1' } = {},
): Promise<Seen> {
  let seen: Seen | undefined
  await using backend = await startApp((request, response) => {
    seen = { url: request.url!, headers: request.headers, raw: request.rawHeaders }
    response.end()
  })
  await using rig = await startRig([backend.upstream], { trustForwarded })
  const close = version === '1.0' || fields.includes('Connection:') ? '' : 'Connection: close\r\n'
  await sendRawOnce(rig, `GET ${target} HTTP/${version}\r\n${fields}${close}\r\n`)
  return seen!
}

interface Seen {
  url: string
  headers: IncomingHttpHeaders
  raw: string[]
}

async function sendRawOnce(rig: Rig, request: string): Promise<string> {
  const pending = sendRaw(rig.port, request)
  // Where the request itself keeps the connection open, an end is made of it once it has been answered.
  const timer = setInterval(() => {
    if (rig.leases.results().length > 0) rig.accepted[0]?.end()
  }, 10)
  return pending.finally(() => clearInterval(timer))
}

describe('a request on its way to a node', () => {
  it('keeps its end-to-end fields: their order, their letters, and those that come twice', async () => {
    const { raw } = await seenByNode(
      'hOST: a:81\r\nX-b:  1 \r\nAccept: x\r\nx-B:2\r\nEmpty:\r\nCookie: a=b\r\nX-Latin: \xe9\r\n',
    )

    expect(raw.slice(0, 14)).toEqual([
      ...['Host', 'a:81', 'X-b', '1', 'Accept', 'x', 'x-B', '2', 'Empty', '', 'Cookie', 'a=b', 'X-Latin', '\xe9'],
    ])
  })

  it('loses the fields that speak about its connection, and those that Connection names', async () => {
    const { headers } = await seenByNode(
      'Host: a\r\nConnection: close, X-Secret , keep-alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\n' +
        'TE: gzip, trailers\r\nUpgrade: foo\r\nX-Other: 2\r\n',
    )

    expect(headers).toMatchObject({ host: 'a', 'x-other': '2', connection: 'keep-alive' })
    for (const name of ['x-secret', 'keep-alive', 'proxy-connection', 'te', 'upgrade'])
      expect(headers).not.toHaveProperty(name)
  })

  it('keeps TE: trailers, of all that TE may say', async () => {
    const { headers } = await seenByNode('Host: a\r\nConnection: close, TE\r\nTE: gzip;q=0.5, trailers\r\n')

    expect(headers).toMatchObject({ te: 'trailers', connection: 'keep-alive, TE' })
  })

  it('cannot make this proxy drop what it adds, by naming it in Connection', async () => {
    const { headers } = await seenByNode('Host: a\r\nConnection: close, Host, X-Forwarded-For, Via\r\n')

    expect(headers).toMatchObject({ host: 'a', 'x-forwarded-for': '127.0.0.1', via: '1.1 baton' })
  })

  it('says for whom it is, and by whom it came', async () => {
    const { headers } = await seenByNode('Host: shop.example:8080\r\nVia: 1.0 fred\r\n')

    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example:8080',
      forwarded: 'for=127.0.0.1;host="shop.example:8080";proto=http',
      via: '1.0 fred, 1.1 baton',
    })
  })

  const claims =
    'Host: a\r\nX-Forwarded-For: 10.0.0.1\r\nx-forwarded-for: 10.0.0.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n' +
    'X-Forwarded-Port: 443\r\nForwarded: for=10.0.0.1\r\n'

  it('loses what its client claims about that', async () => {
    const { headers } = await seenByNode(claims)

    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'a',
      forwarded: 'for=127.0.0.1;host="a";proto=http',
    })
    expect(headers).not.toHaveProperty('x-forwarded-port')
  })

  it('keeps it where clients are trusted, and adds to it', async () => {
    const { headers } = await seenByNode(claims, { trustForwarded: true })

    expect(headers).toMatchObject({
      'x-forwarded-for': '10.0.0.1, 10.0.0.2, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'b',
      'x-forwarded-port': '443',
      forwarded: 'for=10.0.0.1, for=127.0.0.1;host="a";proto=http',
    })
  })

  it.each([
    ['http://b.example/x?y=1', '/x?y=1', 'b.example'],
    ['HTTP://b.example:81', '/', 'b.example:81'],
    ['https://b.example?y', '/?y', 'b.example'],
    ['http://[::1]:81/', '/', '[::1]:81'],
  ])('in absolute form (%s) gets a path, and its Host from the target', async (target, path, host) => {
    const { url, headers } = await seenByNode('Host: a\r\n', { target })

    expect([url, headers.host, headers['x-forwarded-host']]).toEqual([path, host, host])
  })

  it('of HTTP/1.0 without Host gets the address that the client connected to', async () => {
    const { headers } = await seenByNode('', { version: '1.0' })

    expect(headers.host).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(headers.via).toBe('1.0 baton')
    expect(headers).not.toHaveProperty('x-forwarded-host')
  })

  it('may have characters in its target that browsers send as they are', async () => {
    const target = '/a|b{c}?q="x"&y=<z>\\^`[1]'
    expect((await seenByNode('Host: a\r\n', { target })).url).toBe(target)
  })
})

describe('Forwarded', () => {
  it.each([
    ['192.0.2.1', 'for=192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', 'for=192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', 'for="[2001:db8::1]"', '2001:db8::1'],
    ['fe80::1%eth0', 'for="[fe80::1]"', 'fe80::1'],
  ])('names the client %s as RFC 7239 would have it', (address, element, plain) => {
    const request = parseRequestHead('GET / HTTP/1.1\r\nHost: a', { headerCount: 9, targetBytes: 99 })
    const lines = createForwardedFields({ address, trustForwarded: false }).lines(request)

    expect(lines).toContain(`\r\nForwarded: ${element};host="a";proto=http\r\n`)
    expect(lines).toContain(`X-Forwarded-For: ${plain}\r\n`)
  })
})

describe('an answer on its way to a client', () => {
  it('loses the fields that speak about its connection, and keeps the others as they are', async () => {
    await using backend = await startCannedApp(
      'HTTP/1.1 200 Fine\r\nServer: x\r\nSet-Cookie: a=1\r\nConnection: X-Inner, keep-alive\r\nX-Inner: 1\r\nKeep-Alive: timeout=7\r\n' +
        'Upgrade: h2c\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
    )
    await using rig = await startRig([backend.upstream])

    const answer = await sendRaw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')

    expect(answer.replace(/Date: .*\r\n/, '')).toBe(
      'HTTP/1.1 200 Fine\r\nServer: x\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    )
    // RFC 9110 6.6.1: who forwards an answer without a date gives it one.
    expect(answer).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/)
  })

  it('tells the client how long its connection is kept', async () => {
    await using backend = await startApp((_request, response) => response.end())
    await using rig = await startRig([backend.upstream], { limits: { keepAliveMs: 20_000 } })
    const { headers } = await fetch(rig.url)

    expect(headers.get('keep-alive')).toBe('timeout=20')
  })
})
