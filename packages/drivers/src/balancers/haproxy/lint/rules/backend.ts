import type { Line, Section } from '../sections.ts'
import { addressKey, namesOf, serversOf } from '../servers.ts'
import { inEffect } from '../settings.ts'
import { backendRule, type HaproxyRule, type HaproxySite } from '../site.ts'

/** The backend, its servers, and the ways to them. */
export const backendRules: readonly HaproxyRule[] = [
  {
    id: 'backend-missing',
    check(site) {
      if (site.backend !== null) return []
      const message = `there is no backend ${site.options.backend}: Baton has no servers to drain, and no deploy can begin`
      const remedy = 'baton balancer config prints the section to paste; or balancer.backend in baton.yaml'
      return [{ level: 'problem', where: `${site.options.file}:1`, message, remedy }]
    },
  },
  backendRule('backend-unused', (backend, site) => {
    const leads = site.sections.flatMap(({ lines }) =>
      lines.filter(({ keyword }) => keyword === 'use_backend' || keyword === 'default_backend'),
    )
    // `use_backend %[…]` may lead anywhere.
    const isUsed = leads.some(({ args }) => args[0] === backend.name || args[0]?.includes('%['))
    if (backend.kind === 'listen' || isUsed) return []
    const message = `no frontend leads to backend ${backend.name}: a deploy would drain nodes that get no traffic from here`
    const remedy = `default_backend ${backend.name}; in your frontend`
    return [{ level: 'warning', where: site.where(backend), message, remedy }]
  }),
  backendRule('mode-tcp', (backend, site) => {
    const setting = inEffect(backend, 'mode').at(-1)
    if (setting?.args[0] === 'http') return []
    const message =
      `backend ${backend.name} has mode ${setting?.args[0] ?? 'tcp (the default)'}: HAProxy sees connections and no requests, so ` +
      'that a drain waits until every client has closed'
    return [{ level: 'problem', where: site.where(setting ?? backend), message, remedy: 'mode http' }]
  }),
  backendRule('server-missing', missing),
  backendRule('server-differs', moved),
  backendRule('server-unknown', (backend, site) =>
    serversOf(backend)
      .filter(({ name }) => !site.options.nodes.some(({ id }) => id === name))
      .map(({ name, address, line }) => ({
        level: 'warning',
        where: site.where({ line }),
        message: `server ${name} is no node of baton.yaml: it gets requests, and stays on the old release for ever`,
        remedy: `under nodes in baton.yaml: ${name}: { address: "${address}" }, or remove the line`,
      })),
  ),
  backendRule('check-missing', (backend, site) => {
    const unchecked = serversOf(backend).filter(
      ({ parameters }) => parameters.lastIndexOf('check') <= parameters.lastIndexOf('no-check'),
    )
    const [first] = unchecked
    if (first === undefined) return []
    const message =
      `nothing checks ${namesOf(unchecked)}: if a node dies, requests go on being sent to it until each has failed to ` +
      'connect'
    const remedy = 'default-server check inter 1s; above the servers'
    return [{ level: 'warning', where: site.where(first), message, remedy }]
  }),
  backendRule('sticky-backend', (backend, site) =>
    backend.lines.filter(bindsUsers).map((line) => ({
      level: 'problem',
      where: site.where(line),
      message:
        `"${[line.keyword, ...line.args].join(' ')}" binds users to nodes: HAProxy sends them to a draining node all the same, ` +
        'and the drain may never end. Sessions are shared between the nodes, nobody needs to be bound',
      remedy: line.keyword === 'balance' ? 'balance roundrobin' : 'remove the line',
    })),
  ),
  {
    id: 'node-in-other-backend',
    check(site) {
      const nodes = nodeAddresses(site)
      const others = site.sections.filter(
        (section) => section !== site.backend && (section.kind === 'backend' || section.kind === 'listen'),
      )
      return others.flatMap((section) =>
        serversOf(section).flatMap(({ address, line }) => {
          const node = nodes.get(addressKey(address) ?? '')
          if (node === undefined) return []
          const message =
            `${section.kind} ${section.name} sends requests to ${node} as well, past Baton: they go on while it is drained and ` +
            'fail when it stops'
          const remedy = `use_backend ${site.options.backend}; instead of ${section.name}`
          return [{ level: 'problem', where: site.where({ line }), message, remedy }]
        }),
      )
    },
  },
]

function missing(backend: Section, site: HaproxySite) {
  const names = serversOf(backend).map(({ name }) => name)
  // server-template names its servers itself: <prefix><number>.
  const templates = backend.lines
    .filter(({ keyword }) => keyword === 'server-template')
    .map(({ args }) => args[0] ?? '')
  return site.options.nodes
    .filter(({ id }) => !names.includes(id) && !templates.some((prefix) => id.startsWith(prefix)))
    .map(({ id, address }) => ({
      level: 'problem' as const,
      where: site.where(backend),
      message: `backend ${backend.name} has no server ${id}: Baton cannot drain this node, nor give it traffic`,
      remedy: `server ${id} ${hostAndPort(address)} check; in backend ${backend.name}`,
    }))
}

function moved(backend: Section, site: HaproxySite) {
  return serversOf(backend).flatMap(({ name, address, line }) => {
    const node = site.options.nodes.find(({ id }) => id === name)
    const key = addressKey(address)
    if (node === undefined || key === null || key === addressKey(hostAndPort(node.address))) return []
    const message =
      `server ${name} has the address ${address}, in baton.yaml it is ${hostAndPort(node.address)}: Baton would drain one app ` +
      'and stop another'
    const remedy = `server ${name} ${hostAndPort(node.address)} check`
    return [{ level: 'problem' as const, where: site.where({ line }), message, remedy }]
  })
}

function bindsUsers({ keyword, args, negated }: Line): boolean {
  if (negated) return false
  if (keyword === 'balance') return /^(source|uri|url_param|hdr|rdp-cookie|hash)/.test(args[0] ?? '')
  if (keyword === 'stick') return args[0] === 'on' || args[0] === 'match'
  return keyword === 'cookie' || keyword === 'force-persist' || (keyword === 'option' && args[0] === 'persist')
}

function nodeAddresses(site: HaproxySite): ReadonlyMap<string, string> {
  return new Map(site.options.nodes.map(({ id, address }) => [addressKey(hostAndPort(address)) ?? id, id]))
}

function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
