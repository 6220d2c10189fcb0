import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type Connection, openConnection } from '../src/traffic/connection.ts'

const get = { method: 'GET', path: '/', headers: {} }

test('one connection carries request after request', async () => {
  const { connection } = await connectTo(createServer((_, response) => response.end('ok')))
  for (let i = 0; i < 5; i++) expect(await connection.exchange(get, 5000)).toMatchObject({ status: 200, body: 'ok' })
  expect(connection.opened()).toBe(1)
})

test('an idle connection that the other side has closed is opened anew, and counted', async () => {
  const { connection, sockets } = await connectTo(createServer((_, response) => response.end('ok')))
  await connection.exchange(get, 5000)
  const [socket] = sockets
  socket?.end()
  // The client has closed its side too: it has seen the end.
  await once(socket as Socket, 'close')
  expect(await connection.exchange(get, 5000)).toMatchObject({ status: 200 })
  expect(connection.opened()).toBe(2)
})

test('a reset of the connection that a request was written to is an error, and the request is not sent again', async () => {
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    if (requests === 2) request.socket.resetAndDestroy()
    else response.end('ok')
  })
  const { connection } = await connectTo(server)
  await connection.exchange(get, 5000)
  await expect(connection.exchange(get, 5000)).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(requests).toBe(2)
  expect(await connection.exchange(get, 5000)).toMatchObject({ status: 200 })
})

async function connectTo(server: Server): Promise<{ connection: Connection; sockets: Socket[] }> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = openConnection(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  onTestFinished(() => {
    connection.close()
    server.close()
    server.closeAllConnections()
  })
  return { connection, sockets }
}
