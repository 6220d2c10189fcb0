import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Probe } from '@baton/core'
import { afterEach, describe, expect, test, vi } from 'vitest'

export interface ProbeTarget {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

/** What every probe must do. `serve` starts a server that this probe finds healthy. */
export function describeProbeContract(
  name: string,
  setUp: { readonly probe: (target: ProbeTarget) => Probe; readonly serve: () => Server },
): void {
  const never = new AbortController().signal
  const servers: Server[] = []

  afterEach(async () => {
    for (const server of servers.splice(0)) await close(server)
  })

  async function serve(server = setUp.serve()): Promise<ProbeTarget & { server: Server }> {
    servers.push(server)
    return { server, host: '127.0.0.1', port: await listen(server), timeoutMs: 5_000 }
  }

  describe(`${name}, as every probe`, () => {
    test('finds a server that serves healthy, and says what it saw', async () => {
      const result = await setUp.probe(await serve()).check(never)
      expect(result).toMatchObject({ healthy: true, reason: expect.stringMatching(/\w/) })
    })

    test('says that a connection was refused where nothing listens', async () => {
      const target = await serve()
      await close(target.server)
      expect(await setUp.probe(target).check(never)).toEqual({
        healthy: false,
        reason: 'connection refused',
        release: null,
      })
    })

    test('says that a host does not exist', async () => {
      const result = await setUp
        .probe({ ...(await serve()), host: 'no-such-host.invalid', timeoutMs: 25_000 })
        .check(never)
      expect(result).toMatchObject({ healthy: false, reason: 'host no-such-host.invalid not found' })
    })

    test('takes a connection of its own for each check, and leaves none behind', async () => {
      const target = await serve()
      let connections = 0
      target.server.on('connection', () => connections++)
      const probe = setUp.probe(target)
      for (let round = 0; round < 3; round++) await probe.check(never)
      await Promise.all([probe.check(never), probe.check(never)])
      await vi.waitUntil(() => connections === 5, PATIENCE)
      await vi.waitUntil(async () => (await countOf(target.server)) === 0, PATIENCE)
    })

    test('ends with the reason of a signal that aborts', async () => {
      const probe = setUp.probe(await serve())
      await expect(probe.check(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
      const stop = new AbortController()
      const check = probe.check(stop.signal)
      stop.abort(new Error('enough'))
      await expect(check).rejects.toThrow('enough')
    })
  })
}

const PATIENCE = { timeout: 15_000, interval: 5 }

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  if ('closeAllConnections' in server) (server as Server & { closeAllConnections(): void }).closeAllConnections()
  await once(server, 'close')
}

function countOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
  })
}

export const silentServer = () => createServer((socket) => socket.on('error', () => {}))
