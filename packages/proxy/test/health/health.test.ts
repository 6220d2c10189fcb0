import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkHealth, type HealthCheck } from '../../src/health/check.ts'
import { type HealthConfig, monitorHealth } from '../../src/health/monitor.ts'
import { createTable, type Table } from '../../src/table/table.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { until } from '../support/wait.ts'

const check: HealthCheck = { type: 'http', path: '/health', status: [[200, 399]], timeoutMs: 2_000 }

describe('one check', () => {
  it.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', true],
    ['HTTP/1.0 302 Found\r\n\r\n', true],
    ['HTTP/1.1 404 Not Found\r\n\r\n', false],
    ['HTTP/1.1 500 Oh\r\n\r\n', false],
    ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', true],
    ['HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 Oh\r\n\r\n', false],
    ['SSH-2.0-OpenSSH\r\n', false],
    ['', false],
    ['x'.repeat(20_000), false],
  ])('takes %j for healthy: %s', async (text, healthy) => {
    const whole = await answering((socket) => socket.once('data', () => socket.end(text)))
    expect(await checkHealth(whole, check)).toBe(healthy)
    const byBytes = await answering((socket) =>
      socket.setNoDelay().once('data', () => {
        for (const byte of text.slice(0, 200)) socket.write(byte)
        socket.end()
      }),
    )
    if (text.length <= 200) expect(await checkHealth(byBytes, check)).toBe(healthy)
  })

  it('asks for its path, as the node is named', async () => {
    let seen = ''
    const node = await answering((socket) =>
      socket.once('data', (data) => {
        seen = data.toString()
        socket.end('HTTP/1.1 204 No Content\r\n\r\n')
      }),
    )
    await checkHealth(node, { ...check, path: '/up?deep=1' })
    expect(seen).toContain('GET /up?deep=1 HTTP/1.1\r\n')
    expect(seen).toContain(`Host: 127.0.0.1:${node.port}\r\n`)
  })

  it('lets the app finish its answer', async () => {
    let broken = false
    const backend = await startBackend('a', {
      answerHealth: (_, response) => {
        response.on('close', () => {
          if (!response.writableFinished) broken = true
        })
        response.write('x'.repeat(300_000))
        setTimeout(() => response.end('x'.repeat(300_000)), 50)
      },
    })
    expect(await checkHealth({ host: '127.0.0.1', port: backend.port }, check)).toBe(true)
    await backend.kill()
    expect(broken).toBe(false)
  })

  it('fails when nothing is answered in time', async () => {
    const silent = await answering(() => {})
    expect(await checkHealth(silent, { ...check, timeoutMs: 50 })).toBe(false)
  })

  it('fails when the connection is refused', async () => {
    const node = await answering(() => {})
    await node.close()
    expect(await checkHealth(node, check)).toBe(false)
    expect(await checkHealth(node, { ...check, type: 'tcp' })).toBe(false)
  })

  it('is content with a connection where only tcp is asked for', async () => {
    expect(await checkHealth(await answering(() => {}), { ...check, type: 'tcp' })).toBe(true)
  })
})

describe('the monitor', () => {
  it('takes a node down that answers badly, and brings it back', async () => {
    let status = 200
    const backend = await startBackend('a', { answerHealth: (_, response) => response.writeHead(status).end() })
    const table = watched({ a: backend })
    status = 500
    await until('it is down', () => table.view()[0]!.state === 'down')
    status = 200
    await until('it is up', () => table.view()[0]!.state === 'serving')
  })

  it('takes a node down that has died, and brings it back when it was marked down by its failed requests', async () => {
    const [a, b] = [await startBackend('a'), await startBackend('b')]
    const table = watched({ a, b })
    await a.kill()
    await until('a is down', () => table.view()[0]!.state === 'down')
    await a.revive()
    await until('a is up', () => table.view()[0]!.state === 'serving')
    for (let i = 0; table.view()[0]!.healthy && i < 20; i++) {
      const lease = table.lease([])!
      const failed = lease.upstream.id === 'a'
      lease.end({ status: failed ? null : 200, failure: failed ? 'reset' : null, retried: false, durationMs: 1 })
    }
    expect(table.view()[0]!.state).toBe('down')
    await until('a is up again', () => table.view()[0]!.state === 'serving')
  })

  it('needs so many checks in a row', async () => {
    const answers = [500, 200, 500, 500, 200, 500, 500, 500]
    let asked = 0
    const downAt: number[] = []
    const backend = await startBackend('a', {
      answerHealth: (_, response) => response.writeHead(answers[asked++] ?? 200).end(),
    })
    const table = watched({ a: backend }, { fall: 3, rise: 4, onDown: () => downAt.push(asked) })
    await until('it is down', () => !table.view()[0]!.healthy)
    await until('it is up', () => table.view()[0]!.healthy)
    expect(downAt).toEqual([8])
    expect(asked).toBeGreaterThanOrEqual(12)
  })

  it('leaves nodes alone that are out', async () => {
    let asked = 0
    const backend = await startBackend('a', {
      answerHealth: (_, response) => {
        asked++
        response.writeHead(500).end()
      },
    })
    const other = await startBackend('b', { answerHealth: (_, response) => response.writeHead(500).end() })
    const table = watched({ a: backend, b: other }, { out: ['a'] })
    await until('b is down', () => !table.view()[1]!.healthy)
    expect(asked).toBe(0)
    table.set('a', { admin: 'in' })
    await until('a is down', () => !table.view()[0]!.healthy)
  })

  it('spreads the first checks of many nodes over the interval', async () => {
    const arrivals: number[] = []
    const node = await answering((socket) => {
      arrivals.push(performance.now())
      socket.end()
    })
    const nodes = Array.from({ length: 200 }, (_, i) => ({
      id: `n${i}`,
      host: '127.0.0.1',
      port: node.port,
      weight: 1,
    }))
    const table = createTable({ nodes: nodes.map((n) => ({ ...n, admin: 'in' })), passiveFailures: 3 })
    const monitor = monitorHealth(nodes, table, { ...check, type: 'tcp', intervalMs: 1_000, rise: 1, fall: 1 })
    await until('all were checked', () => arrivals.length >= 200)
    monitor.stop()
    const half = arrivals[0]! + 500
    const early = arrivals.slice(0, 200).filter((at) => at < half).length
    expect(early).toBeGreaterThan(20)
    expect(early).toBeLessThan(180)
  })
})

function watched(
  backends: Readonly<Record<string, Backend>>,
  {
    fall = 2,
    rise = 2,
    out = [],
    onDown = () => {},
  }: { fall?: number; rise?: number; out?: string[]; onDown?(): void } = {},
): Table {
  const nodes = Object.entries(backends).map(([id, { port }]) => ({ id, host: '127.0.0.1', port, weight: 1 }))
  const table = createTable({
    nodes: nodes.map((node) => ({ ...node, admin: out.includes(node.id) ? 'out' : 'in' })),
    passiveFailures: 3,
    onHealth: (_, healthy) => {
      if (!healthy) onDown()
    },
  })
  const health: HealthConfig = { ...check, intervalMs: 20, timeoutMs: 1_000, rise, fall }
  const monitor = monitorHealth(nodes, table, health)
  onTestFinished(() => monitor.stop())
  return table
}

async function answering(
  serve: (socket: Socket) => void,
): Promise<{ readonly host: string; readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  onTestFinished(close)
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, close }
}
