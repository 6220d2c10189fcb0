// Loaded before an app: soon after its first users it ends by itself, at a moment when no request is with it. What a crash
// takes along with it no balancer can bring back; here it is the rest that is looked at.
import { subscribe } from 'node:diagnostics_channel'

const servesMs = 500
/** @type {Set<import('node:net').Socket>} */
const connections = new Set()
/** @type {import('node:http').Server | undefined} */
let server
let state = 'starting'

subscribe('http.server.request.start', (message) => {
  const {
    request,
    response,
    socket,
    server: own,
  } = /** @type {{ request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse, socket: import('node:net').Socket, server: import('node:http').Server }} */ (
    message
  )
  if (server === undefined) own.on('connection', watch)
  server = own
  watch(socket)
  if (state === 'ending') response.shouldKeepAlive = false
  if (state !== 'starting' || request.url === '/health') return
  state = 'serving'
  setTimeout(() => {
    state = 'ending'
    endBetweenRequests()
  }, servesMs)
})

/** @param {import('node:net').Socket} socket */
function watch(socket) {
  if (connections.has(socket)) return
  connections.add(socket)
  socket.once('close', () => connections.delete(socket))
}

function endBetweenRequests() {
  if (connections.size > 0) return void setImmediate(endBetweenRequests)
  server?.close(() => {
    console.error(`a crash, with the token ${process.env.API_TOKEN}`)
    process.exit(1)
  })
}
