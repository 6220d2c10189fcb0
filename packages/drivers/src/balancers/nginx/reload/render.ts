import type { Address } from '@baton/core'
import { statePaths } from '../paths.ts'
import { quote } from '../quote.ts'
import { renderServerBlock } from '../server-block.ts'
import type { ReloadNode } from './state.ts'

export interface ReloadFile {
  readonly name: string
  readonly generation: string
  /** Absolute path of the folder of nginx's socket. */
  readonly stateDir: string
  readonly listen: Address | null
  readonly nodes: readonly Pick<ReloadNode, 'id' | 'address' | 'admin' | 'weight'>[]
  /** Whether idle client connections are kept for a while when workers are replaced: nginx 1.27.4 and newer. */
  readonly hasMinTimeout: boolean
}

/** How long an idle client connection outlives a reload at least, where nginx can. */
export const minTimeoutSeconds = 5

/**
 * The upstream of the nodes that are in, and a server that tells, on a socket of its own, which generation runs. A node
 * that is out has no line: `down` would leave it in the pool, and with it nginx's rules for pools of several.
 */
export function renderReloadFile({ name, generation, stateDir, listen, nodes, hasMinTimeout }: ReloadFile): string {
  const told = nodes.map(({ id, address, admin, weight }) => ({ id, address, admin, weight }))
  const answer = `${JSON.stringify({ token: generation, nodes: told }).slice(0, -1)},"worker":$pid}`
  return `
upstream ${name} {
${serverLines(nodes).join('\n')}
    # Idle connections to nodes end before Node.js closes them itself, after 5 s.
    keepalive 64;
    keepalive_timeout 4s;
}
${hasMinTimeout ? `\n# A client that is just reusing its connection is not cut off by a reload.\nkeepalive_min_timeout ${minTimeoutSeconds}s;\n` : ''}
# For baton alone: the folder lets nobody else in.
server {
    listen ${quote(`unix:${statePaths(stateDir).listenSocket}`)};
    access_log off;
    default_type application/json;
    location = /v1/configuration {
        return 200 ${quote(answer)};
    }
    location / {
        return 404;
    }
}
${listen === null ? '' : renderServerBlock({ name, listen })}`
}

/** `max_fails=0`: a node that is in stays in until baton takes it out; one refused request must not lock the last one. */
function serverLines(nodes: ReloadFile['nodes']): string[] {
  const within = nodes.filter(({ admin }) => admin === 'in')
  // An upstream without a server is a mistake to nginx: where all are out, all are `down`, and it answers 502.
  if (within.length === 0) return nodes.map(({ address }) => `    server ${address} down;`)
  return within.map(({ address, weight }) => `    server ${address} weight=${weight} max_fails=0;`)
}
