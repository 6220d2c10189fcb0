import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findServer, repository, type ServerName } from '@baton/testkit'
import { haproxyVersion, nginxVersion } from '../programs.ts'
import { asThisUser, type Upstream } from './backend.ts'

/** A proxy under test: one worker, keep-alive on both sides, round robin, no access log. */
export interface Contestant {
  readonly name: string
  readonly version: string
  /** Writes what it needs into `folder` and says how it is started. */
  prepare(site: ProxySite): Promise<{ argv: readonly string[]; env?: Readonly<Record<string, string>> }>
}

export interface ProxySite {
  readonly folder: string
  /** It listens on this port of 127.0.0.1. */
  readonly port: number
  readonly upstreams: readonly Upstream[]
}

/** Those that are installed, and the names of those that are not. */
export function listContestants(): { present: readonly Contestant[]; missing: readonly string[] } {
  const servers: [ServerName, (program: string) => Contestant][] = [
    ['caddy', caddy],
    ['haproxy', haproxy],
    ['nginx', nginx],
  ]
  const found = servers.map(([name, make]) => ({ name, make, program: findServer(name) }))
  return {
    present: [
      baton(),
      nodePeer('http-proxy', 'peers/http-proxy.mjs'),
      nodePeer('@fastify/http-proxy', 'peers/fastify-http-proxy.mjs'),
      ...found.flatMap(({ program, make }) => (program === null ? [] : [make(program)])),
    ],
    missing: found.filter(({ program }) => program === null).map(({ name }) => name),
  }
}

function baton(): Contestant {
  return {
    name: 'baton',
    version: versionOf(join(repository, 'packages/proxy/package.json')),
    async prepare({ folder, port, upstreams }) {
      const config = {
        name: 'bench',
        listen: { host: '127.0.0.1', port },
        admin: join(folder, 'admin.sock'),
        state: join(folder, 'state.json'),
        nodes: upstreams.map(({ host, port }, index) => ({ id: `n${index + 1}`, host, port, weight: 1 })),
        // The only one of them that checks its nodes: at 1,000 nodes that is 200 checks a second besides.
        health: { type: 'http', path: '/', status: [[200, 399]], intervalMs: 5000, timeoutMs: 2000, rise: 1, fall: 3 },
      }
      await writeFile(join(folder, 'baton.json'), JSON.stringify(config))
      return { argv: [process.execPath, fileURLToPath(import.meta.resolve('@baton/proxy/main')), 'baton.json'] }
    },
  }
}

function nodePeer(name: string, script: string): Contestant {
  return {
    name,
    version: versionOf(createRequire(import.meta.url).resolve(`${name}/package.json`)),
    async prepare({ folder, port, upstreams }) {
      await writeFile(join(folder, 'upstreams.json'), JSON.stringify(upstreams))
      const program = fileURLToPath(new URL(script, import.meta.url))
      // As in production: Fastify and others look at it.
      return { argv: [process.execPath, program, String(port), 'upstreams.json'], env: { NODE_ENV: 'production' } }
    },
  }
}

function caddy(program: string): Contestant {
  return {
    name: 'caddy',
    version: execFileSync(program, ['version'], { encoding: 'utf8' }).split(' ')[0]?.trim() ?? '',
    async prepare({ folder, port, upstreams }) {
      await writeFile(
        join(folder, 'Caddyfile'),
        `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy ${upstreams.map(({ host, port }) => `${host}:${port}`).join(' ')} {
    lb_policy round_robin
    transport http {
      keepalive 600s
      keepalive_idle_conns 4096
      keepalive_idle_conns_per_host 64
    }
  }
}
`,
      )
      const env = { GOMAXPROCS: '1', HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
      return { argv: [program, 'run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], env }
    },
  }
}

function haproxy(program: string): Contestant {
  return {
    name: 'haproxy',
    version: haproxyVersion(program),
    async prepare({ folder, port, upstreams }) {
      await writeFile(
        join(folder, 'haproxy.cfg'),
        `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  http-reuse safe
frontend bench
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
${upstreams.map(({ host, port }, index) => `  server n${index + 1} ${host}:${port}`).join('\n')}
`,
      )
      return { argv: [program, '-db', '-f', 'haproxy.cfg'] }
    },
  }
}

function nginx(program: string): Contestant {
  return {
    name: 'nginx',
    version: nginxVersion(program),
    async prepare({ folder, port, upstreams }) {
      await writeFile(
        join(folder, 'nginx.conf'),
        `daemon off; worker_processes 1; pid nginx.pid; error_log stderr error; ${asThisUser()}
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  upstream nodes {
${upstreams.map(({ host, port }) => `    server ${host}:${port};`).join('\n')}
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
      )
      return { argv: [program, '-p', folder, '-c', 'nginx.conf'] }
    },
  }
}

function versionOf(packageFile: string): string {
  return JSON.parse(readFileSync(packageFile, 'utf8')).version
}
