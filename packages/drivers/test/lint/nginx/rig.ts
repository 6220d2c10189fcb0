import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NginxLintOptions } from '../../../src/balancers/nginx/lint/site.ts'
import type { Files } from '../edits.ts'

const names = ['nginx.conf', 'conf.d/baton-shop.conf', 'sites/shop']

/** A configuration that no rule finds anything in. */
export function soundNginx(base: 'reload' | 'dynamic'): Files {
  const folder = join(import.meta.dirname, base)
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
