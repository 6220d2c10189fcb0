import type { Balancer } from '@baton/core'
import { freePorts, needServer } from '@baton/testkit'
import { afterEach, beforeEach } from 'vitest'
import { type Client, createClient } from '../balancers/client.ts'
import { type AppServer, startAppServer } from './app-server.ts'
import { type DynamicNginx, startDynamicNginx } from './dynamic-nginx.ts'

/** For each test of a file: app servers, an nginx in front of them on request, and clients; all closed at its end. */
export interface DynamicNginxBed {
  readonly apps: () => readonly [AppServer, AppServer]
  start(options?: BedOptions): Promise<StartedNginx>
  /** Of the port that Baton's own server block listens on, or of another. */
  client(port?: number): Client
  /** In flight, in the order of the nodes. */
  counts(): Promise<readonly (number | null)[]>
}

export interface BedOptions {
  readonly workers?: number
  readonly nodes?: readonly AppServer[]
  /** More at http level; `port` is a free one for it. */
  readonly http?: (port: number) => string
}

export interface StartedNginx extends DynamicNginx {
  readonly balancer: Balancer
  readonly ownPort: number
}

export const PATIENCE = { timeout: 15_000, interval: 10 }

export function call(token = 1) {
  return { signal: AbortSignal.timeout(15_000), token }
}

export function useDynamicNginx(weights: readonly [number, number] = [10, 10]): DynamicNginxBed {
  let apps: readonly [AppServer, AppServer]
  let rig: StartedNginx | undefined
  let clients: Client[] = []

  beforeEach(async (context) => {
    needServer('nginx', context)
    apps = await Promise.all([startAppServer('web-1', weights[0]), startAppServer('web-2', weights[1])])
  })

  afterEach(async () => {
    for (const client of clients) client.close()
    clients = []
    await rig?.close()
    rig = undefined
    await Promise.all(apps.map((app) => app.close()))
  })

  return {
    apps: () => apps,
    async start({ workers = 1, nodes = apps, http } = {}) {
      const [ownPort = 0] = await freePorts(1)
      const started = await startDynamicNginx({ backends: nodes, workers, http: http?.(ownPort) ?? '' })
      rig = { ...started, balancer: started.connect(), ownPort }
      return rig
    },
    client(port = rig?.address.port ?? 0) {
      const client = createClient({ host: '127.0.0.1', port })
      clients.push(client)
      return client
    },
    async counts() {
      const view = await rig?.balancer.inspect(call())
      return view?.nodes.map(({ inflight }) => inflight) ?? []
    },
  }
}
