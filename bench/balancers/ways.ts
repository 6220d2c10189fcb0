import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Balancer, HealthConfig } from '@baton/core'
import {
  createEmbeddedBalancer,
  createHaproxyBalancer,
  createNginxDynamicBalancer,
  createNginxReloadBalancer,
  installNginxDynamic,
  installNginxReload,
  renderHaproxy,
  serverStateFileOf,
} from '@baton/drivers'
import { startHaproxy, startNginx, waitFor } from '@baton/testkit'
import { startServerProcess } from '../proxy/server-process.ts'
import { startByHand } from './by-hand.ts'
import { nginxWorkers, type RunningWay, type Way, type WaySite } from './way.ts'

export const ways: readonly Way[] = [
  { name: 'embedded', needs: [], expected: 'clean', start: startEmbedded },
  { name: 'nginx, dynamic', needs: ['nginx', 'nginx-lua'], expected: 'clean', start: startNginxDynamic },
  { name: 'haproxy', needs: ['haproxy'], expected: 'clean', start: startHaproxyWay },
  { name: 'nginx, reload mode', needs: ['nginx'], expected: null, start: startNginxReload },
  {
    name: 'nginx by hand, line removed',
    needs: ['nginx'],
    expected: 'failures',
    start: (site) => startByHand(site, { lineOf: () => '' }),
  },
  {
    name: 'nginx by hand, `down`',
    needs: ['nginx'],
    expected: 'failures',
    start: (site) => startByHand(site, { lineOf: (server) => `server ${server} down;` }),
  },
]

const name = 'shop'
const patienceMs = 30_000
const pollMs = 10

const health: HealthConfig = {
  type: 'http',
  path: '/health',
  status: [[200, 399]],
  intervalMs: 250,
  timeoutMs: 2_000,
  rise: 3,
  fall: 3,
  deadlineMs: 60_000,
}

async function startEmbedded({ folder, listen, nodes }: WaySite): Promise<RunningWay> {
  const socketPath = join(folder, 'admin.sock')
  const proxied = nodes.map(({ id, address, weight }) => ({ id, ...address, weight }))
  const config = { name, listen, admin: socketPath, state: join(folder, 'state.json'), nodes: proxied, health }
  await writeFile(join(folder, 'baton.json'), JSON.stringify(config))
  const argv = [process.execPath, fileURLToPath(import.meta.resolve('@baton/proxy/main')), 'baton.json']
  const url = `http://${listen.host}:${listen.port}/health`
  const server = await startServerProcess(argv, { cwd: folder, url })
  return { ...driven(createEmbeddedBalancer({ socketPath })), stop: server.stop }
}

async function startNginxDynamic({ listen, nodes }: WaySite): Promise<RunningWay> {
  const nginx = await startNginx({ workers: nginxWorkers })
  const stateDir = join(nginx.folder, 'state')
  const options = { name, command: nginx.command, include: nginx.include, stateDir, listen, nodes }
  return orClosed(nginx.close, async () => {
    await installNginxDynamic(options, AbortSignal.timeout(patienceMs))
    return { ...driven(createNginxDynamicBalancer({ stateDir })), stop: nginx.close }
  })
}

async function startNginxReload({ listen, nodes }: WaySite): Promise<RunningWay> {
  const nginx = await startNginx({ workers: nginxWorkers })
  const stateDir = join(nginx.folder, 'state')
  const options = { name, command: nginx.command, include: nginx.include, stateDir, listen }
  return orClosed(nginx.close, async () => {
    await installNginxReload({ ...options, nodes }, AbortSignal.timeout(patienceMs))
    return { ...driven(createNginxReloadBalancer(options)), stop: nginx.close }
  })
}

async function startHaproxyWay({ folder, listen, nodes }: WaySite): Promise<RunningWay> {
  const stateDir = join(folder, 'state')
  const { socketPath, stop } = await startHaproxy({
    config: ({ socketPath }) =>
      renderHaproxy({
        backend: name,
        socketPath,
        serverStateFile: serverStateFileOf(stateDir),
        nodes,
        health,
        listen,
      }),
  })
  return { ...driven(createHaproxyBalancer({ socketPath, backend: name, stateDir })), stop }
}

/** As a deploy does it: out, and looked at until the balancer itself says that the node is drained. */
function driven(balancer: Balancer): Omit<RunningWay, 'stop'> {
  const call = () => ({ signal: AbortSignal.timeout(patienceMs), token: 1 })
  return {
    async takeOut(node) {
      await balancer.set(node, { admin: 'out' }, call())
      const isDrained = async () => {
        const { nodes } = await balancer.inspect(call())
        return nodes.find(({ id }) => id === node)?.state === 'drained'
      }
      await waitFor(isDrained, { what: `${node} to be drained`, timeoutMs: patienceMs, intervalMs: pollMs })
    },
    putBack: (node) => balancer.set(node, { admin: 'in' }, call()),
  }
}

async function orClosed(close: () => Promise<void>, work: () => Promise<RunningWay>): Promise<RunningWay> {
  try {
    return await work()
  } catch (error) {
    await close()
    throw error
  }
}
