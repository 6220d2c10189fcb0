import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadMessage } from '../../src/http/bad-message.ts'
import { createChunkedReader } from '../../src/http/body-framing.ts'
import { createHeadScanner } from '../../src/http/head-scanner.ts'
import { defaultLimits } from '../../src/http/limits.ts'
import { parseRequestHead, parseResponseHead } from '../../src/http/message-head.ts'
import { sendRaw } from './raw-client.ts'
import { startRawApp, startRig } from './rig.ts'

const REQUEST =
  'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 6\r\n\r\n' +
  '\r\nPUT /b HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n'

const ANSWERS: Record<string, string> = {
  a: 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\nX: y\r\n\r\n',
  b: 'HTTP/1.1 201 Created\r\nContent-Length: 5\r\nDate: now\r\n\r\nfghij',
  c: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
}

/** A message cut at any positions. */
function cuts(length: number): fc.Arbitrary<number[]> {
  return fc
    .uniqueArray(fc.integer({ min: 1, max: length - 1 }), { maxLength: 12 })
    .map((at) => at.sort((a, b) => a - b))
}

function cut(text: string, at: readonly number[]): string[] {
  return [0, ...at].map((start, index) => text.slice(start, at[index] ?? text.length))
}

describe('a message', () => {
  it('means the same however it is cut into reads, both ways', { timeout: 60_000 }, async () => {
    let answerCuts: number[] = []
    let seen = ''
    await using backend = await startRawApp((socket) => {
      let text = ''
      socket.on('data', async (bytes) => {
        text += bytes.toString('latin1')
        const whole =
          /^\w+ \/(\w) [\s\S]*?\r\n\r\n(?:(?<=chunked\r\n[\s\S]*)[\s\S]*?\r\n0\r\n[\s\S]*?\r\n\r\n|(?<=Length: 3\r\n[\s\S]*)abc|(?<=GET[\s\S]*))/
        const match = whole.exec(text)
        if (match === null) return
        seen += dechunked(match[0])
        text = text.slice(match[0].length)
        for (const piece of cut(ANSWERS[match[1]!]!, answerCuts)) {
          socket.write(piece)
          await new Promise((resolve) => setImmediate(resolve))
        }
      })
      socket.on('end', () => socket.end())
    })
    await using rig = await startRig([backend.upstream])
    const normal = dechunked(await sendRaw(rig.port, REQUEST)).replace(/Date: .*\r\n/g, '')
    const normalSeen = seen
    expect(normal).toMatch(/abcde\nX: y\r\n\r\nHTTP\/1\.1 201 Created[\s\S]*fghijHTTP\/1\.1 404/)
    expect(normalSeen).toMatch(/hello!\nX-Sum: 6\r\n\r\nPUT[\s\S]*abcGET/)

    await fc.assert(
      fc.asyncProperty(cuts(REQUEST.length), cuts(ANSWERS.c!.length), async (requestCuts, responseCuts) => {
        seen = ''
        answerCuts = responseCuts
        const answer = await sendRaw(rig.port, ...cut(REQUEST, requestCuts))
        expect(dechunked(answer).replace(/Date: .*\r\n/g, '')).toBe(normal)
        expect(seen).toBe(normalSeen)
      }),
      { numRuns: 40 },
    )
  })

  it('of any bytes is read or refused, never anything else', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc
        .array(
          fc.constantFrom(
            'GET',
            ' ',
            '/',
            'HTTP/1.1',
            '\r',
            '\n',
            '\r\n',
            ':',
            'Host',
            'a',
            ',',
            'Content-Length',
            '5',
            '\0',
            '\t',
            'chunked',
            'Transfer-Encoding',
            '200',
            'Connection',
            'Upgrade',
            '%',
            '\xff',
            ';',
            '=',
          ),
        )
        .map((parts) => Buffer.from(parts.join(''), 'latin1')),
    )
    fc.assert(
      fc.property(bytes, (message) => {
        expectReadOrRefused(() => {
          const end = createHeadScanner().scan(message)
          const text = message.toString('latin1', 0, Math.max(0, end - 4))
          for (const parse of [parseRequestHead, parseResponseHead])
            expectReadOrRefused(() => parse(text, defaultLimits))
        })
        expectReadOrRefused(() => createChunkedReader(defaultLimits).read(message, 0, { body() {} }))
      }),
      { numRuns: 2_000 },
    )
  })

  it('is scanned and chunks are read to the same end however they are cut', () => {
    const pieces = fc.constantFrom('0', '1', '5', 'a', '\r\n', '\r', '\n', ';', 'hello', 'X: y', ' ', '\r\n\r\n')
    const body = fc.array(pieces, { maxLength: 30 }).map((parts) => `5\r\nhello\r\n${parts.join('')}`)
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }), (text, at) => {
        const valid = [...new Set(at.filter((position) => position < text.length))].sort((a, b) => a - b)
        expect(readChunks(cut(text, valid))).toEqual(readChunks([text]))
      }),
      { numRuns: 1_500 },
    )
  })

  it('with megabytes of spaces is refused quickly', () => {
    const started = performance.now()
    for (const text of [
      `GET / HTTP/1.1\r\nHost: a\r\nX:${' '.repeat(1 << 20)}\x7fy`,
      `GET /${' '.repeat(1 << 20)} HTTP/1.1\r\nHost: a`,
    ]) {
      expectReadOrRefused(() => parseRequestHead(text, { headerCount: 100, targetBytes: 1 << 21 }))
    }
    expectReadOrRefused(() =>
      parseRequestHead(`GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:${' ,'.repeat(1 << 18)}`, defaultLimits),
    )
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

function expectReadOrRefused(read: () => void): void {
  try {
    read()
  } catch (error) {
    expect(error).toBeInstanceOf(BadMessage)
    expect((error as BadMessage).status).toBeGreaterThanOrEqual(400)
  }
}

function readChunks(pieces: readonly string[]): { body: string; complete: boolean; refused: boolean; rest: string } {
  const reader = createChunkedReader(defaultLimits)
  let body = ''
  let refused = false
  let rest = ''
  try {
    for (const piece of pieces) {
      const bytes = Buffer.from(piece)
      const end = reader.read(bytes, 0, {
        body(part) {
          body += part
        },
      })
      rest += bytes.subarray(end)
    }
  } catch {
    refused = true
    // How much of the body had been handed on before is a matter of cuts.
    body = ''
    rest = ''
  }
  return { body, complete: reader.complete(), refused, rest }
}

/** Chunked bodies as one, trailers behind a line break: how chunks are cut is nobody's business. */
function dechunked(text: string): string {
  return text.replace(
    /(?<=chunked\r\n(?:[\w-]+: .*\r\n)*\r\n)((?:[1-9a-f][0-9a-f]*\r\n[\s\S]*?\r\n)*)0\r\n/g,
    (_all, chunks: string) => {
      return `${chunks.replace(/[0-9a-f]+\r\n([\s\S]*?)\r\n/g, '$1')}\n`
    },
  )
}
