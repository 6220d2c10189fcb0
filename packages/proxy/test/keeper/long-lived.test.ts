import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import { configIn } from '../support/config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { keep } from '../support/keeper.ts'
import { until } from '../support/wait.ts'

it('is counted, waited for and closed with 1012, whichever process has it', async () => {
  const app = createServer()
  new WebSocketServer({ server: app }).on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => app.closeAllConnections())
  const folder = await temporaryFolder()
  const keeper = await keep(configIn(folder, { a: { port: (app.address() as AddressInfo).port } }), folder)
  const { port } = keeper.address()

  const before = await connect(port)
  await keeper.replace()
  const after = await connect(port)
  await until('both are counted', async () => (await keeper.admin.node('a')).longLived === 2)
  const out = await keeper.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'out' } })
  expect(out.body).toMatchObject({ state: 'draining', inflight: 2, longLived: 2 })
  for (const socket of [before, after]) {
    socket.send('still here')
    expect(String((await once(socket, 'message'))[0])).toBe('still here')
  }
  const codes = Promise.all([before, after].map((socket) => once(socket, 'close')))
  expect((await keeper.admin.call('POST', '/v1/nodes/a/close-long-lived', { token: 1 })).status).toBe(200)
  expect((await codes).map(([code]) => code)).toEqual([1012, 1012])
  await until('it is drained', async () => (await keeper.admin.node('a')).state === 'drained')
})

async function connect(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return socket
}
