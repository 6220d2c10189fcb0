import type { Balancer } from '@baton/core'
import { assertObject, metricsOf, nodeOf, viewOf } from './answers.ts'
import { type AdminApi, type AdminRequest, askAdmin } from './ask.ts'

export interface AdminApiBalancerOptions extends AdminApi {
  readonly driver: string
  readonly supports: Balancer['supports']
}

/**
 * A balancer with the admin API that our own balancers have: the embedded one, and the one inside of nginx.
 *
 * A balancer that does not answer may be restarting: calls are tried again until their signal aborts, and only then fail
 * with `balancer-unreachable`. Refusals carry the balancer's own code, `stale-token` and `unknown-node` among them; an
 * answer that is not what the API promises is `balancer-answer-invalid`.
 */
export function createAdminApiBalancer({ driver, supports, ...api }: AdminApiBalancerOptions): Balancer {
  const ask = (signal: AbortSignal, request: AdminRequest) => askAdmin(api, request, signal)
  const pathOf = (node: string) => `/v1/nodes/${encodeURIComponent(node)}`

  return {
    driver,
    supports,

    async inspect({ signal }) {
      return viewOf(await ask(signal, { method: 'GET', path: '/v1/nodes' }))
    },

    async set(node, { admin, weight }, { signal, token }) {
      nodeOf(await ask(signal, { method: 'PUT', path: pathOf(node), token, body: { admin, weight } }))
    },

    async closeLongLived(node, { signal, token }) {
      assertObject(await ask(signal, { method: 'POST', path: `${pathOf(node)}/close-long-lived`, token }))
    },

    async fence({ signal, token }) {
      assertObject(await ask(signal, { method: 'POST', path: '/v1/fence', token }))
    },

    async metrics(node, { signal }) {
      return metricsOf(await ask(signal, { method: 'GET', path: `${pathOf(node)}/metrics` }))
    },
  }
}
