import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendRaw, statusOf } from './raw-client.ts'
import { type Backend, type Rig, startCannedApp, startRawApp, startRig } from './rig.ts'

const LIMITS = { headBytes: 2048, targetBytes: 512, headerCount: 20, bodyBytes: 1000 }
const POST = 'POST / HTTP/1.1\r\nHost: a\r\n'
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`

/** What is sent, and what is answered. None of it may reach a node: the request would mean different things to different parsers. */
const table: [title: string, bytes: string, status: number][] = [
  // Request line
  ['no request line at all', 'hello\r\n\r\n', 400],
  ['an HTTP/0.9 request', 'GET /\r\n\r\n', 400],
  ['two spaces behind the method', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['two spaces behind the target', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a space within the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a space before the method', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a space at the end of the request line', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 400],
  ['a tab instead of a space', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['no target', 'GET HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a method that is no token', 'GE(T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a method with a NUL', 'GE\0T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a TLS handshake', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 400],
  ['lower case http', 'GET / http/1.1\r\nHost: a\r\n\r\n', 400],
  ['a version with two digits', 'GET / HTTP/1.10\r\nHost: a\r\n\r\n', 400],
  ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 505],
  ['several empty lines before the request', '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  // Target
  ['a target without a slash', 'GET index.html HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target with a fragment', 'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target with bytes beyond ASCII', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target with DEL', 'GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['an asterisk with GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['an ftp target', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target with user information', 'GET http://me:pw@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['an absolute target without a host', 'GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405],
  ['a target that is too long', `GET /${'a'.repeat(600)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ['a target that never ends', `GET /${'a'.repeat(3000)}`, 414],
  // Host
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['the same Host twice', 'GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['a Host with a space', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['a Host with user information', 'GET / HTTP/1.1\r\nHost: me@a\r\n\r\n', 400],
  ['a Host that is a list', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 400],
  // Line ends and fields
  ['lines that end with LF', 'GET / HTTP/1.1\nHost: a\n\n', 400],
  ['one line that ends with LF', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', 400],
  ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n', 400],
  ['CR CR LF', 'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n', 400],
  ['a NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', 400],
  ['a control character in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\x0bb\r\n\r\n', 400],
  ['DEL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n', 400],
  ['a folded field', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n', 400],
  ['a field folded by a tab', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n', 400],
  ['a first field that is folded', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
  ['a tab before the colon', 'GET / HTTP/1.1\r\nHost\t: a\r\n\r\n', 400],
  ['a field without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n', 400],
  ['a field without a name', 'GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n', 400],
  ['a field name with a bracket', 'GET / HTTP/1.1\r\nHost: a\r\nX[1]: x\r\n\r\n', 400],
  ['a field name beyond ASCII', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encod\xefng: x\r\n\r\n', 400],
  ['a head that is too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(3000)}\r\n\r\n`, 431],
  ['a head that never ends', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(3000)}`, 431],
  ['too many fields', `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(21)}\r\n`, 431],
  // Content-Length
  ['a length and a coding', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a coding and a length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400],
  ['two lengths', `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
  ['the same length twice', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 400],
  ['a list of lengths', `${POST}Content-Length: 5, 6\r\n\r\nhello`, 400],
  ['a list of equal lengths', `${POST}Content-Length: 5, 5\r\n\r\nhello`, 400],
  ['a length with a plus', `${POST}Content-Length: +5\r\n\r\nhello`, 400],
  ['a negative length', `${POST}Content-Length: -5\r\n\r\nhello`, 400],
  ['a length in hex', `${POST}Content-Length: 0x5\r\n\r\nhello`, 400],
  ['a length with a letter', `${POST}Content-Length: 5a\r\n\r\nhello`, 400],
  ['a length with a space in it', `${POST}Content-Length: 1 2\r\n\r\nhello`, 400],
  ['a length with a fraction', `${POST}Content-Length: 5.0\r\n\r\nhello`, 400],
  ['an empty length', `${POST}Content-Length:\r\n\r\nhello`, 400],
  ['a length beyond 2^53', `${POST}Content-Length: 9007199254740993\r\n\r\nhello`, 400],
  ['a length beyond 2^64', `${POST}Content-Length: 18446744073709551621\r\n\r\nhello`, 400],
  ['a length that is too large', `${POST}Content-Length: 1001\r\n\r\nhello`, 413],
  // Transfer-Encoding
  ['a coding in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['an unknown coding', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
  ['identity', `${POST}Transfer-Encoding: identity\r\n\r\n`, 501],
  ['gzip, then chunked', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['chunked, then gzip', `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, 501],
  ['chunked twice', `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked in two fields', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a second coding that hides', `${POST}Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n`, 501],
  ['an empty coding', `${POST}Transfer-Encoding:\r\n\r\n0\r\n\r\n`, 400],
  ['chunked with a parameter', `${POST}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`, 501],
  ['chunked in quotes', `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, 501],
  ['chunked behind a vertical tab', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked with a comma', `${POST}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n`, 400],
  // Chunks
  ['an empty chunk size', `${CHUNKED}\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size with a plus', `${CHUNKED}+5\r\nhello\r\n0\r\n\r\n`, 400],
  ['a negative chunk size', `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size with 0x', `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size behind a space', `${CHUNKED} 5\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size before a space', `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size with an underscore', `${CHUNKED}1_0\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size that is no number', `${CHUNKED}G\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size that overflows 64 bits', `${CHUNKED}10000000000000005\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size with very many zeros', `${CHUNKED}${'0'.repeat(40)}5\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size that ends with LF', `${CHUNKED}5\nhello\r\n0\r\n\r\n`, 400],
  ['a chunk size that ends with CR', `${CHUNKED}5\rhello\r\n0\r\n\r\n`, 400],
  ['a chunk longer than its size', `${CHUNKED}5\r\nhelloo\r\n0\r\n\r\n`, 400],
  ['a chunk without an end', `${CHUNKED}5\r\nhello0\r\n\r\n`, 400],
  ['a chunk that ends with LF', `${CHUNKED}5\r\nhello\n0\r\n\r\n`, 400],
  ['a chunk that ends with CR alone', `${CHUNKED}5\r\nhello\rX0\r\n\r\n`, 400],
  ['an extension with LF', `${CHUNKED}5;a=b\nhello\r\n0\r\n\r\n`, 400],
  ['an extension with a NUL', `${CHUNKED}5;a=\0\r\nhello\r\n0\r\n\r\n`, 400],
  ['an extension that is too long', `${CHUNKED}5;${'a'.repeat(1100)}\r\nhello\r\n0\r\n\r\n`, 400],
  ['a chunked body that is too large', `${CHUNKED}${(1001).toString(16)}\r\n${'a'.repeat(1001)}\r\n0\r\n\r\n`, 413],
  // Trailers
  ['a trailer that ends with LF', `${CHUNKED}0\r\nX: y\n\r\n`, 400],
  ['a trailer without a colon', `${CHUNKED}0\r\nX\r\n\r\n`, 400],
  ['a folded trailer', `${CHUNKED}0\r\nX: y\r\n z\r\n\r\n`, 400],
  ['a trailer with a NUL', `${CHUNKED}0\r\nX: \0\r\n\r\n`, 400],
  ['trailers that are too large', `${CHUNKED}0\r\nX: ${'y'.repeat(3000)}\r\n\r\n`, 431],
]

describe('a request that is not plainly one thing', () => {
  let backend: Backend
  let rig: Rig

  beforeAll(async () => {
    backend = await startCannedApp('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    rig = await startRig([backend.upstream], { limits: LIMITS })
  })
  afterAll(async () => {
    await rig[Symbol.asyncDispose]()
    await backend[Symbol.asyncDispose]()
  })

  it.each(table)('is refused, its connection closed and nothing sent to a node: %s', async (_title, bytes, status) => {
    const answer = await sendRaw(rig.port, bytes)

    expect(statusOf(answer)).toBe(status)
    expect(answer).toMatch(/\r\nConnection: close\r\n/)
    expect(answer).toMatch(/\r\nBaton-Error: [a-z0-9_]+\r\n/)
    expect(answer.match(/^HTTP\/1\.1 [0-9]/gm)).toHaveLength(1)
    expect(backend.connections()).toBe(0)
    expect(rig.leases.taken).toHaveLength(0)
  })

  it('is refused in the same way when its bytes come one by one', async () => {
    // This node gets heads whose bodies turn out to be bad, and waits for them to be whole: it never gets to answer.
    await using patient = await startRawApp(() => {})
    await using own = await startRig([patient.upstream], { limits: LIMITS })
    for (const [title, bytes, status] of table.filter(([, row]) => row.length < 200)) {
      const answer = await sendRaw(own.port, ...[...bytes].map((byte) => Buffer.from(byte, 'latin1')))
      expect([title, statusOf(answer)]).toEqual([title, status])
    }
    expect(own.leases.open()).toHaveLength(0)
    expect(own.plane.inflight()).toBe(0)
  })
})
