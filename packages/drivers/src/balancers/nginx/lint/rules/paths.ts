import { addressKey } from '../address.ts'
import { includes } from '../dump.ts'
import { inEffect, type NginxRule, nodesIn, passTarget, whereOf } from '../site.ts'

/** The ways of a request to the nodes: all of them through the one upstream that Baton controls. */
export const pathRules: readonly NginxRule[] = [
  {
    id: 'include-missing',
    check({ options, mainFile, ...site }) {
      const folder = options.include.replace(/\/+$/, '')
      const file = `${folder}/baton-${options.name}.conf`
      const isRead = site.includes.some(
        ({ pattern, directive }) => directive.parent?.name === 'http' && includes(pattern, file),
      )
      if (isRead) return []
      const message = `no include in http reads ${file}: what Baton writes there has no effect`
      const remedy = `include ${folder}/*.conf; in the http block of ${mainFile}, or balancer.include in baton.yaml`
      return [{ level: 'problem', where: `${mainFile}:1`, message, remedy }]
    },
  },
  {
    id: 'upstream-missing',
    check({ pool, options, mainFile }) {
      if (pool !== null) return []
      const message = `there is no upstream ${options.name} yet: nginx knows of no nodes, and no deploy can begin`
      return [{ level: 'problem', where: `${mainFile}:1`, message, remedy: 'baton balancer install' }]
    },
  },
  {
    id: 'upstream-unused',
    check({ pool, passes, options }) {
      if (pool === null || passes.length > 0) return []
      const message = `nothing passes requests to http://${options.name}: a deploy would drain nodes that get no traffic from here`
      const remedy = `proxy_pass http://${options.name}; in your location, or balancer.listen in baton.yaml`
      return [{ level: 'warning', where: whereOf(pool), message, remedy }]
    },
  },
  {
    id: 'node-in-other-upstream',
    check(site) {
      const others = site.all.filter((directive) => directive.name === 'upstream' && directive !== site.pool)
      return others.flatMap((upstream) => {
        const nodes = nodesIn(site, upstream)
        if (nodes.length === 0) return []
        const message =
          `upstream ${upstream.args[0]} sends requests to ${nodes.join(', ')} as well, past Baton: they go on while a node is ` +
          'drained and fail when it stops'
        const remedy = `proxy_pass http://${site.options.name}; wherever ${upstream.args[0]} is used, and remove this upstream`
        return [{ level: 'problem', where: whereOf(upstream), message, remedy }]
      })
    },
  },
  {
    id: 'node-passed-directly',
    check(site) {
      return site.all.flatMap((pass) => {
        const host = passTarget(pass)?.host
        const key = host ? addressKey(host, pass.args[0]?.startsWith('https') ? 443 : 80) : null
        const node = key === null ? undefined : site.nodes.get(key)
        if (node === undefined) return []
        const message = `requests go straight to ${node}, past Baton: they go on while it is drained and fail when it stops`
        return [{ level: 'problem', where: whereOf(pass), message, remedy: `proxy_pass http://${site.options.name};` }]
      })
    },
  },
  {
    id: 'pass-by-variable',
    check({ all, options }) {
      return all
        .filter((pass) => passTarget(pass)?.host === null)
        .map((pass) => ({
          level: 'warning',
          where: whereOf(pass),
          message:
            `where ${pass.args[0]} leads depends on the request: nothing can say whether it reaches the nodes past Baton` +
            (inEffect(pass, 'resolver').length > 0 ? ', by names that are looked up at run time' : ''),
          remedy: `proxy_pass http://${options.name}; if it means the nodes`,
        }))
    },
  },
]
