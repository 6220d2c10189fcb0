import { type KeeperEvent, keepProxyRunning, type ProxyConfig, type ProxyKeeper } from '@baton/proxy'
import { onTestFinished } from 'vitest'
import { type AdminClient, adminAt } from './admin.ts'

export interface KeeperInTest extends ProxyKeeper {
  readonly admin: AdminClient
  readonly events: readonly KeeperEvent[]
}

/** A kept balancer in processes of its own, from the built package. */
export async function keep(config: ProxyConfig, folder: string): Promise<KeeperInTest> {
  const events: KeeperEvent[] = []
  const keeper = await keepProxyRunning({ config, folder, onEvent: (event) => events.push(event) })
  onTestFinished(() => keeper.stop({ graceMs: 0 }))
  return { ...keeper, admin: adminAt(config.admin), events }
}
