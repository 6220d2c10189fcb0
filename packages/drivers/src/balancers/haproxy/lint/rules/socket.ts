import type { Line } from '../sections.ts'
import type { HaproxyRule, HaproxySite } from '../site.ts'

/** The runtime API that Baton speaks. */
export const socketRules: readonly HaproxyRule[] = [
  {
    id: 'socket-missing',
    check(site) {
      if (ours(site) !== undefined) return []
      const message = `HAProxy has no stats socket at ${site.options.socket}: Baton cannot reach it, and no deploy can begin`
      const remedy = `stats socket ${site.options.socket} mode 600 level admin; in global, or balancer.socket in baton.yaml`
      return [{ level: 'problem', where: site.where({ line: site.globalLine }), message, remedy }]
    },
  },
  {
    id: 'socket-not-admin',
    check(site) {
      const socket = ours(site)
      const level = socket === undefined ? 'admin' : (after(socket, 'level') ?? 'operator (the default)')
      if (socket === undefined || level === 'admin') return []
      const message = `the stats socket has level ${level}: HAProxy refuses to drain a node through it`
      const remedy = `stats socket ${site.options.socket} mode 600 level admin`
      return [{ level: 'problem', where: site.where(socket), message, remedy }]
    },
  },
  {
    id: 'socket-open',
    check(site) {
      return sockets(site).flatMap((socket) => {
        const address = socket.args[1] ?? ''
        if (after(socket, 'level') !== 'admin') return []
        const opening = openTo(address, after(socket, 'mode'))
        if (opening === null) return []
        const message = `the stats socket ${address} ${opening.why}: whoever reaches it can take every node out`
        const path = address.includes('/') ? address : site.options.socket
        const remedy = `stats socket ${path} mode 600 level admin`
        return [{ level: opening.level, where: site.where(socket), message, remedy }]
      })
    },
  },
]

function sockets(site: HaproxySite): readonly Line[] {
  return site.global.filter(({ keyword, args }) => keyword === 'stats' && args[0] === 'socket')
}

function ours(site: HaproxySite): Line | undefined {
  return sockets(site).find(({ args }) => args[1]?.replace(/^unix@/, '') === site.options.socket)
}

function after(line: Line, name: string): string | null {
  const at = line.args.indexOf(name)
  return at === -1 ? null : (line.args[at + 1] ?? null)
}

function openTo(address: string, mode: string | null): { level: 'problem' | 'warning'; why: string } | null {
  const isPath = address.startsWith('/') || address.startsWith('unix@')
  // fd@ and abns@ are handed over by, or known to, local processes only.
  if (!isPath)
    return /^(fd|abns|sockpair)@/.test(address)
      ? null
      : { level: 'problem', why: 'is a port, which has no owner and no mode' }
  if (mode === null)
    return { level: 'warning', why: 'has no mode, so that it depends on the umask of who starts HAProxy' }
  const bits = Number.parseInt(mode, 8)
  if ((bits & 0o007) !== 0) return { level: 'problem', why: `has mode ${mode}, open to every user` }
  return (bits & 0o070) === 0 ? null : { level: 'warning', why: `has mode ${mode}, open to its group` }
}
