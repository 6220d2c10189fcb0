import type { Directive } from '../directive.ts'
import { type NginxRule, nodesIn, parameter, whereOf, within } from '../site.ts'

const stickyMethods = ['ip_hash', 'hash', 'sticky', 'sticky_cookie_insert']

/** What stands in the upstream itself. */
export const poolRules: readonly NginxRule[] = [
  {
    id: 'down-with-max-fails',
    check({ pool }) {
      const servers = within(pool, 'server')
      const down = servers.find((server) => server.args.includes('down'))
      const survivor = servers.find((server) => !server.args.includes('down') && canBeEjected(server))
      if (down === undefined || survivor === undefined) return []
      const message =
        `${down.args[0]} is down and ${survivor.args[0]} has max_fails=${parameter(survivor, 'max_fails') ?? '1 (the default)'}: ` +
        'nginx still counts a server that is down, so one failed request on the last survivor is a 502 for everybody ' +
        `for ${parameter(survivor, 'fail_timeout') ?? '10s'}`
      const remedy = `remove the line of ${down.args[0]}, or write max_fails=0 at the other servers`
      return [{ level: 'problem', where: whereOf(down), message, remedy }]
    },
  },
  {
    id: 'max-fails-in-pair',
    check({ pool }) {
      const serving = within(pool, 'server').filter(({ args }) => !args.includes('down') && !args.includes('backup'))
      const [first, second] = serving
      if (first === undefined || second === undefined || serving.length > 2) return []
      const ejectable = serving.find(canBeEjected)
      if (ejectable === undefined) return []
      const message =
        'with two servers and max_fails other than 0, one failed request on each within fail_timeout puts both out: a 502 for ' +
        `everybody for ${parameter(ejectable, 'fail_timeout') ?? '10s'}, while a node restarts for example`
      const remedy = `server ${first.args[0]} max_fails=0; and server ${second.args[0]} max_fails=0;`
      return [{ level: 'warning', where: whereOf(ejectable), message, remedy }]
    },
  },
  {
    id: 'sticky-upstream',
    check(site) {
      const upstreams = site.all.filter(({ name }) => name === 'upstream')
      const ours = upstreams.filter((upstream) => upstream === site.pool || nodesIn(site, upstream).length > 0)
      return ours.flatMap((upstream) =>
        (upstream.block ?? [])
          .filter(({ name }) => stickyMethods.includes(name))
          .map((method) => ({
            level: 'problem' as const,
            where: whereOf(method),
            message:
              `${method.name} binds users to nodes: shares no longer follow the weights, and each deploy moves every user of a ` +
              'drained node at once. Sessions are shared between the nodes, nobody needs to be bound',
            remedy: `remove the line "${[method.name, ...method.args].join(' ')};"`,
          })),
      )
    },
  },
]

function canBeEjected(server: Directive): boolean {
  return parameter(server, 'max_fails') !== '0'
}
