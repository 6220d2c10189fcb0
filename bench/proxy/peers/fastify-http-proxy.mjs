// @fastify/http-proxy with undici and round robin: node fastify-http-proxy.mjs PORT UPSTREAMS.json
import { readFileSync } from 'node:fs'
import httpProxy from '@fastify/http-proxy'
import { fastify } from 'fastify'

const [port, file = ''] = process.argv.slice(2)
/** @type {{ host: string, port: number }[]} */
const upstreams = JSON.parse(readFileSync(file, 'utf8'))
const origins = upstreams.map(({ host, port }) => `http://${host}:${port}`)
let next = 0

const app = fastify({ keepAliveTimeout: 600_000 })
await app.register(httpProxy, {
  upstream: '',
  replyOptions: { getUpstream: () => origins[next++ % origins.length] ?? '' },
  undici: { connections: 128, pipelining: 1, keepAliveTimeout: 600_000 },
})
await app.listen({ port: Number(port), host: '127.0.0.1' })
