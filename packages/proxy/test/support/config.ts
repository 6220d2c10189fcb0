import { join } from 'node:path'
import type { ProxyConfig } from '../../src/process/config.ts'

/** A configuration whose files are in `folder`; port 0, and checks so rare that only tests about them see any. */
export function configIn(
  folder: string,
  nodes: Readonly<Record<string, { readonly port: number; readonly weight?: number }>>,
  more: Partial<ProxyConfig> = {},
): ProxyConfig {
  return {
    name: 'shop',
    listen: { host: '127.0.0.1', port: 0 },
    admin: join(folder, 'admin.sock'),
    state: join(folder, 'state.json'),
    nodes: Object.entries(nodes).map(([id, { port, weight = 10 }]) => ({ id, host: '127.0.0.1', port, weight })),
    health: {
      type: 'http',
      path: '/health',
      status: [[200, 399]],
      intervalMs: 3_600_000,
      timeoutMs: 1_000,
      rise: 2,
      fall: 2,
    },
    stopGraceMs: 10_000,
    ...more,
  }
}

/** Checks as often as a test wants them. */
export function quickHealth(config: ProxyConfig): ProxyConfig['health'] {
  return { ...config.health, intervalMs: 20 }
}
