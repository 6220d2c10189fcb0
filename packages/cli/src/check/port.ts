import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Address, formatAddress } from '@baton/core'
import type { Checks } from './check.ts'
import { codeOf, ok, problem, type Verdict } from './verdict.ts'

/** The balancer's address and those of the nodes that Baton starts; what others start is expected to be there. */
export const portChecks: Checks = ({ balancer, nodes }, { running }) => {
  const listeners = [
    ...(balancer.driver === 'embedded'
      ? [{ subject: 'balancer.listen', address: balancer.listen, ours: running.balancer !== null }]
      : []),
    ...nodes
      .filter(({ app }) => app.driver !== 'command')
      .map(({ id, address }) => ({ subject: id, address, ours: running.nodes.includes(id) })),
  ]
  return listeners.map(({ subject, address, ours }) => ({
    id: 'port',
    subject,
    run: async () => (ours ? ok(`${formatAddress(address)} is held by what Baton runs`) : judge(address)),
  }))
}

async function judge(address: Address): Promise<Verdict> {
  const server = createServer()
  try {
    server.listen({ ...address, exclusive: true })
    await once(server, 'listening')
    return ok(`${formatAddress(address)} is free`)
  } catch (error) {
    return refused(address, codeOf(error))
  } finally {
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
}

/** Why nobody can listen there. */
export function refused(address: Address, code: string): Verdict {
  const shown = formatAddress(address)
  if (code === 'EADDRINUSE') {
    const who = `ss -ltnp 'sport = :${address.port}' shows it`
    return problem(`${shown} is taken by another process`, `end it (${who}), or choose another address`)
  }
  if (code === 'EACCES') {
    return problem(`port ${address.port} needs rights that you do not have`, 'choose a port from 1024 on, such as 8080')
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAFNOSUPPORT') {
    return problem(
      `${address.host} is no address of this machine (${code})`,
      'use 127.0.0.1, or one that ip addr shows',
    )
  }
  return problem(`nobody can listen at ${shown} (${code})`, 'choose another address')
}
