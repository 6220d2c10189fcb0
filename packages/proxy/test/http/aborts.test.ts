import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { connectRaw } from './raw-client.ts'
import { closedUpstream, startApp, startRawApp, startRig, until } from './rig.ts'

const LONG = 'x'.repeat(100_000)

/** What clients send, each to be cut anywhere. */
const requests = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n',
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${LONG}`,
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n${LONG}\r\n0\r\nX: y\r\n\r\n`,
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n!\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02ab\x81',
  'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: nonsense\r\n\r\n',
]

/** What nodes answer, each to be cut anywhere. */
const answers = [
  '',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${LONG}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n${LONG}\r\n0\r\nX: y\r\n\r\n`,
  `HTTP/1.1 200 OK\r\n\r\n${LONG}`,
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02ab\x81',
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense',
  'nonsense\r\n\r\n',
]

const endings = fc.constantFrom('destroy', 'end', 'reset', 'leave')
const scenario = fc.record({
  request: fc.constantFrom(...requests),
  sent: fc.double({ min: 0, max: 1, noNaN: true }),
  clientEnding: endings,
  clientWaitsMs: fc.integer({ min: 0, max: 3 }),
  reads: fc.boolean(),
  answer: fc.constantFrom(...answers),
  answered: fc.double({ min: 0, max: 1, noNaN: true }),
  nodeEnding: endings,
  nodeWaitsMs: fc.integer({ min: 0, max: 3 }),
  drains: fc.boolean(),
})

type Ending = 'destroy' | 'end' | 'reset' | 'leave'
interface Endable {
  destroy(): void
  end(): void
  resetAndDestroy(): void
}

describe('whatever breaks off, wherever', () => {
  it('each lease ends exactly once, and nothing stays in flight', { timeout: 120_000 }, async () => {
    const limits = {
      responseIdleMs: 100,
      bodyIdleMs: 100,
      sendIdleMs: 100,
      keepAliveMs: 100,
      headerMs: 100,
      closingMs: 100,
      longLivedIdleMs: 100,
    }
    await fc.assert(
      fc.asyncProperty(fc.array(scenario, { minLength: 20, maxLength: 40 }), async (scenarios) => {
        const turns = new Map(scenarios.map((each, index) => [`${index}`, each]))
        await using backend = await startRawApp((socket) => {
          socket.once('data', (bytes) => {
            const turn = turns.get(/x-turn: (\d+)/i.exec(bytes.toString('latin1'))?.[1] ?? '')
            if (turn === undefined) return
            socket.write(turn.answer.slice(0, Math.ceil(turn.answer.length * turn.answered)), 'latin1')
            setTimeout(() => finish(socket, turn.nodeEnding), turn.nodeWaitsMs)
          })
        })
        await using rig = await startRig([await closedUpstream(), backend.upstream], { limits })
        await Promise.all(
          scenarios.map(async (turn, index) => {
            const client = await connectRaw(rig.port)
            if (!turn.reads) client.socket.pause()
            const request = turn.request.replaceAll('Host: a\r\n', `Host: a\r\nX-Turn: ${index}\r\n`)
            client.send(request.slice(0, Math.ceil(request.length * turn.sent)))
            await new Promise((resolve) => setTimeout(resolve, turn.clientWaitsMs))
            expect(rig.plane.inflight()).toBeGreaterThanOrEqual(0)
            if (turn.drains) for (const lease of rig.leases.taken) lease.close?.()
            finish(client.socket, turn.clientEnding)
          }),
        )

        await until(() => rig.plane.inflight() === 0 && rig.plane.connections() === 0)
        expect(rig.leases.taken.map(({ ends }) => ends.length)).toEqual(rig.leases.taken.map(() => 1))
      }),
      { numRuns: 15 },
    )
  })

  it('a client that goes away takes its exchange with it, which is no fault of the node', async () => {
    let begun = 0
    let aborted = 0
    await using backend = await startApp((_request, response) => {
      begun += 1
      response.on('close', () => {
        aborted += 1
      })
    })
    await using rig = await startRig([backend.upstream])
    for (const ending of ['destroy', 'end', 'reset'] as const) {
      const client = await connectRaw(rig.port)
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await until(() => begun === aborted + 1)
      finish(client.socket, ending)
      await until(() => begun === aborted)
      await until(() => rig.plane.inflight() === 0)
    }

    expect(begun).toBe(3)
    expect(rig.leases.results()).toMatchObject(Array(3).fill({ status: null, failure: null, retried: false }))
  })
})

function finish(socket: Endable, ending: Ending): void {
  if (ending === 'destroy') socket.destroy()
  else if (ending === 'end') socket.end()
  else if (ending === 'reset') socket.resetAndDestroy()
}
