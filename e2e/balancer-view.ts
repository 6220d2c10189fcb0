import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Balancer, BalancerView } from '@baton/core'
import { createEmbeddedBalancer, createHaproxyBalancer, createNginxDynamicBalancer } from '@baton/drivers'
import { type FrontKind, needServer, type SkippableTest } from '@baton/testkit'

/** Looks at the balancer of the site in `folder`, and changes nothing there. */
export async function openView(kind: FrontKind, folder: string): Promise<() => Promise<BalancerView>> {
  const balancer = await openBalancer(kind, folder)
  return () => balancer.inspect({ signal: AbortSignal.timeout(20_000) })
}

/** Skips the test where a server that this balancer takes is not installed. */
export function needFront(kind: FrontKind, test: SkippableTest): void {
  if (kind === 'haproxy') needServer('haproxy', test)
  if (kind === 'nginx') for (const name of ['nginx', 'nginx-lua'] as const) needServer(name, test)
}

async function openBalancer(kind: FrontKind, folder: string): Promise<Balancer> {
  switch (kind) {
    case 'embedded':
      return createEmbeddedBalancer({ socketPath: join(folder, '.baton/balancer.sock') })
    case 'nginx':
      return createNginxDynamicBalancer({ stateDir: join(folder, '.baton/nginx') })
    case 'haproxy': {
      const [, socketPath = ''] = /"socket":"([^"]+)"/.exec(await readFile(join(folder, 'baton.yaml'), 'utf8')) ?? []
      // With a state of its own, in which nothing is wanted: it sets nothing right.
      return createHaproxyBalancer({ socketPath, backend: 'rig', stateDir: join(folder, 'watcher') })
    }
  }
}
