import { type AdminAnswer, callAdmin } from '../../src/admin/client.ts'
import type { ProxyView } from '../../src/admin/server.ts'
import type { NodeView } from '../../src/table/table.ts'

export interface AdminClient {
  call(
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    more?: { token?: number | string; body?: unknown },
  ): Promise<AdminAnswer>
  view(): Promise<ProxyView>
  node(id: string): Promise<NodeView>
}

export function adminAt(socketPath: string): AdminClient {
  const client: AdminClient = {
    call: (method, path, { token, body } = {}) =>
      callAdmin(socketPath, {
        method,
        path,
        headers: token === undefined ? {} : { 'baton-token': String(token) },
        body,
        timeoutMs: 10_000,
      }),
    async view() {
      const { status, body } = await client.call('GET', '/v1/nodes')
      if (status !== 200) throw new Error(`GET /v1/nodes answered ${status}: ${JSON.stringify(body)}`)
      return body as ProxyView
    },
    async node(id) {
      return (await client.view()).nodes.find((node) => node.id === id)!
    },
  }
  return client
}
