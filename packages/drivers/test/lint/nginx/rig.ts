import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NginxLintOptions } from '../../../src/balancers/nginx/lint/site.ts'
import type { Files } from '../edits.ts'

/** A configuration that no rule finds anything in. */
export function soundNginx(base: 'reload' | 'dynamic'): Files {
  const folder = join(import.meta.dirname, base)
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.conf$|^sites\//.test(name),
  )
  // The one that nginx is started with comes first.
  const names = ['nginx.conf', ...found.filter((name) => name !== 'nginx.conf').sort()]
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}

/** As `nginx -T` prints it. */
export function dumpOf(files: Files, folder = '/etc/nginx'): string {
  return Object.entries(files)
    .map(([name, text]) => `# configuration file ${folder}/${name}:\n${text}\n`)
    .join('')
}

export function nginxOptions(more: Partial<NginxLintOptions> = {}): NginxLintOptions {
  return {
    name: 'shop',
    mode: 'reload',
    nodes: [
      { id: 'web-1', address: { host: '127.0.0.1', port: 3001 } },
      { id: 'web-2', address: { host: '127.0.0.1', port: 3002 } },
    ],
    include: '/etc/nginx/conf.d',
    appKeepAliveMs: 5_000,
    build: { version: '1.22.1', isOpenResty: false },
    ...more,
  }
}
