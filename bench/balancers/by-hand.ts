import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startNginx } from '@baton/testkit'
import { nginxWorkers, type RunningWay, type WaySite } from './way.ts'

/**
 * The classic recipe: the upstream file is written anew and nginx told to reload. Nothing is waited for, and nothing is
 * known of what is in flight. `lineOf`: what stands in the upstream for a server that is out.
 */
export async function startByHand(
  { listen, nodes }: WaySite,
  { lineOf }: { readonly lineOf: (server: string) => string },
): Promise<RunningWay> {
  const upstream = (out: string | null) => {
    const lines = nodes.map(({ id, address: { host, port } }) =>
      id === out ? lineOf(`${host}:${port}`) : `server ${host}:${port};`,
    )
    return ['upstream shop {', ...lines, 'keepalive 64;', 'keepalive_timeout 4s;', '}\n'].join('\n')
  }
  const nginx = await startNginx({
    workers: nginxWorkers,
    http: `server {
      listen ${listen.host}:${listen.port};
      location / {
        proxy_pass http://shop;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-Proto $scheme;
      }
    }`,
    prepare: ({ include }) => writeFile(join(include, 'upstream.conf'), upstream(null)),
  })

  async function change(out: string | null): Promise<void> {
    await writeFile(join(nginx.include, 'upstream.conf'), upstream(out))
    const [program = '', ...args] = nginx.command
    await promisify(execFile)(program, [...args, '-s', 'reload'])
  }

  return { takeOut: change, putBack: () => change(null), stop: nginx.close }
}
