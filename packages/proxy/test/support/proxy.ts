import { onTestFinished } from 'vitest'
import type { ProxyConfig } from '../../src/process/config.ts'
import { type RunningProxy, startProxy } from '../../src/process/proxy.ts'
import { type AdminClient, adminAt } from './admin.ts'

export interface ProxyInTest extends RunningProxy {
  readonly admin: AdminClient
  readonly port: number
}

/** A balancer in this process. */
export async function runProxy(config: ProxyConfig): Promise<ProxyInTest> {
  const proxy = await startProxy(config)
  onTestFinished(() => proxy.stop({ graceMs: 0 }))
  return { ...proxy, admin: adminAt(config.admin), port: proxy.address.port }
}
