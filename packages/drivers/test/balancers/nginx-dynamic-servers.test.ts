import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { tempDir } from '@baton/testkit'
import { expect, test, vi } from 'vitest'
import { createNginxDynamicBalancer } from '../../src/balancers/nginx/dynamic/dynamic-balancer.ts'
import { writeDynamic } from '../nginx/dynamic-nginx.ts'
import { call, PATIENCE, useDynamicNginx } from '../nginx/use-dynamic-nginx.ts'

const { apps, start, client, counts } = useDynamicNginx()

test('works behind several server blocks of the user’s own, TLS and HTTP/2 among them', async () => {
  const keys = await tempDir()
  const [key, certificate] = [join(keys.path, 'key.pem'), join(keys.path, 'cert.pem')]
  const subject = ['-nodes', '-subj', '/CN=shop', '-days', '1', '-keyout', key, '-out', certificate]
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    ...subject,
  ])
  const { ownPort, balancer } = await start({
    workers: 2,
    http: (port) => `server {
      listen 127.0.0.1:${port} ssl http2;
      ssl_certificate ${certificate};
      ssl_certificate_key ${key};
      location / { proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }`,
  })
  await balancer.set('web-2', { admin: 'out' }, call())
  const session = connectHttp2(`https://127.0.0.1:${ownPort}`, { rejectUnauthorized: false })
  const asked = Array.from({ length: 10 }, (_, index) => session.request({ ':path': `/after/${index % 2 ? 300 : 0}` }))
  const plain = client().send('/after/300')
  await vi.waitFor(async () => expect(await counts()).toEqual([6, 0]), PATIENCE)
  asked[1]?.close()
  await vi.waitFor(async () => expect((await counts())[0]).toBeLessThan(6), PATIENCE)
  const bodies = await Promise.all(asked.map((stream) => text(stream)))
  expect(bodies.filter((body) => body.startsWith('web-1'))).toHaveLength(9)
  expect((await plain).status).toBe(200)
  session.close()
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  await keys.remove()
})

test('two apps of Baton in one nginx do not know of each other', async () => {
  const { nginx, balancer, ownPort } = await start()
  const [one, two] = apps()
  const stateDir = join(nginx.folder, 'blog')
  await mkdir(stateDir, { mode: 0o700 })
  const listen = { host: '127.0.0.1', port: ownPort }
  await writeDynamic({ name: 'my-blog', token: '1', nodes: [one, two], listen, stateDir, include: nginx.include })
  await nginx.reload()
  const blog = createNginxDynamicBalancer({ stateDir })
  await blog.set('web-1', { admin: 'out' }, call())
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ state: 'serving' }, { state: 'serving' }] })
  expect(await blog.inspect(call())).toMatchObject({ nodes: [{ state: 'drained' }, { state: 'serving' }] })
  await balancer.set('web-2', { admin: 'out' }, call())
  const answers = [client().send('/after/200'), client(ownPort).send('/after/200')]
  await vi.waitFor(async () => expect(await counts()).toEqual([1, 0]), PATIENCE)
  expect((await blog.inspect(call())).nodes.map(({ inflight }) => inflight)).toEqual([0, 1])
  expect((await Promise.all(answers)).map(({ node }) => node)).toEqual(['web-1', 'web-2'])
})

test('speaks IPv6 to nodes that are there', async () => {
  const server = createServer((_, response) => response.end('six')).listen(0, '::1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const { nginx, install, balancer } = await start()
  await install([{ id: 'six', host: '::1', port, weight: 1 }], 'beef')
  await nginx.reload()
  // Until it has heard of the reload, a worker from before it may answer.
  const wanted = [{ id: 'six', address: `[::1]:${port}` }]
  await vi.waitFor(async () => expect((await balancer.inspect(call())).nodes).toMatchObject(wanted), PATIENCE)
  await vi.waitUntil(async () => (await client().send('/')).body === 'six', PATIENCE)
  server.close()
  server.closeAllConnections()
})

test('tells Prometheus what the embedded balancer tells it', async () => {
  const { adminSocket } = await start()
  await client().send('/')
  const found = await vi.waitUntil(async () => {
    const body = await get('/metrics', adminSocket ?? '')
    return body.includes('baton_exchanges_total{node="web-1"} 1') && body
  }, PATIENCE)
  expect(found).toContain('# TYPE baton_request_duration_seconds histogram')
  expect(found).toContain('baton_request_duration_seconds_bucket{le="+Inf",node="web-1"} 1')
  expect(found).toContain('baton_requests_total{node="web-1",status="2xx"} 1')
  expect(found).toContain('baton_node_state{node="web-2",state="serving"} 1')
})

function get(path: string, socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, (answer) => resolve(text(answer)))
      .on('error', reject)
      .end()
  })
}
