import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts, needServer, runCli, startHaproxy, startNginx, tempDir } from '@baton/testkit'
import { expect, onTestFinished, test } from 'vitest'

interface Result {
  readonly id: string
  readonly level: string
  readonly subject: string
  readonly remedy?: string
}

test('baton check tells what in a running nginx is in the way of deploys, and nothing once it is mended', {
  timeout: 60_000,
}, async (context) => {
  needServer('nginx', context)
  needServer('nginx-lua', context)
  const site = await openSite()
  onTestFinished(site.close)
  const nginx = await startNginx()
  onTestFinished(nginx.close)
  const { command, include } = nginx
  await site.write({ driver: 'nginx', command, include })

  expect(await site.found()).toContainEqual(expect.objectContaining({ id: 'nginx/upstream-missing', level: 'problem' }))
  expect((await site.run('balancer', 'install')).exitCode).toBe(0)

  const file = join(include, 'own.conf')
  const [port = 0] = await freePorts(1)
  await writeFile(file, serverBlock(port, 'proxy_next_upstream error http_502;'))
  await nginx.reload()
  const found = await site.found()
  expect(found.map(({ id }) => id).sort()).toEqual([
    'nginx/connection-header',
    'nginx/proxy-http-version',
    'nginx/retry-on-answer',
    'nginx/worker-shutdown-timeout-missing',
  ])
  for (const { remedy } of found) expect(remedy).toMatch(/./)
  expect(found[0]?.subject).toMatch(/\.conf:\d+$/)

  await writeFile(file, serverBlock(port, 'proxy_http_version 1.1; proxy_set_header Connection "";'))
  await writeFile(
    join(nginx.folder, 'nginx.conf'),
    `worker_shutdown_timeout 60s;\n${await readFile(join(nginx.folder, 'nginx.conf'), 'utf8')}`,
  )
  await nginx.reload()
  expect(await site.found()).toEqual([])
})

test('baton check states what nginx in reload mode cannot promise', { timeout: 60_000 }, async (context) => {
  needServer('nginx', context)
  const site = await openSite()
  onTestFinished(site.close)
  const { command, include, close } = await startNginx()
  onTestFinished(close)
  await site.write({ driver: 'nginx', mode: 'reload', command, include })
  const { stdout } = await site.run('check')
  expect(stdout).toMatch(/cannot promise that no request fails.*of .* requests failed over/)
  expect(stdout).toContain('libnginx-mod-http-lua')
})

test('baton check compares a running HAProxy and its files with baton.yaml', { timeout: 60_000 }, async (context) => {
  needServer('haproxy', context)
  const site = await openSite()
  onTestFinished(site.close)
  const [port = 0] = await freePorts(1)
  const haproxy = await startHaproxy({
    async config({ socketPath }) {
      await site.write({ driver: 'haproxy', socket: socketPath, listen: `127.0.0.1:${port}` })
      const { stdout } = await site.run('balancer', 'config')
      return stdout
        .replace('127.0.0.1:3002', '127.0.0.1:3009')
        .replace('retry-on conn-failure', 'retry-on all-retryable-errors')
    },
  })
  onTestFinished(haproxy.stop)

  const found = await site.found()
  expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(['haproxy/server-differs', 'haproxy/retry-on-sent']))

  await writeFile(haproxy.configFile, (await site.run('balancer', 'config')).stdout)
  await haproxy.reload()
  expect(await site.found()).toEqual([])
})

/** As most write it. */
function serverBlock(port: number, more: string): string {
  return `server { listen 127.0.0.1:${port}; location / { proxy_pass http://shop; ${more} } }\n`
}

async function openSite() {
  const dir = await tempDir()
  const run = (...args: readonly string[]) => runCli(args, { cwd: dir.path })
  return {
    run,
    write: (balancer: object) =>
      writeFile(
        join(dir.path, 'baton.yaml'),
        `name: shop
balancer: ${JSON.stringify(balancer)}
app: { command: node server.js }
nodes: { web-1: { address: 127.0.0.1:3001 }, web-2: { address: 127.0.0.1:3002 } }
`,
      ),
    /** What is not well with the balancer's configuration. */
    async found(): Promise<Result[]> {
      const { stdout } = await run('check', '--json')
      const results = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Result)
      return results.filter(({ id, level }) => /^(nginx|haproxy)/.test(id) && level !== 'ok')
    },
    close: dir.remove,
  }
}
