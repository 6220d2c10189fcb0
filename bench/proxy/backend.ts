import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '@baton/testkit'
import { type ServerProcess, startServerProcess } from './server-process.ts'

/** The node that every proxy under test sends to: one nginx that answers on as many addresses as wanted. */
export interface Backend extends ServerProcess {
  /** `count` addresses, all of this one server: 127.0.1.1, 127.0.1.2 … on one port. */
  addresses(count: number): readonly Upstream[]
}

export interface Upstream {
  readonly host: string
  readonly port: number
}

export async function startBackend(nginx: string, folder: string): Promise<Backend> {
  const [port = 0] = await freePorts(1)
  await mkdir(join(folder, 'www'), { recursive: true })
  await writeFile(join(folder, 'www/64k'), randomBytes(65536))
  await writeFile(
    join(folder, 'backend.conf'),
    `daemon off; worker_processes 1; pid backend.pid; error_log stderr error; ${asThisUser()}
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on; tcp_nodelay on;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server {
    # All of 127.0.0.0/8 is this machine: one socket, any number of addresses.
    listen 0.0.0.0:${port} backlog=4096;
    location = /64k { root www; }
    location / { default_type text/plain; return 200 "hello from a node of the bench\\n"; }
  }
}
`,
  )
  const url = `http://127.0.1.1:${port}/`
  const server = await startServerProcess([nginx, '-p', folder, '-c', 'backend.conf'], { cwd: folder, url })
  return {
    ...server,
    addresses: (count) =>
      Array.from({ length: count }, (_, index) => ({
        host: `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`,
        port,
      })),
  }
}

/** nginx started by root would give its workers to a user who may not read the folder. */
export function asThisUser(): string {
  return process.getuid?.() === 0 ? 'user root;' : ''
}
