// http-proxy as its README shows it, with a keep-alive agent and round robin: node http-proxy.mjs PORT UPSTREAMS.json
import { readFileSync } from 'node:fs'
import http from 'node:http'
// @ts-expect-error It brings no types.
import httpProxy from 'http-proxy'

const [port, file = ''] = process.argv.slice(2)
/** @type {{ host: string, port: number }[]} */
const upstreams = JSON.parse(readFileSync(file, 'utf8'))
const agent = new http.Agent({ keepAlive: true })
const proxy = httpProxy.createProxyServer({ agent })
let next = 0

proxy.on(
  'error',
  (/** @type {Error} */ _error, /** @type {unknown} */ _request, /** @type {http.ServerResponse} */ response) => {
    response.writeHead(502).end()
  },
)

http
  .createServer((request, response) => {
    proxy.web(request, response, { target: upstreams[next++ % upstreams.length] })
  })
  .listen(Number(port), '127.0.0.1')
